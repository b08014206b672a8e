//! Values of all seven types of properties, numbers that no double holds, and what a query is asked with.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::Helpdesk;

use super::problem::fields;
use super::world::World;
use crate::bad_input::texts;
use crate::people::property;

/// Definitions of all seven types.
async fn seven(desk: &Helpdesk) {
    for kind in ["text", "number", "date", "boolean", "single_choice", "multi_choice", "link"] {
        let choices = json!([{ "value": "a", "label": "A" }, { "value": "b", "label": "B" }]);
        let choices = if kind.ends_with("choice") { choices } else { json!([]) };
        property(desk, json!({ "key": kind, "label": kind, "type": kind, "choices": choices }))
            .await;
    }
}

/// Texts, numbers and dates that are none.
fn wrong_values() -> Vec<(&'static str, Vec<Value>)> {
    let long = "9".repeat(41);
    vec![
        (
            "text",
            vec![
                json!(1),
                json!(true),
                json!(["x"]),
                json!({}),
                json!("a\u{0}b"),
                json!("x".repeat(65 << 10)),
            ],
        ),
        (
            "number",
            vec![
                json!(true),
                json!("x"),
                json!("1e5"),
                json!("1,5"),
                json!("0x10"),
                json!("NaN"),
                json!("Infinity"),
                json!("+1"),
                json!("1."),
                json!(".5"),
                json!("--1"),
                json!(" 1 2"),
                json!([1]),
                json!({}),
                json!(1e300),
                json!(long),
                json!("\u{661}"),
                json!(0.123_456_789_012_345_68),
                json!(1_234_567.890_123_456_7),
            ],
        ),
        (
            "date",
            vec![
                json!(20_260_101),
                json!("2026-02-30"),
                json!("2025-02-29"),
                json!("1900-02-29"),
                json!("2026-13-01"),
                json!("2026-00-10"),
                json!("2026-01-00"),
                json!("26-01-01"),
                json!("2026-1-1"),
                json!("01.01.2026"),
                json!("2026-01-01T00:00:00Z"),
                json!("-2026-01-01"),
                json!("12026-01-01"),
                json!("2026-01-0\u{661}"),
                json!([]),
                json!(true),
            ],
        ),
    ]
}

/// The other types, and what is no property at all.
fn more_wrong_values() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("boolean", vec![json!(0), json!(1), json!("true"), json!(""), json!([]), json!({})]),
        (
            "single_choice",
            vec![json!("c"), json!("A"), json!(["a"]), json!(1), json!({}), json!("a\u{0}")],
        ),
        (
            "multi_choice",
            vec![
                json!("a"),
                json!(["a", "c"]),
                json!([1]),
                json!([["a"]]),
                json!({}),
                json!([null]),
            ],
        ),
        (
            "link",
            vec![
                json!("x"),
                json!("javascript:alert(1)"),
                json!("data:text/html,x"),
                json!("ftp://x.example"),
                json!("http://"),
                json!("https:///x"),
                json!("//x.example"),
                json!("https://x.example/a b"),
                json!("https://x.example/\u{0}"),
                json!("https://x.example/\nb"),
                json!(1),
                json!([]),
                json!(format!("https://x.example/{}", "x".repeat(3_000))),
            ],
        ),
        ("unknown", vec![json!(1), json!("x"), Value::Null]),
    ]
}

fn right_values() -> Vec<(&'static str, Value, Value)> {
    let same = |kind, value: Value| (kind, value.clone(), value);
    vec![
        same("text", json!(" two\nlines\t")),
        same("number", json!("123456789012345678901234567890.0123456789")),
        same("number", json!("-0.5")),
        ("number", json!(42), json!("42")),
        ("number", json!(-1.25), json!("-1.25")),
        ("number", json!(u64::MAX), json!(u64::MAX.to_string())),
        ("number", json!(i64::MIN), json!(i64::MIN.to_string())),
        ("number", json!("-0.0"), json!("0")),
        same("date", json!("2024-02-29")),
        same("date", json!("0001-01-01")),
        same("date", json!("9999-12-31")),
        same("boolean", json!(false)),
        same("single_choice", json!("b")),
        same("multi_choice", json!(["a", "b"])),
        same("link", json!("https://x.example/?q=\u{e9}#\u{1f525}")),
        same("link", json!("mailto:anna@example.org")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_fits_its_property_or_is_refused_by_name_t11() {
    let world = World::new().await;
    seven(&world.desk).await;
    let (path, head) = (world.ticket.at(""), world.head().await);
    for (key, values) in wrong_values().into_iter().chain(more_wrong_values()) {
        for value in values {
            let what =
                format!("{key} of {}", value.to_string().chars().take(60).collect::<String>());
            let answer = world.desk.patch(&path, json!({ "properties": { key: value } })).await;
            let problem = world.refused(&what, answer, 422, &head).await;
            assert_eq!(problem["errors"][0]["field"], format!("properties.{key}"), "{what}");
        }
    }
    for (key, value, shown) in right_values() {
        world.desk.patch(&path, json!({ "properties": { key: value } })).await.ok();
        assert_eq!(
            world.desk.ticket(&world.ticket).await["properties"][key],
            shown,
            "{key} of {value}"
        );
    }
}

/// Numbers in JSON that no double holds: kept to the last digit, or refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_never_rounded_in_silence_t11() {
    let world = World::new().await;
    seven(&world.desk).await;
    for number in [
        "0.1",
        "1234567.89",
        "-17",
        "18446744073709551615",
        "0.12345678901234567890123",
        "123456789.123456789123",
        "18446744073709551617",
        "100000000000000000000000",
        "9007199254740993.5",
    ] {
        let (head, path) = (world.head().await, world.ticket.at(""));
        let body = format!("{{\"properties\":{{\"number\":{number}}}}}");
        let request = world
            .desk
            .request(Method::PATCH, &path)
            .header("content-type", "application/json")
            .body(body);
        let answer = world.desk.send(request).await;
        if answer.status.is_success() {
            assert_eq!(world.desk.ticket(&world.ticket).await["properties"]["number"], number);
        } else {
            let problem = world.refused(number, answer, 422, &head).await;
            let code = problem["code"].as_str().unwrap();
            assert!(["number_not_exact", "invalid_value"].contains(&code), "{number}: {code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_takes_any_words_and_any_times_v04() {
    let world = World::new().await;
    let ask = async |filter: Value| {
        world.desk.post("/api/v1/tickets/query", json!({ "filter": filter })).await
    };
    for field in ["tags", "categories"] {
        for word in texts() {
            let answer = ask(json!({ field: [word] })).await;
            let known = [200, 422].contains(&answer.status.as_u16());
            assert!(
                known,
                "{field} {:?}: {}",
                word.chars().take(20).collect::<String>(),
                answer.text()
            );
        }
    }
    for (from, to) in [
        ("-009999-01-03T00:00:00Z", "9999-12-30T00:00:00Z"),
        ("1970-01-01T00:00:00Z", "1969-01-01T00:00:00Z"),
        ("0000-01-01T00:00:00Z", "2026-06-30T23:59:60Z"),
    ] {
        for field in ["created", "activity"] {
            ask(json!({ field: { "from": from, "to": to } })).await.ok();
        }
    }
    for wrong in [
        "x",
        "2026-01-01",
        "2026-02-30T00:00:00Z",
        "99999-01-01T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "",
    ] {
        let head = world.head().await;
        let answer = ask(json!({ "created": { "from": wrong } })).await;
        let problem = world.refused(wrong, answer, 400, &head).await;
        assert_eq!(fields(&problem), ["filter.created.from"], "{wrong}");
    }
}
