//! Where the files of a data folder's cluster are, who owns it at present (an `flock`) and where its socket is (a record).

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::error::{Attempt, Error};
use crate::{log_file, processes};

/// Where root puts clusters whose data folder the server's user cannot reach.
const SYSTEM_FOLDER: &str = "/var/lib/ledgerdesk";
/// How many data folders of one path may have come and gone.
const FOLDERS_PER_PATH_MAX: u32 = 1000;

/// How long a lock may outlive its owner.
const FORK_PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// The folders and files of one cluster. `base` is the data folder, unless root had to go elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub data: PathBuf,
    pub base: PathBuf,
}

/// Who holds the lock of a cluster.
pub(crate) enum Ownership {
    /// This call took it.
    Mine(File),
    /// Another one has it.
    Taken,
}

/// What an owner tells those who attach, once its server is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub socket_dir: PathBuf,
    pub port: u16,
    pub postmaster: u32,
}

impl Place {
    /// The place of an existing data folder; `None` when there is no such folder.
    pub fn find(data: &Path) -> Result<Option<Self>, Error> {
        let data = match fs::canonicalize(data) {
            Ok(data) => data,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).attempt("find the data folder", data),
        };
        let base = read_location(&data)?.unwrap_or_else(|| data.clone());
        Ok(Some(Self { data, base }))
    }

    /// The place of a data folder, which is made when missing. Root goes elsewhere when the server's user cannot reach it.
    pub fn make(data: &Path) -> Result<Self, Error> {
        fs::create_dir_all(data).attempt("create the data folder", data)?;
        let Some(place) = Self::find(data)? else {
            return Err(Error::Io {
                attempt: "create the data folder",
                path: data.to_owned(),
                source: io::ErrorKind::NotFound.into(),
            });
        };
        let Some(account) = Account::for_cluster(&place.cluster())? else { return Ok(place) };
        if account.reaches(&place.base) {
            return Ok(place);
        }
        if place.base != place.data || place.cluster().exists() {
            return Err(Error::Unreachable { path: place.cluster(), uid: account.uid }); // never start a second, empty one
        }
        let base = relocate(&place.data)?;
        tracing::info!(data = %place.data.display(), cluster = %base.display(), "the server's user cannot reach the data folder");
        Ok(Self { base, ..place })
    }

    pub fn cluster(&self) -> PathBuf {
        self.base.join("postgres")
    }

    /// Where a cluster is created, before it gets its name.
    pub fn unfinished(&self) -> PathBuf {
        self.base.join("postgres.new")
    }

    pub fn log(&self) -> PathBuf {
        log_file::path_in(&self.data)
    }

    fn record(&self) -> PathBuf {
        self.base.join("postgres.socket")
    }

    fn lock(&self) -> PathBuf {
        self.base.join("postgres.lock")
    }

    /// Becomes the owner, if there is none.
    pub fn own(&self) -> Result<Ownership, Error> {
        let path = self.lock();
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let file = open.attempt("open the lock", &path)?;
        match file.try_lock() {
            Ok(()) => Ok(Ownership::Mine(file)),
            Err(TryLockError::WouldBlock) => Ok(Ownership::Taken),
            Err(TryLockError::Error(error)) => Err(error).attempt("lock", &path),
        }
    }

    /// Becomes the owner of a cluster that does not run. Its lock may outlive the owner for a moment, in a process that was
    /// just forked and does not yet run its program.
    pub fn own_idle(&self) -> Result<File, Error> {
        let deadline = Instant::now() + FORK_PATIENCE;
        loop {
            if let Ownership::Mine(lock) = self.own()? {
                return Ok(lock);
            }
            let cluster = self.cluster();
            if !processes::using(&cluster).is_empty() || Instant::now() > deadline {
                return Err(Error::InUse { cluster });
            }
            sleep(PAUSE);
        }
    }

    /// Whether a live process owns the cluster.
    pub fn is_owned(&self) -> Result<bool, Error> {
        let path = self.lock();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error).attempt("open the lock", &path),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error).attempt("lock", &path),
        }
    }

    pub fn read_record(&self) -> Option<Record> {
        Record::parse(&fs::read(self.record()).ok()?)
    }

    pub fn write_record(&self, record: &Record) -> Result<(), Error> {
        let path = self.record();
        write_whole(&path, &record.print()).attempt("write", &path)
    }

    pub fn clear_record(&self) {
        let _ = fs::remove_file(self.record());
    }

    /// Deletes the cluster and what belongs to it; the caller holds the lock.
    pub fn delete(&self) -> Result<(), Error> {
        self.clear_record();
        for folder in [self.cluster(), self.unfinished(), self.base.join("postgres.run")] {
            remove_folder(&folder)?;
        }
        if self.base != self.data && self.base.starts_with(SYSTEM_FOLDER) {
            remove_folder(&self.base)?;
            let location = location_file(&self.data);
            fs::remove_file(&location).attempt("remove", &location)?;
        }
        Ok(())
    }
}

impl Record {
    fn print(&self) -> Vec<u8> {
        let mut text = format!("{}\n{}\n", self.postmaster, self.port).into_bytes();
        text.extend_from_slice(self.socket_dir.as_os_str().as_bytes());
        text
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
        let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<u32>().ok();
        let (postmaster, port) = (number()?, u16::try_from(number()?).ok()?);
        let socket_dir = path_from(parts.next()?.to_vec());
        socket_dir.is_absolute().then_some(Self { socket_dir, port, postmaster })
    }
}

/// Removes a folder with all in it; one that is not there is fine.
pub(crate) fn remove_folder(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).attempt("remove", folder)
        }
        _ => Ok(()),
    }
}

/// A short name for a path, the same on every machine and for ever (FNV-1a, 64 bits).
pub(crate) fn short_name(path: &Path) -> String {
    let hash = path.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn location_file(data: &Path) -> PathBuf {
    data.join("postgres.location")
}

fn read_location(data: &Path) -> Result<Option<PathBuf>, Error> {
    let file = location_file(data);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).attempt("read", &file),
    };
    let cluster = path_from(text.strip_suffix(b"\n").unwrap_or(&text).to_vec());
    let base = cluster.parent().filter(|base| base.is_absolute()).map(Path::to_owned);
    base.map(Some).ok_or(Error::Io {
        attempt: "read a cluster's path from",
        path: file,
        source: io::ErrorKind::InvalidData.into(),
    })
}

/// Makes a folder for the cluster under [`SYSTEM_FOLDER`] and names it in the data folder. Of two who try at once, one wins.
///
/// A folder that is there already belonged to an earlier data folder of this path, and is left alone.
fn relocate(data: &Path) -> Result<PathBuf, Error> {
    let parent = Path::new(SYSTEM_FOLDER);
    DirBuilder::new().recursive(true).mode(0o755).create(parent).attempt("create", parent)?;
    let name = short_name(data);
    for number in 1..=FOLDERS_PER_PATH_MAX {
        let base = parent.join(if number == 1 { name.clone() } else { format!("{name}-{number}") });
        match DirBuilder::new().mode(0o755).create(&base) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error).attempt("create", &base),
        }
        return match announce(data, &base) {
            Ok(()) => Ok(base),
            Err(error) => {
                let _ = fs::remove_dir(&base);
                read_location(data)?.ok_or(error)
            }
        };
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists)).attempt("create a folder in", parent)
}

fn announce(data: &Path, base: &Path) -> Result<(), Error> {
    let location = location_file(data);
    let own_name = base.file_name().unwrap_or_default().to_string_lossy(); // nobody else has this base
    let draft = data.join(format!("postgres.location.{own_name}"));
    let mut text = base.join("postgres").into_os_string().into_vec();
    text.push(b'\n');
    write_whole(&draft, &text).attempt("write", &draft)?;
    let linked = fs::hard_link(&draft, &location); // refuses when another one was first
    let _ = fs::remove_file(&draft);
    linked.attempt("write", &location)?;
    sync_folder(data)
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = PathBuf::from({
        let mut name = path.as_os_str().to_owned();
        name.push(".tmp");
        name
    });
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).attempt("sync", folder)
}

fn path_from(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = Record { socket_dir: "/tmp/a b/\u{e9}".into(), port: 5432, postmaster: 17 };
        assert_eq!(Record::parse(&record.print()), Some(record));
        assert_eq!(Record::parse(b"17\n5432\nrelative"), None);
        assert_eq!(Record::parse(b""), None);
    }

    #[test]
    fn the_short_name_of_a_path_never_changes() {
        assert_eq!(short_name(Path::new("")), "cbf29ce484222325");
        assert_eq!(short_name(Path::new("a")), "af63dc4c8601ec8c");
    }

    #[test]
    fn of_two_owners_the_second_finds_the_place_taken() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { data: folder.path().into(), base: folder.path().into() };
        assert!(!place.is_owned().unwrap());
        let mine = place.own().unwrap();
        assert!(matches!(mine, Ownership::Mine(_)));
        assert!(matches!(place.own().unwrap(), Ownership::Taken));
        assert!(place.is_owned().unwrap());
        drop(mine);
        assert!(!place.is_owned().unwrap());
    }
}
