//! What every refusal looks like, and what none may tell.

use serde_json::{Map, Value};
use testkit::Answer;

/// The fields a problem may have (see `Problem` in the OpenAPI document).
const FIELDS: [&str; 8] =
    ["status", "title", "code", "detail", "errors", "missing_right", "current_version", "events"];

/// What would tell how the service is made: statements, files, types, crates.
const INTERNALS: [&str; 30] = [
    "select ",
    "insert ",
    "update ",
    " from es.",
    "es.event",
    "constraint",
    "postgres",
    "sqlx",
    "serde",
    "axum",
    "hyper",
    "tokio",
    "panicked",
    ".rs",
    ".sql",
    "src/",
    "/home",
    "/tmp",
    "/usr",
    "::",
    "Option<",
    "Vec<",
    "struct ",
    "enum ",
    "variant",
    "deserialize",
    "tuple",
    "untagged",
    "newtype",
    "backtrace",
];

const NUMBER_TYPES: [&str; 10] =
    ["u8", "u16", "u32", "u64", "i16", "i32", "i64", "f64", "usize", "char"];

/// A refusal with this status; answers it.
#[track_caller]
pub fn sound(what: &str, answer: &Answer, status: u16) -> Map<String, Value> {
    let said = answer.text();
    assert_eq!(answer.status.as_u16(), status, "{what}: {said}");
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("application/problem+json"), "{what}: {said}");
    assert!(answer.header("x-request-id").is_some(), "{what}: no request id");
    let problem = answer.json.as_object().cloned().unwrap_or_else(|| panic!("{what}: {said}"));
    assert_eq!(problem["status"], status, "{what}");
    for name in ["title", "code", "detail"] {
        let filled = problem[name].as_str().is_some_and(|word| !word.is_empty());
        assert!(filled, "{what}: no {name} in {said}");
    }
    let unknown = problem.keys().find(|name| !FIELDS.contains(&name.as_str()));
    assert_eq!(unknown, None, "{what}");
    assert!(is_code(&problem["code"]), "{what}: {said}");
    for fault in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let named = fault["field"].is_string() && fault["message"].is_string();
        assert!(named && is_code(&fault["code"]), "{what}: {said}");
    }
    tells_nothing(what, &said);
    problem
}

/// The fields that are at fault.
pub fn fields(problem: &Map<String, Value>) -> Vec<&str> {
    let faults = problem.get("errors").and_then(Value::as_array).into_iter().flatten();
    faults.filter_map(|fault| fault["field"].as_str()).collect()
}

/// Nothing of how the service is made stands in a text.
#[track_caller]
pub fn tells_nothing(what: &str, said: &str) {
    let lower = said.to_lowercase();
    let told = INTERNALS.iter().find(|word| lower.contains(&word.to_lowercase()));
    assert_eq!(told, None, "{what}: {said}");
    let words = || said.split(|c: char| !c.is_ascii_alphanumeric());
    let told = words().find(|word| NUMBER_TYPES.contains(word));
    assert_eq!(told, None, "{what}: {said}");
}

fn is_code(value: &Value) -> bool {
    let snake = |code: &str| {
        !code.is_empty()
            && code.bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte))
    };
    value.as_str().is_some_and(snake)
}
