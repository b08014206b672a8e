//! An HTTP client that asks like a script would: base address, token, JSON in and out.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::listener::Listener;

/// A client of one service, perhaps signed in.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// What the service answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null when it is none.
    pub json: Value,
    /// The body as it came.
    pub body: Vec<u8>,
    asked: String,
}

impl Client {
    /// A client of the service at this address, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn new(base: impl Into<String>, token: Option<String>) -> Self {
        let http = reqwest::Client::builder().no_proxy().cookie_store(true).build();
        Self { http: http.expect("a client can be made"), base: base.into(), token }
    }

    /// The same service, with another token, or with none.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self::new(self.base.clone(), token.map(str::to_owned))
    }

    /// The address of the service.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request to be completed by the caller; send it with [`Self::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().expect("a sound request");
        let asked = format!("{} {}", request.method(), request.url().path());
        let response = self.http.execute(request).await;
        let response = response.unwrap_or_else(|error| panic!("{asked}: {error}"));
        let (status, headers) = (response.status(), response.headers().clone());
        let body = if is_stream(&headers) {
            // It goes on for ever: its beginning is the answer.
            Listener::new(response).first().await.into_bytes()
        } else {
            response.bytes().await.unwrap_or_else(|error| panic!("{asked}: {error}")).to_vec()
        };
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status, headers, json, body, asked }
    }

    /// Asks for live messages; `after` goes into the header that browsers send when they come back.
    pub async fn listen(&self, after: Option<&str>) -> Listener {
        let mut request = self.request(Method::GET, "/api/v1/live");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "live messages: {:?}", response.text().await);
        Listener::new(response)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A write with further headers, such as `Idempotency-Key` or `If-Match`.
    pub async fn write_with(
        &self,
        method: Method,
        path: &str,
        body: Value,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let mut request = self.request(method, path).json(&body);
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).expect("a sound header");
            request = request.header(HeaderName::from_static(name), value);
        }
        self.send(request).await
    }
}

fn is_stream(headers: &HeaderMap) -> bool {
    headers.get("content-type").is_some_and(|kind| kind == "text/event-stream")
}

impl Answer {
    /// The body of a success; fails the test with the problem otherwise.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{}: {} {}", self.asked, self.status, self.text());
        self.json
    }

    /// The body of an answer with exactly this status.
    #[track_caller]
    pub fn status(self, expected: u16) -> Value {
        assert_eq!(self.status.as_u16(), expected, "{}: {}", self.asked, self.text());
        self.json
    }

    /// The stable code of a problem with this status.
    #[track_caller]
    pub fn refused(self, expected: u16) -> String {
        let problem = self.status(expected);
        problem["code"].as_str().unwrap_or_else(|| panic!("no code in {problem}")).to_owned()
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
