//! A request that writes, sent as often as it takes; what came of it is told apart and never guessed.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use testkit::Client;

/// No answer may take longer, whatever happens to the database.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(12);
/// Longer than anything may take: what comes back after it hangs.
const HANGS_AFTER: Duration = Duration::from_secs(40);

/// A request that writes. Sent again, it is the same one.
#[derive(Clone, Debug)]
pub struct Ask {
    pub key: String,
    pub method: Method,
    pub path: String,
    pub body: Value,
}

/// What was answered to a request that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Ack {
    pub status: u16,
    pub body: Value,
    pub position: u64,
}

/// What came of sending a request once.
#[derive(Debug)]
pub enum Outcome {
    Accepted(Ack),
    /// 503, told to come again.
    Away,
    /// No answer: nobody listens, or the connection broke.
    Broken(reqwest::Error),
}

impl Ask {
    pub fn post(key: String, path: impl Into<String>, body: Value) -> Self {
        Self { key, method: Method::POST, path: path.into(), body }
    }

    /// Sends it once. Fails the test when the answer is neither an acceptance nor a "come again", or took too long.
    pub async fn send(&self, client: &Client) -> Outcome {
        let request = client.request(self.method.clone(), &self.path).json(&self.body);
        let request = request.header("idempotency-key", &self.key).timeout(HANGS_AFTER);
        let started = Instant::now();
        let answer = async {
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok((status, headers, response.bytes().await?))
        };
        let (status, headers, bytes) = match answer.await {
            Ok(answer) => answer,
            Err(error) => {
                let error: reqwest::Error = error;
                assert!(!error.is_timeout(), "{self:?} hangs: {error}");
                return Outcome::Broken(error);
            }
        };
        let took = started.elapsed();
        assert!(took < ANSWER_WITHIN, "{self:?} took {took:?}: {status}");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if status.as_u16() == 503 {
            assert!(headers.contains_key("retry-after"), "{self:?}: {text}");
            return Outcome::Away;
        }
        assert!(status.is_success(), "{self:?}: {status} {text}");
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        let position = headers["log-position"].to_str().unwrap().parse().unwrap();
        Outcome::Accepted(Ack { status: status.as_u16(), body, position })
    }

    /// Sends it until it is accepted.
    pub async fn settle(&self, client: &Client) -> Ack {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match self.send(client).await {
                Outcome::Accepted(ack) => return ack,
                Outcome::Away => tokio::time::sleep(Duration::from_millis(50)).await,
                Outcome::Broken(error) => panic!("{self:?}: {error:?}"),
            }
            assert!(Instant::now() < deadline, "{self:?} is not accepted");
        }
    }
}
