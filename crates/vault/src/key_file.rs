//! The file that holds the master keys: made on first use, readable by its owner only, the same for all who race to make it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use decider::WorkspaceId;
use zeroize::Zeroizing;

use crate::error::KeyFileError;
use crate::master::{Master, MasterKey};
use crate::seal::{KEY_BYTES, KeyBytes};

const HEADER: &str = "ledgerdesk-keys 1";
const BYTES_MAX: u64 = 64 * 1024;

/// Reads the key file. Made if it is missing and `may_create`.
///
/// One key per line, `number base64`; to rotate, add a line with a higher number: it wraps from then on, the others unwrap.
pub fn read_or_create(path: &Path, may_create: bool) -> Result<Master, KeyFileError> {
    match read(path) {
        Err(KeyFileError::Missing { .. }) if may_create => {
            create(path).map_err(|source| io_error(path, source))?;
            read(path)
        }
        outcome => outcome,
    }
}

/// The mark of a key file, as [`crate::Vault::key_file_mark`] tells it: for whoever has to know before a database is bound to it.
///
/// # Errors
/// When there is none, or it cannot be used.
pub fn mark(path: &Path, ws: WorkspaceId) -> Result<[u8; 32], KeyFileError> {
    read(path).map(|master| master.mark(ws))
}

fn read(path: &Path) -> Result<Master, KeyFileError> {
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing { path: path.to_owned() },
        _ => io_error(path, source),
    })?;
    let facts = file.metadata().map_err(|source| io_error(path, source))?;
    let mode = facts.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Permissions { path: path.to_owned(), mode });
    }
    if !facts.is_file() || facts.len() > BYTES_MAX {
        return Err(malformed(path));
    }
    let mut text = Zeroizing::new(String::with_capacity(BYTES_MAX as usize));
    file.take(BYTES_MAX).read_to_string(&mut text).map_err(|source| io_error(path, source))?;
    parse(&text).ok_or_else(|| malformed(path))
}

fn parse(text: &str) -> Option<Master> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return None;
    }
    let mut keys: Vec<MasterKey> = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let key = parse_key(line)?;
        if keys.last().is_some_and(|last| last.number >= key.number) {
            return None;
        }
        keys.push(key);
    }
    let mut keys = keys.into_iter();
    let first = keys.next()?;
    Some(Master::new(first, keys.collect()))
}

fn parse_key(line: &str) -> Option<MasterKey> {
    let (number, encoded) = line.trim().split_once(' ')?;
    let mut bytes = Zeroizing::new([0; KEY_BYTES + 1]);
    // Decoded into a fixed buffer, so that no copy is left behind on the heap.
    let length = STANDARD.decode_slice(encoded, &mut bytes[..]).ok()?;
    Some(MasterKey { number: number.parse().ok()?, bytes: KeyBytes::from_slice(&bytes[..length])? })
}

/// Writes a complete file aside and links it into place: whoever comes second finds the file of the first.
fn create(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", rand::random::<u64>()));
    let aside = folder.join(name);
    let outcome = write_new(&aside).and_then(|()| fs::hard_link(&aside, path));
    let removed = fs::remove_file(&aside);
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => removed?,
    }
    File::open(&folder)?.sync_all()
}

fn write_new(path: &Path) -> io::Result<()> {
    let key = KeyBytes::random();
    let encoded = Zeroizing::new(STANDARD.encode(key.as_bytes()));
    let text = Zeroizing::new(format!("{HEADER}\n1 {}\n", encoded.as_str()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn io_error(path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::Io { path: path.to_owned(), source }
}

fn malformed(path: &Path) -> KeyFileError {
    KeyFileError::Malformed { path: path.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use decider::WorkspaceId;
    use uuid::Uuid;

    use super::*;

    fn mark(master: &Master) -> [u8; 32] {
        master.mac(WorkspaceId(Uuid::nil()), "test", b"")
    }

    #[test]
    fn all_who_race_for_the_first_use_get_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/keys");
        let marks: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| mark(&read_or_create(&path, true).unwrap())))
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        assert!(marks.iter().all(|other| *other == marks[0]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing else is left in the folder");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        read_or_create(&path, true).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = read_or_create(&path, true).err().unwrap();
        assert!(matches!(error, KeyFileError::Permissions { mode: 0o640, .. }));
        assert!(error.to_string().contains("chmod 600"));
    }

    #[test]
    fn a_missing_file_is_not_replaced_by_a_new_one_unless_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        assert!(matches!(read_or_create(&path, false), Err(KeyFileError::Missing { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let whole =
            format!("{HEADER}\n1 {}\n2 {}\n", STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
        assert!(parse(&whole).is_some());
        for text in [
            String::new(),
            HEADER.to_owned(),
            whole.replace("keys 1", "keys 9"),
            whole.replace("\n2 ", "\n1 "),
            whole.replace("\n1 ", "\nx "),
            whole[..whole.len() - 9].to_owned(),
            format!("{HEADER}\n1 {}\n", STANDARD.encode([1; 33])),
        ] {
            assert!(parse(&text).is_none(), "{text:?}");
        }
    }
}
