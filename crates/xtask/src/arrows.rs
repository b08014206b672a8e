//! Which crate may use which: the table of the architecture against what cargo says. A new arrow is a decision.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::run::{Failure, cargo, read};

/// A crate of ours and what it may use, beside what those may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("decider", &[]),
    ("local-postgres", &[]),
    ("vault", &["decider"]),
    ("events", &["decider"]),
    ("access", &["events"]),
    ("commands", &["decider", "events", "access"]),
    ("event-store", &["decider", "vault"]),
    ("ops", &["decider", "vault"]),
    ("projections", &["events", "access", "event-store", "vault"]),
    ("policies", &["commands", "events", "event-store", "ops", "vault"]),
    ("channels", &["commands", "events", "event-store", "ops", "vault"]),
    ("erasure", &["commands", "events", "event-store", "ops", "projections", "vault"]),
    ("web", &[]),
    ("api", &["channels", "erasure", "projections", "policies"]),
    ("server", &["api", "local-postgres", "web"]),
    ("testkit", &["server"]),
    ("tests", &["testkit"]),
    ("xtask", &["local-postgres"]),
];
/// Who must not reach these, directly or through others' features: the core decides and does nothing else.
const PURE: &[&str] = &["decider", "events", "access", "commands"];
const IMPURE: &[&str] = &["tokio", "sqlx", "axum", "reqwest", "rand", "object_store"];
/// What may be used in tests only, by anybody below the service.
const TEST_ONLY: &[&str] = &["local-postgres"];

pub fn check() -> Result<(), Failure> {
    let text = read(cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: BTreeSet<&str> =
        packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let faults: Vec<String> =
        packages.iter().flat_map(|package| faults_of(package, &names)).collect();
    if faults.is_empty() {
        println!("== arrows: {} crates", names.len());
        return Ok(());
    }
    Err(faults.join("\n"))
}

fn faults_of(package: &Value, ours: &BTreeSet<&str>) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some(allowed) = allowed(name) else {
        return vec![format!("{name} is not in the table of arrows (crates/xtask/src/arrows.rs)")];
    };
    let mut faults = Vec::new();
    for used in package["dependencies"].as_array().into_iter().flatten() {
        let (Some(used_name), kind) = (used["name"].as_str(), used["kind"].as_str()) else {
            continue;
        };
        let in_tests = kind == Some("dev");
        if PURE.contains(&name) && IMPURE.contains(&used_name) && !in_tests {
            faults.push(format!("{name} is pure and must not use {used_name}"));
        }
        let excused = used_name == name || (in_tests && TEST_ONLY.contains(&used_name));
        if ours.contains(used_name) && !allowed.contains(used_name) && !excused {
            faults.push(format!("{name} must not use {used_name}"));
        }
    }
    faults
}

/// Everything a crate may use: what the table says, and what those may use in turn. The tests see the testkit alone.
fn allowed(name: &str) -> Option<BTreeSet<&'static str>> {
    let table: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let direct = *table.get(name)?;
    if name == "tests" {
        return Some(direct.iter().copied().collect());
    }
    let mut reached = BTreeSet::new();
    let mut next: Vec<&'static str> = direct.to_vec();
    while let Some(one) = next.pop() {
        if reached.insert(one) {
            next.extend(table.get(one).copied().unwrap_or_default());
        }
    }
    Some(reached)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(name: &str, used: &[(&str, Option<&str>)]) -> Vec<String> {
        let used: Vec<_> =
            used.iter().map(|(name, kind)| json!({ "name": name, "kind": kind })).collect();
        let ours = ARROWS.iter().map(|(name, _)| *name).collect();
        faults_of(&json!({ "name": name, "dependencies": used }), &ours)
    }

    #[test]
    fn arrows_point_inwards_only() {
        assert!(
            faults("commands", &[("decider", None), ("events", None), ("serde", None)]).is_empty()
        );
        assert_eq!(faults("event-store", &[("events", None)]).len(), 1);
        assert_eq!(faults("commands", &[("ops", None)]).len(), 1);
        assert_eq!(faults("tests", &[("testkit", None), ("event-store", Some("dev"))]).len(), 1);
    }

    #[test]
    fn the_core_has_no_input_or_output() {
        assert_eq!(faults("commands", &[("tokio", None)]).len(), 1);
        assert!(faults("events", &[("serde", None), ("rand", Some("dev"))]).is_empty());
    }

    #[test]
    fn a_crate_nobody_thought_about_is_told() {
        assert_eq!(faults("helpers", &[]).len(), 1);
    }
}
