//! Who runs the server when this process is root, and what that user can reach.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

use crate::child::effective_uid;
use crate::error::{Attempt, Error};

/// A user other than root, by numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub uid: u32,
    pub gid: u32,
}

impl Account {
    /// Who has to run the server: nobody else (`None`) unless this process is root; then whose the cluster is,
    /// else the user `postgres`, else `nobody`.
    pub fn for_cluster(cluster: &Path) -> Result<Option<Self>, Error> {
        let uid = effective_uid();
        let owner =
            fs::metadata(cluster).ok().map(|meta| Self { uid: meta.uid(), gid: meta.gid() });
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
        found.map(Some).ok_or(Error::NoServerUser)
    }

    fn named(passwd: &str, name: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (this, _, uid, gid) =
                (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            let account = Self { uid: uid.parse().ok()?, gid: gid.parse().ok()? };
            (this == name && account.uid != 0).then_some(account)
        })
    }

    /// Whether this user may pass through every folder of an absolute path (by mode bits).
    pub fn reaches(&self, path: &Path) -> bool {
        path.ancestors().all(|part| match fs::metadata(part) {
            Ok(meta) => self.may_execute(meta.mode(), meta.uid(), meta.gid()),
            Err(_) => false,
        })
    }

    fn may_execute(&self, mode: u32, uid: u32, gid: u32) -> bool {
        let bit = if uid == self.uid {
            0o100
        } else if gid == self.gid {
            0o010
        } else {
            0o001
        };
        mode & bit != 0
    }

    /// Gives a file or folder, and all below it, to this user. Links are given, not followed.
    pub fn take(&self, path: &Path) -> Result<(), Error> {
        lchown(path, Some(self.uid), Some(self.gid)).attempt("change the owner of", path)?;
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
        assert_eq!(Account::named(PASSWD, "nobody"), Some(Account { uid: 65534, gid: 65533 }));
        assert_eq!(Account::named(PASSWD, "postgres"), None);
        assert_eq!(Account::named(PASSWD, "root"), None);
    }

    #[test]
    fn the_first_matching_class_of_the_mode_decides() {
        let account = Account { uid: 7, gid: 8 };
        assert!(account.may_execute(0o700, 7, 0));
        assert!(!account.may_execute(0o077, 7, 8));
        assert!(account.may_execute(0o010, 0, 8));
        assert!(!account.may_execute(0o701, 0, 8));
        assert!(account.may_execute(0o701, 0, 0));
    }
}
