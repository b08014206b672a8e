//! Uploads: one file in, the same bytes out, to nobody else.

use api::Limits;
use axum::body::Body;
use http::Request;

use super::service::{Answer, Service};

const BOUNDARY: &str = "XBOUNDARYX";

fn form(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, kind, bytes) in parts {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn upload(service: &Service, session: &str, key: &str, body: Vec<u8>) -> Answer {
    let request = Request::post("/api/v1/uploads")
        .header("cookie", session)
        .header("idempotency-key", key)
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    service.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_file_comes_back_as_it_went_in_and_runs_nowhere() {
    let (service, anna) = Service::set_up().await;
    let body = form(&[("../p\u{e4}ge.html", "text/html; charset=utf-8", b"<script>1</script>")]);
    let made = upload(&service, &anna, "f1", body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let file = made.json();
    assert_eq!(
        (&file["name"], &file["type"], &file["size"]),
        (&"p\u{e4}ge.html".into(), &"text/html".into(), &18.into())
    );
    assert_eq!(upload(&service, &anna, "f1", body).await.text, made.text);
    let other = form(&[("other.txt", "text/plain", b"other")]);
    assert_eq!(upload(&service, &anna, "f1", other).await.code(), "idempotency_key_reused");
    let path = format!("/api/v1/uploads/{}", file["id"].as_str().unwrap());
    let read = service.get(&path, &[("cookie", &anna)]).await;
    assert_eq!(read.text, "<script>1</script>");
    assert_eq!(read.headers["content-type"], "application/octet-stream");
    assert!(read.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let (_, ben) = service.user(&anna, "ben", "agent").await;
    assert_eq!(service.get(&path, &[("cookie", &ben)]).await.status, 404);
}

#[tokio::test]
async fn what_is_not_one_file_is_refused() {
    let (service, anna) = Service::set_up().await;
    assert_eq!(upload(&service, &anna, "a", form(&[])).await.code(), "malformed_upload");
    let two = form(&[("a", "text/plain", b"a"), ("b", "text/plain", b"b")]);
    assert_eq!(upload(&service, &anna, "b", two).await.code(), "malformed_upload");
    let whole = form(&[("a", "text/plain", b"aaaaaaaaaaaa")]);
    let torn = whole[..whole.len() - 20].to_vec();
    assert_eq!(upload(&service, &anna, "c", torn).await.code(), "malformed_upload");
    let json = service.post("/api/v1/uploads", &serde_json::json!({}), &[("cookie", &anna)]).await;
    assert_eq!(json.status, 415);
    let large = vec![b'x'; Limits::default().upload_bytes_max + 1];
    let answer = upload(&service, &anna, "d", form(&[("large", "text/plain", &large)])).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (413, "too_large".to_owned()));
}
