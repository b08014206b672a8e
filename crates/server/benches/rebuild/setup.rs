//! A service with invented history whose views have caught up.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use decider::WorkspaceId;
use event_store::log::RecentCommits;
use event_store::projection::rebuild::{Build, BuildState, Workshop};
use event_store::projection::{
    LogSource, ProjectionType, Projector, ProjectorParts, prepare_to_serve,
};
use server::config::{Config, Flags};
use server::database::{PoolSizes, Starter};
use server::generate::{Plan, run};
use server::running;
use server::seed;
use server::service::Service;

pub struct Setup {
    pub service: Service,
    pub ws: WorkspaceId,
    folder: Option<tempfile::TempDir>,
}

impl Setup {
    pub async fn filled(tickets: u64) -> Self {
        let (folder, data) = folder();
        let values: Vec<(&'static str, OsString)> = vec![("data", data.join("data").into())];
        let config = Config::from_layers(&Flags { config: None, values }, []).unwrap();
        let service = Service::open(config, Starter::Server, PoolSizes::SERVER).await.unwrap();
        let ws = service.workspace().unwrap();
        seed::workspace(&service, ws).await.unwrap();
        let plan = Plan { tickets, agents: 20, seed: 1, among_others: false };
        run(&service, ws, plan, &mut |_| {}).await.unwrap();
        let setup = Self { service, ws, folder };
        let all = projections::registry();
        let places = prepare_to_serve(&setup.service.pools.project, &all).await.unwrap();
        for view in places.building {
            setup.workshop().rebuild(view, &|_| {}).await.unwrap();
        }
        let places = prepare_to_serve(&setup.service.pools.project, &all).await.unwrap();
        setup.service.pools.search_path.set(places.search_path().as_str());
        for view in places.present {
            setup.projector(view).catch_up().await.unwrap();
        }
        setup
    }

    /// Leads readers to the builds that are active now.
    pub async fn lead_readers(&self) {
        let all = projections::registry();
        let places = prepare_to_serve(&self.service.pools.project, &all).await.unwrap();
        self.service.pools.search_path.set(places.search_path().as_str());
    }

    /// The build that readers see.
    pub async fn read_build(&self, view: ProjectionType) -> u32 {
        let known = self.workshop().builds().await.unwrap();
        let read = |build: &&Build| {
            (build.name.as_str(), build.version, build.state)
                == (view.name, view.version, BuildState::Active)
        };
        known.iter().find(read).unwrap().build
    }

    /// How many events there are.
    pub async fn events(&self) -> u64 {
        self.service.reader.head(self.ws).await.unwrap().position.0
    }

    pub fn workshop(&self) -> Workshop {
        running::workshop(&self.service)
    }

    pub fn source(&self) -> LogSource {
        LogSource::new(self.service.reader.clone(), RecentCommits::default())
    }

    pub fn projector(&self, view: ProjectionType) -> Projector {
        let parts = ProjectorParts {
            source: self.source(),
            pool: self.service.pools.project.clone(),
            vault: Some(self.service.vault.clone()),
        };
        Projector::new(parts, view, self.ws)
    }

    pub async fn stop(self) {
        self.service.stop().await;
        drop(self.folder);
    }
}

/// A folder of its own, or the one to keep.
fn folder() -> (Option<tempfile::TempDir>, PathBuf) {
    if let Ok(kept) = std::env::var("KEEP") {
        std::fs::create_dir_all(&kept).unwrap();
        open_to_all(Path::new(&kept));
        return (None, kept.into());
    }
    let folder =
        tempfile::Builder::new().prefix("ledgerdesk-bench").tempdir_in("/var/tmp").unwrap();
    open_to_all(folder.path());
    let path = folder.path().to_owned();
    (Some(folder), path)
}

/// Postgres works there as another user.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The peak of memory counts from now on.
pub fn forget_peak() {
    // Where the kernel does not allow it, the peak is that of the whole run.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

pub fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}
