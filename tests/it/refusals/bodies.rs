//! 400, 413 and 415: bodies that cannot be read.

use serde_json::{Value, json};

use super::operations::Operation;
use super::problem::{fields, sound};
use super::wire::{exchange, head};
use super::world::World;

/// Bodies that are no JSON object, with the code of the refusal.
fn unreadable() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let deep = |depth: usize| format!("{}{}", "{\"x\":[".repeat(depth), "]}".repeat(depth));
    vec![
        ("nothing", Vec::new(), "malformed_json"),
        ("half of it", b"{\"name\": \"x".to_vec(), "malformed_json"),
        ("two of them", b"{} {}".to_vec(), "malformed_json"),
        ("a comma too many", b"{\"name\": \"x\",}".to_vec(), "malformed_json"),
        ("single quotes", b"{'name': 'x'}".to_vec(), "malformed_json"),
        ("a raw NUL", b"{\"name\": \"a\0b\"}".to_vec(), "malformed_json"),
        ("a raw line break", b"{\"name\": \"a\nb\"}".to_vec(), "malformed_json"),
        ("half a surrogate pair", br#"{"name": "\ud83d"}"#.to_vec(), "malformed_json"),
        ("the other half", br#"{"name": "\ude00"}"#.to_vec(), "malformed_json"),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec(), "malformed_json"),
        ("not a number", b"{\"name\": NaN}".to_vec(), "malformed_json"),
        ("a number beyond all", b"{\"name\": 1e999}".to_vec(), "malformed_json"),
        ("deep", deep(100).into_bytes(), "malformed_json"),
        ("very deep", deep(100_000).into_bytes(), "malformed_json"),
        ("no UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec(), "invalid_utf8"),
        ("an encoded surrogate", b"{\"name\": \"\xed\xa0\x80\"}".to_vec(), "invalid_utf8"),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), "invalid_utf8"),
        ("a name twice", br#"{"name": "a", "name": "b"}"#.to_vec(), "duplicate_key"),
        ("a name twice, escaped", br#"{"name": "a", "n\u0061me": "b"}"#.to_vec(), "duplicate_key"),
        ("twice below", br#"{"x": [{"y": 1, "y": 2}]}"#.to_vec(), "duplicate_key"),
        ("a list", b"[]".to_vec(), "invalid_type"),
        ("null", b"null".to_vec(), "invalid_type"),
        ("a number", b"17".to_vec(), "invalid_type"),
        ("a text", b"\"{}\"".to_vec(), "invalid_type"),
        ("true", b"true".to_vec(), "invalid_type"),
        ("an unknown field", br#"{"no_such_field": 1}"#.to_vec(), "unknown_field"),
    ]
}

/// Whether the operation takes JSON: all writes do, but the one that takes a file.
fn takes_json(operation: &Operation) -> bool {
    operation.template != "/api/v1/uploads"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_object_is_refused_everywhere() {
    let world = World::new().await;
    let head = world.head().await;
    for operation in world.document.writes().filter(|operation| takes_json(operation)) {
        for (word, body, code) in unreadable() {
            let request = world.example(operation).with_body(&world.desk, operation, body);
            let what = format!("{} with {word}", operation.name());
            let problem = world.refused(&what, world.desk.send(request).await, 400, &head).await;
            assert_eq!(problem["code"], code, "{what}: {problem:?}");
            if code == "unknown_field" {
                assert_eq!(fields(&problem), ["no_such_field"], "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_type_is_refused_everywhere() {
    let world = World::new().await;
    let before = world.head().await;
    let kinds = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "json",
        "",
    ];
    for operation in world.document.writes() {
        let example = world.example(operation);
        let body = example.body.clone().unwrap_or_else(|| json!({})).to_string();
        let kinds = kinds.iter().copied().chain(["application/json"]);
        let refused = kinds.filter(|kind| takes_json(operation) != (*kind == "application/json"));
        for kind in refused.filter(|kind| takes_json(operation) || !kind.starts_with("multipart/"))
        {
            let request = world.desk.request(operation.method.clone(), &example.path);
            let request = request.header("content-type", kind).body(body.clone());
            let what = format!("{} as {kind:?}", operation.name());
            let problem = world.refused(&what, world.desk.send(request).await, 415, &before).await;
            assert_eq!(problem["code"], "unsupported_media_type", "{what}");
        }
        let request = world.desk.request(operation.method.clone(), &example.path).body(body);
        let what = format!("{} without a type", operation.name());
        world.refused(&what, world.desk.send(request).await, 415, &before).await;
    }
}

/// The length is said and the body never comes: the refusal does not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let world = World::new().await;
    let before = world.head().await;
    for operation in world.document.writes() {
        let length = if takes_json(operation) { (2 << 20) + 1 } else { 26 << 20 };
        let kind = "content-type: multipart/form-data; boundary=x";
        let length = format!("content-length: {length}");
        let path = world.example(operation).path;
        let mut request =
            head(operation.method.as_str(), &path, world.desk.admin_token(), &[&length]);
        if !takes_json(operation) {
            request = request.replace("content-type: application/json", kind);
        }
        let answer = exchange(&world.desk, format!("{request}\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{}: {answer}", operation.name());
        assert!(answer.contains("\"code\":\"too_large\""), "{}: {answer}", operation.name());
        assert!(answer.contains("application/problem+json"), "{}: {answer}", operation.name());
    }
    // In pieces, whose sum nobody has said before.
    let piece = " ".repeat(64 << 10);
    let mut request =
        head("POST", "/api/v1/tickets", world.desk.admin_token(), &["transfer-encoding: chunked"]);
    request.push_str("\r\n");
    for _ in 0..33 {
        request.push_str(&format!("{:x}\r\n{piece}\r\n", piece.len()));
    }
    let answer = exchange(&world.desk, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(world.head().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_field_is_named_as_it_was_sent_and_cut_when_it_is_endless() {
    let world = World::new().await;
    let before = world.head().await;
    let send = async |body: Value| {
        let answer = world.desk.post("/api/v1/tickets", body).await;
        assert_eq!(world.head().await, before);
        sound("an unknown field", &answer, 400)
    };
    for name in ["naem", "`", "a`b", "na me", "ä", "__proto__", "\u{0}", ""] {
        let problem = send(json!({ "name": "x", name: 1 })).await;
        assert_eq!((&problem["code"], fields(&problem)), (&json!("unknown_field"), vec![name]));
    }
    let problem = send(json!({ "name": "x", "x".repeat(1 << 20): 1 })).await;
    assert!(Value::from(problem).to_string().len() < 2_000);
}
