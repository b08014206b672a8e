//! Where an export goes: stdout, or a file that has its name once it is whole.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::{CliError, output, unfinished};

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

/// Where an export goes.
pub struct Outlet {
    writer: BufWriter<Target>,
    named: Option<PathBuf>,
}

enum Target {
    Stdout(io::Stdout),
    File(File),
}

impl Outlet {
    /// Opens it. A file is written beside its name, for its owner's eyes only.
    pub fn open(out: Option<&Path>) -> Result<Self, CliError> {
        let target = match out {
            None => Target::Stdout(io::stdout()),
            Some(path) if path.exists() => {
                return Err(CliError::Exists { path: path.display().to_string() });
            }
            Some(path) => {
                let mut options = OpenOptions::new();
                let file = options.write(true).create(true).truncate(true).mode(0o600);
                Target::File(file.open(unfinished::beside(path)).map_err(CliError::Export)?)
            }
        };
        let writer = BufWriter::with_capacity(BUFFER_BYTES, target);
        Ok(Self { writer, named: out.map(Path::to_owned) })
    }

    /// Everything was written: it reaches its reader, or the disk and then its name.
    pub fn finish(mut self) -> Result<(), CliError> {
        self.settle().map_err(CliError::Export)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        let (Target::File(file), Some(path)) = (self.writer.get_ref(), &self.named) else {
            return Ok(());
        };
        file.sync_all()?;
        unfinished::name(path)
    }
}

/// Tells what was exported: on stdout, unless the export itself went there.
pub fn tell(
    out: Option<&Path>,
    (json, as_json): (bool, &impl Serialize),
    text: &str,
) -> Result<(), CliError> {
    match (out, json) {
        (Some(_), true) => output::json_line(as_json),
        (Some(_), false) => output::line(text),
        (None, _) => {
            eprintln!("{text}");
            Ok(())
        }
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}
