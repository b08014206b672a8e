//! Events are for ever: every stored shape has samples that must be read and written back unchanged. A new type gets its
//! samples with `UPDATE_GOLDEN=1`, which writes what is missing and never changes what is there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod example;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use events::AnyEvent;
use example::{Example, Extent};
use serde_json::Value;
use sha2::{Digest, Sha256};

const EXTENTS: [(Extent, &str); 2] = [(Extent::Full, "full"), (Extent::Minimal, "min")];

struct Sample {
    kind: &'static str,
    type_name: &'static str,
    version: u16,
    current: bool,
    extent: Extent,
    path: PathBuf,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The sample that every known type and version must have, older versions included.
fn expected() -> Vec<Sample> {
    let mut samples = Vec::new();
    for (kind, types) in AnyEvent::KINDS {
        for event_type in *types {
            let older = event_type.older.iter().map(|version| (*version, false));
            for (version, current) in older.chain([(event_type.version, true)]) {
                for (extent, word) in EXTENTS {
                    let file = format!("{}.v{version}.{word}.json", event_type.name);
                    samples.push(Sample {
                        kind,
                        type_name: event_type.name,
                        version,
                        current,
                        extent,
                        path: folder().join(kind).join(file),
                    });
                }
            }
        }
    }
    samples
}

fn write_missing(samples: &[Sample]) {
    for sample in samples.iter().filter(|sample| sample.current && !sample.path.exists()) {
        let payload = Example::new(sample.extent);
        let event = AnyEvent::read(sample.kind, sample.type_name, sample.version, &payload)
            .unwrap()
            .unwrap_or_else(|error| panic!("{}: {error}", sample.type_name));
        let json: Value = serde_json::from_slice(&event.encode().unwrap()).unwrap();
        fs::create_dir_all(sample.path.parent().unwrap()).unwrap();
        let text = serde_json::to_string_pretty(&json).unwrap() + "\n";
        fs::write(&sample.path, text).unwrap();
    }
    let old = fs::read_to_string(folder().join("MANIFEST")).unwrap_or_default();
    let mut lines: BTreeMap<String, String> = old.lines().map(manifest_entry).collect();
    for sample in samples {
        lines.entry(manifest_key(sample)).or_insert_with(|| file_hash(&sample.path));
    }
    let text: String = lines.iter().map(|(key, hash)| format!("{key} {hash}\n")).collect();
    fs::write(folder().join("MANIFEST"), text).unwrap();
}

fn manifest_key(sample: &Sample) -> String {
    let file = sample.path.file_name().unwrap().to_string_lossy();
    format!("{} {} {}/{file}", sample.type_name, sample.version, sample.kind)
}

fn manifest_entry(line: &str) -> (String, String) {
    let (key, hash) = line.rsplit_once(' ').unwrap();
    (key.to_owned(), hash.to_owned())
}

fn file_hash(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|_| panic!("no sample {}", path.display()));
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[expect(clippy::disallowed_methods, reason = "the developer asks for missing samples")]
fn update_wanted() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

#[test]
fn every_stored_shape_is_read_and_written_back_unchanged() {
    let samples = expected();
    if update_wanted() {
        write_missing(&samples);
    }
    for sample in &samples {
        let bytes = fs::read(&sample.path)
            .unwrap_or_else(|_| panic!("no sample {}: UPDATE_GOLDEN=1", sample.path.display()));
        let json: Value = serde_json::from_slice(&bytes).unwrap();
        let mut text = serde_json::Deserializer::from_slice(&bytes);
        let event = AnyEvent::read(sample.kind, sample.type_name, sample.version, &mut text)
            .unwrap()
            .unwrap_or_else(|error| panic!("{}: {error}", sample.path.display()));
        if sample.current {
            assert_eq!((event.kind(), event.type_name()), (sample.kind, sample.type_name));
            assert_eq!(event.schema_version(), sample.version);
            let again: Value = serde_json::from_slice(&event.encode().unwrap()).unwrap();
            assert_eq!(again, json, "{}", sample.path.display());
        }
    }

    let wanted: BTreeSet<_> = samples.iter().map(|sample| sample.path.clone()).collect();
    for kind in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        if kind.is_dir() {
            for file in fs::read_dir(kind).unwrap().map(|entry| entry.unwrap().path()) {
                assert!(wanted.contains(&file), "{} is a sample of no event", file.display());
            }
        }
    }
}

#[test]
fn no_stored_sample_was_ever_changed() {
    let samples = expected();
    let manifest = fs::read_to_string(folder().join("MANIFEST")).unwrap();
    let manifest: BTreeMap<String, String> = manifest.lines().map(manifest_entry).collect();
    let files: BTreeMap<_, _> =
        samples.iter().map(|sample| (manifest_key(sample), file_hash(&sample.path))).collect();
    assert_eq!(manifest, files, "a sample differs from the manifest");
}

#[test]
fn fields_of_tomorrow_are_ignored() {
    for sample in expected() {
        let bytes = fs::read(&sample.path).unwrap();
        let Value::Object(mut json) = serde_json::from_slice(&bytes).unwrap() else {
            panic!("{} is no object", sample.path.display());
        };
        json.insert("field_of_tomorrow".to_owned(), Value::Bool(true));
        let read =
            AnyEvent::read(sample.kind, sample.type_name, sample.version, Value::Object(json));
        assert!(read.unwrap().is_ok(), "{}", sample.path.display());
    }
}

#[test]
fn every_sealed_field_of_an_event_has_a_name_of_its_own() {
    for sample in expected() {
        let json: Value = serde_json::from_slice(&fs::read(&sample.path).unwrap()).unwrap();
        let ciphers = json.to_string().matches("\"n\":").count();
        let mut event =
            AnyEvent::read(sample.kind, sample.type_name, sample.version, json).unwrap().unwrap();
        let mut names = BTreeSet::new();
        event.visit_sealed(&mut |name, _| {
            assert!(names.insert(name.to_owned()), "{} twice in {}", name, sample.type_name);
        });
        assert_eq!(names.len(), ciphers, "{} hides a sealed field", sample.type_name);
    }
}

#[test]
fn an_unknown_type_or_version_is_never_passed_over() {
    let read = |type_name, version| {
        AnyEvent::read("ticket", type_name, version, &Example::new(Extent::Full)).is_none()
    };
    assert!(!read("TicketCreated", 1));
    assert!(read("TicketCreated", 2));
    assert!(read("TicketLevitated", 1));
}
