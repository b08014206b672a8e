//! Chooses the folder of the server's socket. It is open to the server's user (and root) only: that is the authentication.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::child::effective_uid;
use crate::error::Error;
use crate::place::short_name;

/// The number in the socket's name. No port is opened.
pub(crate) const PORT: u16 = 5432;
/// What the system allows for the path of a socket.
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// How many names under /tmp may be taken by others.
const ATTEMPTS_MAX: u32 = 100;

/// The socket file in a folder.
pub(crate) fn socket_in(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

/// Makes the folder: beside the cluster, or where that path is too long, in the runtime folder or under /tmp.
pub(crate) fn make(base: &Path, account: Option<Account>) -> Result<PathBuf, Error> {
    let owner = account.map_or_else(effective_uid, |account| account.owner().0);
    let name = short_name(base);
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime =
        runtime.filter(|folder| account.is_none() && folder.is_absolute() && folder.is_dir());
    let runtime = runtime
        .map(|folder| folder.join("ledgerdesk"))
        .filter(|folder| private(folder, owner, None).is_ok());
    let temporary = (0..ATTEMPTS_MAX).map(|number| match number {
        0 => PathBuf::from(format!("/tmp/ledgerdesk-{name}")),
        _ => PathBuf::from(format!("/tmp/ledgerdesk-{name}-{number}")),
    });
    let beside = [base.join("postgres.run")].into_iter();
    let mut candidates = beside.chain(runtime.map(|folder| folder.join(&name))).chain(temporary);
    let usable = |folder: &PathBuf| {
        fits(folder) && private(folder, owner, account).is_ok() && holds_sockets(folder)
    };
    candidates.find(usable).ok_or_else(|| Error::NoSocketDir { base: base.to_owned() })
}

/// Removes what a killed server left. The folder is ours alone, and the caller holds the cluster's lock.
pub(crate) fn sweep(folder: &Path) {
    let socket = socket_in(folder);
    let _ = fs::remove_file(&socket);
    let _ = fs::remove_file(socket.with_extension(format!("{PORT}.lock")));
}

/// Removes the folder after the server has ended.
pub(crate) fn remove(folder: &Path) {
    sweep(folder);
    let _ = fs::remove_dir(folder);
}

fn fits(folder: &Path) -> bool {
    folder.to_str().is_some()
        && socket_in(folder).as_os_str().as_bytes().len() <= SOCKET_PATH_BYTES_MAX
}

/// Makes a folder that only its owner can enter, or accepts one that is there and is so.
fn private(folder: &Path, owner: u32, account: Option<Account>) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) => {
            let found = fs::symlink_metadata(folder)?;
            if found.is_dir() && found.uid() == owner && found.mode() & 0o777 == 0o700 {
                return Ok(());
            }
            if !found.is_dir() || found.uid() != effective_uid() {
                return Err(io::ErrorKind::PermissionDenied.into()); // somebody else's, or a link to who knows where
            }
        }
        Ok(()) => {}
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    match account {
        Some(account) => {
            let (uid, gid) = account.owner();
            lchown(folder, Some(uid), Some(gid))
        }
        None => Ok(()),
    }
}

/// Some shared and virtual file systems know no sockets.
fn holds_sockets(folder: &Path) -> bool {
    let probe = folder.join(".probe");
    let _ = fs::remove_file(&probe);
    let bound = UnixListener::bind(&probe).is_ok();
    let _ = fs::remove_file(&probe);
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_path_keeps_its_socket_beside_the_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let made = make(folder.path(), None).unwrap();
        assert_eq!(made, folder.path().join("postgres.run"));
        assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_long_path_gets_a_short_private_folder_and_the_same_one_again() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("x".repeat(100));
        fs::create_dir(&base).unwrap();
        let made = make(&base, None).unwrap();
        assert!(fits(&made) && !made.starts_with(&base));
        assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
        assert_eq!(make(&base, None).unwrap(), made);
        remove(&made);
    }

    #[test]
    fn a_link_is_never_taken_for_a_private_folder() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(private(&link, effective_uid(), None).is_err());
    }

    #[test]
    fn the_leftovers_of_a_killed_server_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join(".s.PGSQL.5432.lock");
        fs::write(&lock, "1\n").unwrap();
        sweep(folder.path());
        assert!(!lock.exists());
    }
}
