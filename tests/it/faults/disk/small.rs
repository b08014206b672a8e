//! A small disk: a file system in memory that only the test and what it starts can see; or, where a test may not mount one, a
//! small library that lets no file grow while the disk counts as full.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::faults::shim::Shim;

/// Set in the process that has mounts of its own.
const WITHIN: &str = "TEST_WITHIN_NAMESPACE";
const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/faults/disk/shim.c");
const BALLAST: &str = "ballast";

/// Runs a test in a process that has mounts of its own, if that is possible here.
pub fn with_own_mounts(test: &str, body: impl Future<Output = ()>) {
    if std::env::var_os(WITHIN).is_some() || !may_mount() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(body);
    }
    let mut command = unshare();
    command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    let output = command.env(WITHIN, "1").output().unwrap();
    let (told, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("1 passed"), "{told}\n{errors}");
    println!("{told}");
}

/// Root needs mounts of its own; anybody else needs to be root of a namespace for that.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) != 0)
    {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "--propagation", "private", "--"]);
    command
}

fn may_mount() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mounted = unshare().args(["mount", "-t", "tmpfs", "none"]).arg(folder.path()).output();
    mounted.is_ok_and(|output| output.status.success())
}

/// A disk that can be full.
pub struct Disk {
    folder: PathBuf,
    instead: Option<Instead>,
}

/// Where nothing can be mounted.
struct Instead {
    shim: Shim,
    full: File,
}

impl Disk {
    /// A disk of so many MiB at a folder that is empty still.
    pub fn at(folder: &Path, mib: usize) -> Self {
        let folder = folder.to_owned();
        if std::env::var_os(WITHIN).is_none() {
            return Self { folder, instead: Some(Instead::new()) };
        }
        let options = format!("size={mib}m,mode=0755");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "none"])
            .arg(&folder)
            .status();
        assert!(mounted.unwrap().success());
        Self { folder, instead: None }
    }

    /// What a program needs in its environment to use it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let Some(instead) = &self.instead else { return Vec::new() };
        vec![("LD_PRELOAD", instead.shim.library()), ("TEST_DISK_FILE", instead.shim.path("full"))]
    }

    /// Nothing more can be stored.
    pub fn fill(&self) {
        if let Some(instead) = &self.instead {
            return instead.full.write_all_at(&[1], 0).unwrap();
        }
        let mut ballast = File::create(self.folder.join(BALLAST)).unwrap();
        let mut bytes = vec![0; 1 << 20];
        while !bytes.is_empty() {
            if ballast.write_all(&bytes).is_err() {
                bytes.truncate(bytes.len() / 2);
            }
        }
    }

    /// There is room again.
    pub fn clear(&self) {
        match &self.instead {
            Some(instead) => instead.full.write_all_at(&[0], 0).unwrap(),
            None => std::fs::remove_file(self.folder.join(BALLAST)).unwrap(),
        }
    }
}

impl Instead {
    fn new() -> Self {
        let shim = Shim::compile(SHIM);
        let full = File::create(shim.path("full")).unwrap();
        full.write_all_at(&[0], 0).unwrap();
        Self { shim, full }
    }
}
