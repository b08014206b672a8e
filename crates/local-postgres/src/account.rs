//! Who runs the server when this process is root, and what that user can reach.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::child::{self, effective_uid};
use crate::error::{Attempt, Error};

/// A user other than root, by numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub uid: u32,
    pub gid: u32,
    pub way: Way,
}

/// How a process of root's comes to run as another user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It changes its user.
    Become,
    /// It takes itself for that user, in a user namespace of its own, and outside of it remains root: the last resort
    /// where root may not become anyone else. Its files remain root's.
    Pretend,
}

impl Account {
    /// Who has to run the server: nobody else (`None`) unless this process is root; then whose the cluster is,
    /// else the user `postgres`, else `nobody`.
    pub fn for_cluster(cluster: &Path) -> Result<Option<Self>, Error> {
        let uid = effective_uid();
        let owner = fs::metadata(cluster).ok().map(|meta| Self {
            uid: meta.uid(),
            gid: meta.gid(),
            way: Way::Become,
        });
        if uid != 0 {
            return match owner {
                Some(owner) if owner.uid != uid => {
                    Err(Error::WrongOwner { cluster: cluster.to_owned(), owner: owner.uid, uid })
                }
                _ => Ok(None),
            };
        }
        if let Some(owner) = owner.filter(|owner| owner.uid != 0) {
            return Ok(Some(owner));
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let found = Self::named(&passwd, "postgres").or_else(|| Self::named(&passwd, "nobody"));
        let found = found.ok_or(Error::NoServerUser)?;
        let pretending = Self { way: Way::Pretend, ..found };
        let usable =
            [found, pretending].into_iter().find(Self::works).ok_or(Error::NoServerUser)?;
        Ok(Some(usable))
    }

    /// A command that runs a program as this user; its set-up ([`crate::child`]) does the rest.
    pub fn command(account: Option<Self>, program: &Path) -> Command {
        match account {
            Some(Self { uid, gid, way: Way::Pretend }) => {
                let mut command = Command::new("unshare");
                command
                    .args([
                        "--user",
                        &format!("--map-user={uid}"),
                        &format!("--map-group={gid}"),
                        "--",
                    ])
                    .arg(program);
                command
            }
            _ => Command::new(program),
        }
    }

    /// Whether a program can be run as this user at all: containers may forbid it.
    fn works(&self) -> bool {
        let mut command = Self::command(Some(*self), Path::new("/bin/true"));
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        child::bind_to_this_thread(&mut command, Some(*self));
        command.status().is_ok_and(|status| status.success())
    }

    fn named(passwd: &str, name: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (this, _, uid, gid) =
                (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            let account = Self { uid: uid.parse().ok()?, gid: gid.parse().ok()?, way: Way::Become };
            (this == name && account.uid != 0).then_some(account)
        })
    }

    /// Who its files belong to, seen from here.
    pub fn owner(&self) -> (u32, u32) {
        match self.way {
            Way::Become => (self.uid, self.gid),
            Way::Pretend => (0, 0),
        }
    }

    /// Whether this user may pass through every folder of an absolute path (by mode bits).
    pub fn reaches(&self, path: &Path) -> bool {
        path.ancestors().all(|part| match fs::metadata(part) {
            Ok(meta) => self.may_execute(meta.mode(), meta.uid(), meta.gid()),
            Err(_) => false,
        })
    }

    fn may_execute(&self, mode: u32, uid: u32, gid: u32) -> bool {
        let own = self.owner();
        let bit = if uid == own.0 {
            0o100
        } else if gid == own.1 {
            0o010
        } else {
            0o001
        };
        mode & bit != 0
    }

    /// Gives a file or folder, and all below it, to this user. Links are given, not followed.
    pub fn take(&self, path: &Path) -> Result<(), Error> {
        let (uid, gid) = self.owner();
        lchown(path, Some(uid), Some(gid)).attempt("change the owner of", path)?;
        if fs::symlink_metadata(path).attempt("read", path)?.is_dir() {
            for entry in fs::read_dir(path).attempt("list", path)? {
                self.take(&entry.attempt("list", path)?.path())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/:/bin/false\nodd\n";

    #[test]
    fn a_user_is_found_by_name_and_root_never_is() {
        assert_eq!(
            Account::named(PASSWD, "nobody"),
            Some(Account { uid: 65534, gid: 65533, way: Way::Become })
        );
        assert_eq!(Account::named(PASSWD, "postgres"), None);
        assert_eq!(Account::named(PASSWD, "root"), None);
    }

    #[test]
    fn the_first_matching_class_of_the_mode_decides() {
        let account = Account { uid: 7, gid: 8, way: Way::Become };
        assert!(account.may_execute(0o700, 7, 0));
        assert!(!account.may_execute(0o077, 7, 8));
        assert!(account.may_execute(0o010, 0, 8));
        assert!(!account.may_execute(0o701, 0, 8));
        assert!(account.may_execute(0o701, 0, 0));
    }
}
