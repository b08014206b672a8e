//! A database that an earlier build left opens in this one, and answers as it did. Each release adds one:
//! `docs/guides/changing-an-event.md` says how.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::{GivenPostgres, Program, StoredDatabase, eventually};

/// The oldest one has at least so many types of events.
const TYPES_MIN: usize = 30;

fn stored() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("databases");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

/// Whether everything that was answered then is answered now: there may be more fields and rights, and nothing else.
fn differs(then: &Value, now: &Value, at: &str) -> Option<String> {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => then.iter().find_map(|(name, value)| {
            let at = format!("{at}.{name}");
            differs(value, now.get(name).unwrap_or(&Value::Null), &at)
        }),
        (Value::Array(then), Value::Array(now)) if at.ends_with(".rights") => then
            .iter()
            .find(|right| !now.contains(right))
            .map(|right| format!("{at} had {right} and has {now:?}")),
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => (0..)
            .zip(then.iter().zip(now))
            .find_map(|(index, (then, now))| differs(then, now, &format!("{at}[{index}]"))),
        (then, now) => (then != now).then(|| format!("{at} was {then} and is {now}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_every_earlier_build_opens_is_proven_decoded_and_answers_as_it_did() {
    let all = stored();
    assert!(!all.is_empty(), "there is at least one");
    for folder in all {
        opens(&folder).await;
    }
}

async fn opens(folder: &Path) {
    let case = folder.display();
    let told: Value = StoredDatabase::read_json(&folder.join("answers.zst"));
    let postgres = GivenPostgres::get().await;
    let program = Program::fresh()
        .with("DATABASE_URL", &postgres.url())
        .with("DATABASE_OWNER_URL", &postgres.owner_url());
    let stored = StoredDatabase::read(&folder.join("database.zst"));
    let mut owner = postgres.made().await;
    stored.put(&mut owner, program.data()).await;
    drop(owner);

    let verified = program.run(&["log", "verify", "--json"]).json();
    assert_eq!(verified["findings"], json!([]), "{case}");
    let decoded = program.run(&["log", "decode-check", "--json"]).json();
    assert_eq!((&decoded["unreadable"], &decoded["events"]), (&json!([]), &verified["events"]));
    let types: BTreeSet<String> = decoded["shapes"].as_array().unwrap().iter().map(name).collect();
    let wanted: BTreeSet<String> = told["types"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(types, wanted, "{case}");
    assert!(types.len() >= TYPES_MIN, "{case}: {types:?}");

    let serving = program.serve();
    let client = serving.client(told["token"].as_str());
    eventually(&format!("{case}: the views are folded anew"), || async {
        let views = client.get("/api/v1/admin/projections").await.ok();
        let views = views["items"].as_array().unwrap().clone();
        assert!(views.iter().all(|view| view["quarantined_streams"] == 0), "{case}: {views:?}");
        let folded = |view: &Value| view["checkpoint"] == verified["head"];
        (!views.is_empty() && views.iter().all(folded)).then_some(())
    })
    .await;
    for (path, then) in told["answers"].as_object().unwrap() {
        let answer = client.get(path).await;
        let body = if answer.json.is_null() { json!(answer.body) } else { answer.json };
        let now = json!({ "status": answer.status.as_u16(), "body": body });
        assert_eq!(differs(then, &now, path), None, "{case}");
    }
    // And it goes on.
    let ticket = client.open_ticket("Written by this build").await;
    client.comment(&ticket, "So it is").await;
    drop(serving);
    let verified = program.run(&["log", "verify", "--json"]).json();
    assert_eq!(verified["findings"], json!([]), "{case}");
}

fn name(shape: &Value) -> String {
    format!("{} {}", text(&shape["kind"]), text(&shape["type"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn a_missing_or_other_answer_is_told_and_a_new_field_is_not() {
    let then = json!({ "a": [1, { "b": "x" }] });
    assert_eq!(differs(&then, &json!({ "a": [1, { "b": "x", "c": 2 }], "d": null }), ""), None);
    let shorter = differs(&then, &json!({ "a": [1] }), "");
    assert!(shorter.unwrap().starts_with(".a was"));
    let other = differs(&then, &json!({ "a": [1, { "b": "y" }] }), "");
    assert_eq!(other.as_deref(), Some(".a[1].b was \"x\" and is \"y\""));
    assert!(differs(&then, &json!({}), "").is_some());
    let rights = |rights: &[&str]| json!({ "rights": rights });
    assert_eq!(differs(&rights(&["a"]), &rights(&["b", "a"]), ""), None);
    assert!(differs(&rights(&["a", "b"]), &rights(&["b", "c"]), "").is_some());
}
