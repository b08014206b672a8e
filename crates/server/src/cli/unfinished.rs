//! A file or folder that has its name once it is whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Where it is made until then.
pub fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Gives it its name, on the disk, too.
pub fn name(path: &Path) -> io::Result<()> {
    fs::rename(beside(path), path)?;
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
