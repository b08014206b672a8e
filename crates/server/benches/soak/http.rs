//! A client that costs little and breaks nothing: what goes wrong is an answer too.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than any answer may take.
const WITHIN: Duration = Duration::from_secs(20);
/// A connection that was not used for longer may be closed by the other side at any moment.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// A request.
#[derive(Clone)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub body: String,
    pub token: String,
    pub key: Option<String>,
    /// The position the answer has to be as new as.
    pub position: Option<u64>,
}

/// What was answered.
pub struct Answer {
    pub status: u16,
    pub position: Option<u64>,
    /// The view was behind the position that was asked for.
    pub stale: bool,
    pub body: Vec<u8>,
}

pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    used: Instant,
}

impl Ask {
    pub fn get(path: impl Into<String>, token: &str) -> Self {
        let (path, token) = (path.into(), token.to_owned());
        Self { method: "GET", path, body: String::new(), token, key: None, position: None }
    }

    fn as_text(&self) -> String {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: desk\r\ncontent-length: {}\r\n",
            self.method,
            self.path,
            self.body.len()
        );
        if !self.token.is_empty() {
            head.push_str(&format!("authorization: Bearer {}\r\n", self.token));
        }
        if !self.body.is_empty() {
            head.push_str("content-type: application/json\r\n");
        }
        if let Some(key) = &self.key {
            head.push_str(&format!("idempotency-key: {key}\r\n"));
        }
        if let Some(position) = self.position {
            head.push_str(&format!("log-position: {position}\r\n"));
        }
        head + "\r\n" + &self.body
    }
}

impl Answer {
    /// The body of a success.
    pub fn json(&self) -> Result<Value, String> {
        if self.status >= 300 {
            return Err(format!("{}: {}", self.status, String::from_utf8_lossy(&self.body)));
        }
        serde_json::from_slice(&self.body).map_err(|error| error.to_string())
    }

    fn of(bytes: &[u8]) -> Option<Result<Self, String>> {
        let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let Ok(head) = std::str::from_utf8(&bytes[..head_end]) else {
            return Some(Err("a head that is no text".to_owned()));
        };
        let header = |wanted: &str| {
            let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
            pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
        };
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok());
        let length = header("content-length").and_then(|text| text.parse::<usize>().ok());
        let (Some(status), Some(length)) = (status, length) else {
            return Some(Err(format!("a head that cannot be read: {head}")));
        };
        let body = bytes.get(head_end + 4..head_end + 4 + length)?.to_vec();
        let position = header("log-position").and_then(|text| text.parse().ok());
        Some(Ok(Self { status, position, stale: header("log-stale").is_some(), body }))
    }
}

impl Client {
    pub async fn connect(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream, buffer: Vec::with_capacity(32 << 10), used: Instant::now() })
    }

    /// Whether the other side has surely not closed it for want of use.
    pub fn is_fresh(&self) -> bool {
        self.used.elapsed() < IDLE_MAX
    }

    /// After an error the connection is of no use any more.
    pub async fn send(&mut self, ask: &Ask) -> Result<Answer, String> {
        let answer = tokio::time::timeout(WITHIN, self.exchange(ask)).await;
        self.used = Instant::now();
        answer.unwrap_or_else(|_| Err(format!("no answer within {WITHIN:?}")))
    }

    async fn exchange(&mut self, ask: &Ask) -> Result<Answer, String> {
        let text = ask.as_text();
        self.stream.write_all(text.as_bytes()).await.map_err(|error| error.to_string())?;
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await;
            if read.map_err(|error| error.to_string())? == 0 {
                return Err("the server closed the connection".to_owned());
            }
            if let Some(answer) = Answer::of(&self.buffer) {
                return answer;
            }
        }
    }
}
