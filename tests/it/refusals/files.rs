//! Files of every unpleasant kind: names, parts, and what comes back.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;

use super::world::{BYTES, World};

/// A multipart body, written by hand: no client library sends such names.
fn form(disposition: &[u8], bytes: &[u8]) -> Vec<u8> {
    let head: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"file\"";
    let kind: &[u8] = b"\r\nContent-Type: text/plain\r\n\r\n";
    [head, disposition, kind, bytes, b"\r\n--x--\r\n"].concat()
}

async fn send(world: &World, body: Vec<u8>) -> Answer {
    let request = world.desk.request(Method::POST, "/api/v1/uploads");
    let kind = "multipart/form-data; boundary=x";
    world.desk.send(request.header("content-type", kind).body(body)).await
}

/// A name that a disk, a header and a reader bear.
fn is_harmless(name: &str) -> bool {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !name.is_empty()
        && !["..", "."].contains(&name)
        && name.chars().count() <= 255
        && !name.chars().any(|c| c.is_control() || "/\\".contains(c) || turns(c))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_file_is_made_harmless_and_its_bytes_are_kept() {
    let world = World::new().await;
    let before = world.head().await;
    let long = "x".repeat(20_000);
    for name in [
        "",
        " ",
        ".",
        "..",
        "../../etc/passwd",
        "C:\\x\\..\\evil.exe",
        "/etc/passwd",
        "a%0d%0ab",
        "a\u{7f}b",
        "evil\u{202e}gpj.exe",
        "\u{feff}",
        "caf\u{e9}.txt",
        "\u{1f525}.png",
        "a;b=c.txt",
        "a'b`c",
        "<b>.html",
        "con",
        &long,
    ] {
        let disposition = format!("; filename=\"{name}\"");
        let answer = send(&world, form(disposition.as_bytes(), &BYTES)).await;
        if !answer.status.is_success() {
            world.refused(name, answer, 400, &before).await;
            continue;
        }
        let shown = answer.status(201);
        let kept = shown["name"].as_str().unwrap();
        assert!(is_harmless(kept), "{name:?} became {kept:?}");
        if is_harmless(name) && !name.contains(['%', '\u{feff}']) && name.trim() == name {
            assert_eq!(kept, name);
        }
        assert_eq!(shown["size"], 256, "{name}");
        let back =
            world.desk.get(&format!("/api/v1/uploads/{}", shown["id"].as_str().unwrap())).await;
        assert_eq!((back.status.as_u16(), &back.body[..]), (200, &BYTES[..]), "{name}");
        let disposition = back.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment; filename=\""), "{disposition}");
        assert_eq!(back.header("content-type"), Some("application/octet-stream"), "{name}");
    }
    for raw in [
        &b"; filename=\"a\0b\""[..],
        b"; filename=\"a\nb\"",
        b"; filename=\"\xff\xfe\"",
        b"; filename=\"a",
        b"; filename*=UTF-8''%00%0d%0a",
        b"",
        b"; filename=\"a\"; filename=\"b\"",
    ] {
        let answer = send(&world, form(raw, &BYTES)).await;
        if answer.status.is_success() {
            assert!(is_harmless(answer.json["name"].as_str().unwrap()), "{}", answer.json);
        } else {
            world.refused(&format!("{raw:?}"), answer, 400, &before).await;
        }
    }
    assert_eq!(world.head().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_exactly_one_file_is_refused() {
    let world = World::new().await;
    let before = world.head().await;
    let part = |name: &str| {
        format!(
            "--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\nx\r\n"
        )
    };
    for body in [
        String::new(),
        "--x--\r\n".to_owned(),
        "no form at all".to_owned(),
        "--y\r\n\r\n--y--\r\n".to_owned(),
        format!("{}{}--x--\r\n", part("file"), part("more")),
        part("file"),
        format!("--x\r\n{}\r\n\r\nx\r\n--x--\r\n", "a".repeat(100_000)),
        "--x\r\nContent-Disposition: form-data\r\n".to_owned(),
        "{}".to_owned(),
    ] {
        let what = body.chars().take(60).collect::<String>();
        let answer = send(&world, body.into_bytes()).await;
        let problem = world.refused(&what, answer, 400, &before).await;
        assert_eq!(problem["code"], "malformed_upload", "{what}");
    }
    let path = "/api/v1/uploads";
    for kind in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\u{7f}",
    ] {
        let request = world.desk.request(Method::POST, path).body(form(b"", b"x"));
        let Ok(kind) = reqwest::header::HeaderValue::from_bytes(kind.as_bytes()) else { continue };
        let answer = world.desk.send(request.header("content-type", kind.clone())).await;
        let status = answer.status.as_u16();
        assert!([400, 415].contains(&status), "{kind:?}: {}", answer.text());
        world.refused(&format!("{kind:?}"), answer, status, &before).await;
    }
    // Nothing is a file as well.
    let empty = send(&world, form(b"; filename=\"empty\"", b"")).await.status(201);
    assert_eq!(empty["size"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_attached_by_its_owner_once_named_and_not_otherwise() {
    let world = World::new().await;
    let before = world.head().await;
    let comment = async |client: &testkit::Client, ids: Value| {
        client
            .post(&world.ticket.at("/comments"), json!({ "text": "x", "attachment_ids": ids }))
            .await
    };
    let unknown = "01900000-0000-7000-8000-00000000abcd";
    for ids in [
        json!([unknown]),
        json!([world.upload, unknown]),
        json!([world.upload, world.upload]),
        json!([world.ticket.id]),
    ] {
        world.refused("files", comment(&world.desk, ids).await, 422, &before).await;
    }
    world
        .refused("another's file", comment(&world.ben, json!([world.upload])).await, 422, &before)
        .await;
    comment(&world.desk, json!([world.upload])).await.status(201);
}
