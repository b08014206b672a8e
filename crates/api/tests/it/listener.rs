//! A live connection as its client sees it.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::response::Response;
use futures_util::StreamExt;
use http::Request;
use serde_json::Value;
use tokio::time::timeout;

use super::service::Service;

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection as its client sees it.
pub struct Listener {
    body: BodyDataStream,
    unread: String,
    /// The id of the message that was read last.
    pub left: String,
}

impl Listener {
    pub async fn connect(service: &Service, cookie: &str, after: Option<u64>) -> Self {
        Self::resume(service, cookie, after.map(|after| after.to_string()).as_deref()).await
    }

    pub async fn resume(service: &Service, cookie: &str, left: Option<&str>) -> Self {
        let mut request = Request::get("/api/v1/live").header("cookie", cookie);
        if let Some(after) = left {
            request = request.header("last-event-id", after);
        }
        Self::of(service.open(request.body(Body::empty()).unwrap()).await)
    }

    pub async fn with_header(service: &Service, name: &str, value: &str) -> Self {
        let request = Request::get("/api/v1/live").header(name, value);
        Self::of(service.open(request.body(Body::empty()).unwrap()).await)
    }

    fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            unread: String::new(),
            left: String::new(),
        }
    }

    /// Name, position and content of the next message; none at the end.
    pub async fn next(&mut self) -> Option<(String, u64, Value)> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                let Some(data) = field("data: ") else { continue };
                let event = field("event: ").unwrap_or("message").to_owned();
                self.left = field("id: ").unwrap().to_owned();
                let id = self.left.split('-').next().unwrap().parse().unwrap();
                return Some((event, id, serde_json::from_str(data).unwrap()));
            }
            let more = timeout(PATIENCE, self.body.next()).await.unwrap();
            self.unread.push_str(std::str::from_utf8(&more?.unwrap()).unwrap());
        }
    }

    pub async fn expect(&mut self, event: &str) -> (u64, Value) {
        let (name, id, data) = self.next().await.unwrap();
        assert_eq!(name, event, "{id} {data}");
        (id, data)
    }

    /// Names and positions until one reaches a position.
    pub async fn until(&mut self, position: u64) -> Vec<(String, u64)> {
        let mut told = Vec::new();
        loop {
            let (event, id, _) = self.next().await.unwrap();
            told.push((event, id));
            if id >= position {
                return told;
            }
        }
    }

    /// Waits for the end, whatever is told before; answers the last position.
    pub async fn end(&mut self) -> u64 {
        let mut last = 0;
        while let Some((_, id, _)) = self.next().await {
            last = id;
        }
        last
    }
}
