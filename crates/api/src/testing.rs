//! Words the tests of this crate share.

use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::Value;

pub async fn text_of(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub async fn json_of(response: Response) -> Value {
    serde_json::from_str(&text_of(response).await).unwrap()
}
