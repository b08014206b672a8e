//! A service with its views and its door: what `serve` and the tests start, and how it ends without losing anything.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use api::{App, AppParts, DraftSweep, Settings, sweep_finished_drafts};
use erasure::{Neighbours, attend};
use event_store::log::{notify, watch_over};
use event_store::projection::rebuild::Workshop;
use event_store::projection::{
    self, Checkpoints, Engine, EngineHandle, EngineParts, ProjectionStatus,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::database::oldest_snapshot;
use crate::door;
use crate::heads::{HeadSigner, LOOK_EVERY};
use crate::scrubber;
use crate::service::{Service, ServiceError, now};

/// How long a server that is one of several still takes requests after it has said that it ends: whoever shares requests out
/// between them has to notice.
const LINGER: Duration = Duration::from_secs(1);
/// How long running requests may take once the door is closed.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);
/// How long the views may take to reach the end of their batch.
const VIEWS_WITHIN: Duration = Duration::from_secs(2);
/// How long this server may take to say that it ends, so that no erasure waits for it.
const ERASURES_WITHIN: Duration = Duration::from_secs(1);
/// How often what time has made worthless is removed.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// How often words are looked for that a crash kept from going with their draft; the first time at the start.
const DRAFTS_EVERY: Duration = Duration::from_secs(60);
/// How long one of these may take, so that no dead connection ends the others.
const CHORE_WITHIN: Duration = Duration::from_secs(60);
/// How often the metrics are tidied.
const METRICS_EVERY: Duration = Duration::from_secs(5);

/// A service at work.
pub struct Running {
    /// The application behind the door.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    service: Service,
    engine: SharedEngine,
    ending: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    door: JoinHandle<std::io::Result<()>>,
    chores: JoinHandle<()>,
    notices: JoinHandle<()>,
    erasures: JoinHandle<()>,
    continuity: JoinHandle<()>,
    scrubber: JoinHandle<()>,
    /// Dropping it would end the views.
    _views: watch::Sender<bool>,
}

/// The views, until they are stopped.
type SharedEngine = Arc<Mutex<Option<EngineHandle>>>;

impl Running {
    /// Starts the views and opens the door.
    ///
    /// # Errors
    /// When the tables of the views cannot be made; then the service has been stopped.
    pub async fn start(service: Service, listener: TcpListener) -> Result<Self, ServiceError> {
        let projections = projections::registry();
        let prepared = projection::prepare_to_serve(&service.pools.project, &projections).await;
        let (places, address) = match (prepared, listener.local_addr()) {
            (Ok(places), Ok(address)) => (places, address),
            (Err(error), _) => {
                service.stop().await;
                return Err(ServiceError::Views(error));
            }
            (_, Err(error)) => {
                service.stop().await;
                return Err(ServiceError::Views(sqlx::Error::Io(error)));
            }
        };
        let readers = service.pools.search_path.clone();
        readers.set(places.search_path().as_str());
        let (ending, ends) = watch::channel(false);
        let (stop, stopping) = watch::channel(false);
        let (views, shutdown) = watch::channel(false);
        let engine = Engine::start(EngineParts {
            projections: places.present.clone(),
            readers: Arc::new(move |path| readers.set(path.as_str())),
            reader: service.reader.clone(),
            recent: service.handler.recent().clone(),
            pool: service.pools.project.clone(),
            vault: Some(service.vault.clone()),
            shutdown: shutdown.clone(),
        });
        let checkpoints = engine.checkpoints().clone();
        let engine: SharedEngine = Arc::new(Mutex::new(Some(engine)));
        let app = App::new(parts(&service, checkpoints, (Arc::clone(&engine), ends)));
        app.build_missing_views(&places.building);
        // Other nodes, and commands beside this one, tell at once what they wrote; without them a poll finds it a second later.
        let notices = notify::spawn(
            PgConnectOptions::clone(&service.pools.append.connect_options()),
            service.handler.recent().clone(),
            shutdown,
        );
        let recent = service.handler.recent().clone();
        let continuity = watch_over(service.reader.clone(), recent, stopping.clone());
        let erasures = attend_to_erasures(&service, stopping.clone());
        let scrubber =
            scrubber::spawn(workshop(&service), service.reader.clone(), projections::registry());
        let door = tokio::spawn(door::serve(listener, app.clone(), stopping));
        let signer = HeadSigner::of(&service);
        let chores = tokio::spawn(chores(
            app.clone(),
            service.ops.clone(),
            signer,
            service.pools.ops.clone(),
        ));
        Ok(Self {
            app,
            address,
            service,
            engine,
            ending,
            stop,
            door,
            chores,
            notices,
            erasures,
            continuity,
            scrubber,
            _views: views,
        })
    }

    /// The service behind it.
    #[must_use]
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// Waits until the door closes by itself, which it never should.
    pub async fn failed(&mut self) {
        let ended = (&mut self.door).await;
        tracing::error!(?ended, "the server no longer takes connections");
    }

    /// Says that it ends, stops taking connections, finishes running requests, stops the views at the end of their batch, gives
    /// the connections back, and stops the private Postgres last.
    pub async fn stop(self) {
        self.ending.send_replace(true);
        self.chores.abort();
        if self.service.config.database.url.is_some() {
            tokio::time::sleep(LINGER).await;
        }
        self.stop.send_replace(true);
        // Live connections end only if they are told to.
        self.app.live().stop();
        self.app.lists().stop();
        self.continuity.abort();
        self.scrubber.abort();
        let mut door = self.door;
        if !door.is_finished() && timeout(DRAIN_WITHIN, &mut door).await.is_err() {
            tracing::warn!("some requests took too long and were cut off");
            door.abort();
        }
        let mut erasures = self.erasures;
        if timeout(ERASURES_WITHIN, &mut erasures).await.is_err() {
            erasures.abort();
        }
        // Until here the last requests have written.
        self.notices.abort();
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(engine) = engine
            && timeout(VIEWS_WITHIN, engine.stop()).await.is_err()
        {
            tracing::warn!(
                "the views did not reach the end of their batch; they go on from their checkpoint"
            );
        }
        drop(self.app);
        self.service.stop().await;
    }
}

/// Carries out erasures until the server stops.
fn attend_to_erasures(service: &Service, stopping: watch::Receiver<bool>) -> JoinHandle<()> {
    let neighbours = match service.config.database.url {
        Some(_) => Neighbours::Possible,
        None => Neighbours::None,
    };
    let attended = (service.workspaces.clone(), neighbours);
    tokio::spawn(attend(service.erasing(), attended, stopping))
}

fn parts(
    service: &Service,
    checkpoints: Checkpoints,
    (engine, ending): (SharedEngine, watch::Receiver<bool>),
) -> AppParts {
    let config = &service.config;
    let settings = Settings {
        cookie_secure: config.public_url.as_ref().is_some_and(|url| url.starts_with("https://")),
        public_url: config.public_url.clone(),
        client_address_header: config.client_address_header.clone(),
        metrics_open: config.metrics_open,
        ..Settings::default()
    };
    AppParts {
        handler: service.handler.clone(),
        reader: service.reader.clone(),
        views: service.pools.read.clone(),
        vault: service.vault.clone(),
        objects: service.objects.clone(),
        ops: service.ops.clone(),
        erasing: service.erasing(),
        checkpoints,
        view_status: Arc::new(move || -> Vec<ProjectionStatus> {
            let engine = engine.lock().unwrap_or_else(PoisonError::into_inner);
            engine.as_ref().map(EngineHandle::status).unwrap_or_default()
        }),
        workshop: workshop(service),
        projections: projections::registry(),
        metrics: metrics_handle(),
        ending,
        settings,
    }
}

/// The application without a door, for a command beside a server: it runs no view and is told of none.
#[must_use]
pub fn application(service: &Service, checkpoints: Checkpoints) -> App {
    let (_, ending) = watch::channel(false);
    App::new(parts(service, checkpoints, (Arc::default(), ending)))
}

/// Where the views of a service are built.
pub fn workshop(service: &Service) -> Workshop {
    let (reader, pool) = (service.reader.clone(), service.pools.build.clone());
    Workshop::new(reader, pool, Some(service.vault.clone()))
}

async fn chores(app: App, ops: ops::Ops, mut signer: HeadSigner, pool: PgPool) {
    let mut swept = DraftSweep::default();
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let mut drafts = tokio::time::interval(DRAFTS_EVERY);
    let mut tidy = tokio::time::interval(METRICS_EVERY);
    let mut heads = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = sweep.tick() => match timeout(CHORE_WITHIN, ops.sweep(now())).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "old sign-in records could not be removed"),
                Err(_) => tracing::warn!("old sign-in records could not be removed in time"),
            },
            _ = drafts.tick() => match timeout(CHORE_WITHIN, sweep_finished_drafts(&app, &mut swept)).await {
                Ok(Ok(0)) => {}
                Ok(Ok(count)) => tracing::info!(count, "words of finished drafts were removed"),
                Ok(Err(error)) => tracing::warn!(?error, "words of finished drafts stay for now"),
                Err(_) => tracing::warn!("words of finished drafts could not be removed in time"),
            },
            _ = heads.tick() => match timeout(CHORE_WITHIN, signer.look(now())).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "the head of the log could not be signed"),
                Err(_) => tracing::warn!("the head of the log could not be signed in time"),
            },
            _ = tidy.tick() => {
                app.vault().drop_old_keys();
                if let Some(metrics) = metrics_handle() {
                    metrics.run_upkeep();
                }
                // Where the database is away, other metrics say so.
                if let Ok(Ok(age)) = timeout(METRICS_EVERY, oldest_snapshot(&pool)).await {
                    metrics::gauge!("ledgerdesk_oldest_snapshot_seconds").set(age);
                }
            }
        }
    }
}

/// The collector of this process; one, however many services run in it.
fn metrics_handle() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().ok()).clone()
}
