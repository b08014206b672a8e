//! The servers as a client sees them: any of them, and another one when one does not answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use testkit::Client;

use super::models::Who;
use crate::faults::chance::Chance;

/// How often one request is sent at most.
const TRIES: usize = 4;

/// The servers, as a client knows them: one that is replaced gets another address.
#[derive(Clone)]
pub struct Servers {
    clients: Arc<Mutex<Vec<Client>>>,
    /// How long a client waits before it asks another server.
    patience: Duration,
}

/// An answer of any status but 503.
pub struct Told {
    pub status: u16,
    pub headers: HeaderMap,
    pub json: Value,
    /// Whether an earlier attempt is open: that one may still come about, unless this answer is an acceptance.
    pub doubtful: bool,
}

impl Servers {
    pub fn new(clients: Vec<Client>, patience: Duration) -> Self {
        Self { clients: Arc::new(Mutex::new(clients)), patience }
    }

    /// A server has another address now.
    pub fn replace(&self, node: usize, client: Client) {
        self.clients.lock().unwrap()[node] = client;
    }

    fn pick(&self, chance: &mut Chance) -> Client {
        let clients = self.clients.lock().unwrap();
        clients[chance.below(clients.len())].clone()
    }

    /// Asks one server, and others when it does not answer. None when nobody does.
    pub async fn ask(
        &self,
        chance: &mut Chance,
        (method, path, body): (Method, &str, Option<Value>),
        headers: &[(&'static str, String)],
    ) -> Option<Told> {
        let mut doubtful = false;
        for _ in 0..TRIES {
            let client = self.pick(chance);
            let mut request = client.request(method.clone(), path).timeout(self.patience);
            for (name, value) in headers {
                request = request.header(*name, value);
            }
            if let Some(body) = &body {
                request = request.json(body);
            }
            let answering = async {
                let response = request.send().await?;
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                Ok::<_, reqwest::Error>((status, headers, response.bytes().await?))
            };
            match answering.await {
                Ok((503, ..)) | Err(_) => doubtful = true,
                Ok((status, headers, bytes)) => {
                    assert!(status < 500, "{method} {path}: {status} {bytes:?}");
                    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                    return Some(Told { status, headers, json, doubtful });
                }
            }
        }
        None
    }
}

impl Told {
    pub fn is_accepted(&self) -> bool {
        self.status < 300
    }

    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    pub fn version(&self, field: &str) -> u64 {
        self.json[field].as_u64().unwrap_or_else(|| panic!("no {field} in {}", self.json))
    }

    pub fn id(&self, field: &str) -> Who {
        let id = self.json[field].as_str().unwrap_or_else(|| panic!("no {field} in {}", self.json));
        id.parse::<uuid::Uuid>().unwrap().as_u128()
    }

    pub fn position(&self) -> Option<u64> {
        self.headers.get("log-position")?.to_str().ok()?.parse().ok()
    }
}
