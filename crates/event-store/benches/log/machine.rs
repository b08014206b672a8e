//! The limits of the machine: durable writes per second, hashing.

use std::io::Write;
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::setup::{Setup, duration};
use crate::table::Table;

pub fn measure(setup: &Setup, table: &mut Table) {
    let mut file = std::fs::File::create(setup.folder.path().join("fsync")).unwrap();
    let (started, mut count) = (Instant::now(), 0u32);
    while started.elapsed() < duration() {
        file.write_all(&[7; 8192]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    table.add(
        "write 8 KiB and fdatasync",
        "per second",
        f64::from(count) / started.elapsed().as_secs_f64(),
    );
    hashing(table);
}

pub fn hashing(table: &mut Table) {
    let block = vec![7u8; 1 << 20];
    let (started, mut bytes) = (Instant::now(), 0usize);
    while started.elapsed() < duration() / 4 {
        std::hint::black_box(Sha256::digest(&block));
        bytes += block.len();
    }
    table.add("SHA-256, one core", "MB/s", bytes as f64 / 1e6 / started.elapsed().as_secs_f64());
}
