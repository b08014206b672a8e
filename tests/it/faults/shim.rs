//! Small libraries that go between a program and the system: compiled here, preloaded there.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

/// A compiled library in a folder of its own, where it finds what it reads.
pub struct Shim {
    folder: TempDir,
}

impl Shim {
    /// Compiles a source file.
    pub fn compile(source: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Postgres may be another user.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(folder.path().join("shim.so"))
            .arg(source)
            .status();
        assert!(compiled.expect("a C compiler").success());
        Self { folder }
    }

    /// The library, for `LD_PRELOAD`.
    pub fn library(&self) -> String {
        self.path("shim.so")
    }

    /// A file beside it.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}
