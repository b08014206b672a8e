//! What lies on the disk: space, key file, object store.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Finding;
use crate::config::Config;
use crate::disk::free_kib;

/// Less free space than this is worth a word; less than the second has to be mended.
const SPACE_KIB: (u64, u64) = (5 << 20, 512 << 10);

pub async fn look(config: &Config) -> Vec<Finding> {
    let config = config.clone();
    let looked = tokio::task::spawn_blocking(move || {
        vec![
            space(&config.data),
            key_file(&config.key_file),
            objects(&config.objects),
            binaries(&config),
        ]
    });
    looked.await.unwrap_or_default()
}

fn space(data: &Path) -> Finding {
    const CHECK: &str = "disk space";
    let Some(free) = nearest_existing(data).and_then(free_kib) else {
        return Finding::warn(CHECK, "not known", "look with `df -h`");
    };
    let seen = format!("{:.1} GiB free", free as f64 / f64::from(1 << 20));
    if free < SPACE_KIB.1 {
        return Finding::fail(CHECK, seen, "make room: Postgres stops when the disk is full");
    }
    if free < SPACE_KIB.0 {
        return Finding::warn(CHECK, seen, "make room before it runs out");
    }
    Finding::ok(CHECK, seen)
}

fn nearest_existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|path| path.exists()).or(Some(Path::new(".")))
}

fn key_file(path: &Path) -> Finding {
    const CHECK: &str = "key file";
    let shown = path.display();
    let facts = match fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let advice = "the first start makes one; if this database was used before, restore it from the backup";
            return Finding::warn(CHECK, format!("{shown} is not there"), advice);
        }
        Err(error) => {
            return Finding::fail(
                CHECK,
                format!("{shown}: {error}"),
                "make it readable for this user",
            );
        }
    };
    let mode = facts.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let seen = format!("{shown} can be read by others (mode {mode:03o})");
        return Finding::fail(CHECK, seen, format!("chmod 600 {shown}"));
    }
    Finding::ok(
        CHECK,
        format!("{shown}, for its owner only; keep a copy apart from the database's"),
    )
}

fn objects(folder: &Path) -> Finding {
    const CHECK: &str = "object store";
    let shown = folder.display();
    if !folder.exists() {
        return Finding::ok(CHECK, format!("{shown} is not there yet; the first start makes it"));
    }
    match write_and_remove(folder) {
        Ok(()) => Finding::ok(CHECK, format!("{shown} takes files and syncs them to the disk")),
        Err(error) => Finding::fail(
            CHECK,
            format!("{shown}: {error}"),
            "make it writable for the user who runs the server",
        ),
    }
}

fn write_and_remove(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!("doctor.{}", std::process::id()));
    let mut file = File::create_new(&path)?;
    let written = file.write_all(b"doctor").and_then(|()| file.sync_all());
    fs::remove_file(&path)?;
    written?;
    File::open(folder)?.sync_all()
}

fn binaries(config: &Config) -> Finding {
    const CHECK: &str = "Postgres programs";
    if config.database.url.is_some() {
        return Finding::ok(CHECK, "not needed: DATABASE_URL names a server");
    }
    let cluster = config.data.join("postgres");
    match local_postgres::find_binaries(Some(&cluster)) {
        Ok(found) => Finding::ok(CHECK, format!("{} in {}", found.version, found.folder.display())),
        Err(error) => Finding::fail(CHECK, "none that fits", error.to_string()),
    }
}
