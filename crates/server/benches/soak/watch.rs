//! Those who only listen: live connections that have to be told everything, and one consumer of the event feed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use crate::act::Kind;
use crate::desk::Desk;
use crate::http::{Ask, Client};
use crate::journal::Journal;

/// How long they may take to reach the end; a quiet connection is told every 15 s how far it is.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the consumer waits before it asks for more.
const POLL: Duration = Duration::from_millis(200);
/// How many events it asks for.
const PAGE: usize = 200;

/// What one of them was told.
pub struct Heard {
    pub who: String,
    pub positions: Vec<u64>,
    /// Why it ended before its end.
    pub failure: Option<String>,
}

/// All of them, at work.
pub struct Watchers {
    /// They are told what comes after this position.
    pub start: u64,
    listeners: Vec<JoinHandle<Heard>>,
    consumer: JoinHandle<Heard>,
    until: Sender<Option<u64>>,
    told: Arc<AtomicU64>,
}

/// Everything they were told.
pub struct AllHeard {
    pub listeners: Vec<Heard>,
    pub consumer: Heard,
}

impl Watchers {
    pub async fn start(desk: &Desk, journal: Arc<Journal>) -> Self {
        let head = desk.ask("/api/v1/admin/log/head").await.unwrap();
        let start = head["position"].as_str().unwrap().parse().unwrap();
        let (until, end) = channel(None);
        let told = Arc::new(AtomicU64::new(0));
        let mut listeners = Vec::new();
        for (index, person) in desk.people.listeners.iter().enumerate() {
            let who = format!("live connection {}", index + 1);
            let place = (desk.address.clone(), person.token.clone(), start);
            let (end, told) = (end.clone(), Arc::clone(&told));
            listeners.push(tokio::spawn(async move {
                let mut heard = Heard { who, positions: Vec::new(), failure: None };
                heard.failure = listen(place, end, &mut heard.positions, &told).await.err();
                heard
            }));
        }
        let place = (desk.address.clone(), desk.people.admin.token.clone(), start);
        let consumer = tokio::spawn(async move {
            let who = "consumer of events".to_owned();
            let mut heard = Heard { who, positions: Vec::new(), failure: None };
            heard.failure = consume(place, end, &mut heard.positions, &journal).await.err();
            heard
        });
        Self { start, listeners, consumer, until, told }
    }

    /// How many live messages arrived so far.
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Lets them go on up to a position, and answers what they were told.
    pub async fn until(self, position: u64) -> AllHeard {
        self.until.send_replace(Some(position));
        let mut listeners = Vec::new();
        for listener in self.listeners {
            listeners.push(listener.await.unwrap());
        }
        AllHeard { listeners, consumer: self.consumer.await.unwrap() }
    }
}

/// Where, as whom, after which position.
type Place = (String, String, u64);

async fn consume(
    (address, token, start): Place,
    mut until: Receiver<Option<u64>>,
    heard: &mut Vec<u64>,
    journal: &Journal,
) -> Result<(), String> {
    let mut client = Client::connect(&address).await?;
    let (mut after, mut deadline) = (start, None);
    loop {
        let sent = Instant::now();
        let ask = Ask::get(format!("/api/v1/events?after={after}&limit={PAGE}"), &token);
        let page = client.send(&ask).await?.json()?;
        journal.answered(Kind::Events, sent.elapsed());
        let number = |value: &serde_json::Value| value.as_str().and_then(|text| text.parse().ok());
        let items = page["items"].as_array().ok_or("a page without items")?;
        for item in items {
            heard.push(number(&item["position"]).ok_or("an event without a position")?);
        }
        after = number(&page["position"]).ok_or("a page without a position")?;
        if is_over(&until, after, &mut deadline)? {
            return Ok(());
        }
        if page["next_cursor"].is_null() {
            drop(tokio::time::timeout(POLL, until.changed()).await);
        }
    }
}

async fn listen(
    (address, token, start): Place,
    mut until: Receiver<Option<u64>>,
    heard: &mut Vec<u64>,
    told: &AtomicU64,
) -> Result<(), String> {
    let mut stream = TcpStream::connect(&address).await.map_err(|error| error.to_string())?;
    let request = format!(
        "GET /api/v1/live?after={start} HTTP/1.1\r\nhost: desk\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    let (mut body, mut reached, mut deadline) = (Body::default(), 0, None);
    loop {
        tokio::select! {
            read = stream.read_buf(&mut body.raw) => {
                if read.map_err(|error| error.to_string())? == 0 {
                    return Err("the server closed the connection".to_owned());
                }
            }
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            changed = until.changed() => changed.map_err(|error| error.to_string())?,
        }
        body.decode()?;
        while let Some(frame) = body.frame() {
            let line = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
            let Some(id) = line("id: ") else { continue };
            let position = id.split('-').next().unwrap_or_default();
            reached = position.parse().map_err(|_| format!("no position: {frame}"))?;
            match line("event: ") {
                None => {
                    heard.push(reached);
                    told.fetch_add(1, Ordering::Relaxed);
                }
                Some("position") => {}
                Some(other) => return Err(format!("told to {other}: {frame}")),
            }
        }
        if is_over(&until, reached, &mut deadline)? {
            return Ok(());
        }
    }
}

/// Whether the end is reached; after a while without it that is a failure.
fn is_over(
    until: &Receiver<Option<u64>>,
    reached: u64,
    deadline: &mut Option<Instant>,
) -> Result<bool, String> {
    let Some(end) = *until.borrow() else { return Ok(false) };
    let deadline = *deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
    if reached < end && Instant::now() > deadline {
        return Err(format!("it is at {reached} of {end} after {PATIENCE:?}"));
    }
    Ok(reached >= end)
}

/// A body in chunks, as it arrives.
#[derive(Default)]
struct Body {
    raw: Vec<u8>,
    begun: bool,
    text: String,
    frames: VecDeque<String>,
}

impl Body {
    fn frame(&mut self) -> Option<String> {
        self.frames.pop_front()
    }

    fn decode(&mut self) -> Result<(), String> {
        if !self.begun {
            let end = self.raw.windows(4).position(|window| window == b"\r\n\r\n");
            let Some(end) = end else { return Ok(()) };
            if !self.raw.starts_with(b"HTTP/1.1 200") {
                return Err(String::from_utf8_lossy(&self.raw).into_owned());
            }
            self.raw.drain(..end + 4);
            self.begun = true;
        }
        while let Some(end) = self.raw.windows(2).position(|window| window == b"\r\n") {
            let size = std::str::from_utf8(&self.raw[..end]).ok();
            let size = size.and_then(|text| usize::from_str_radix(text, 16).ok());
            let size = size.ok_or("a chunk without a size")?;
            let Some(chunk) = self.raw.get(end + 2..end + 2 + size) else { break };
            if self.raw.len() < end + 4 + size {
                break;
            }
            self.text.push_str(&String::from_utf8_lossy(chunk));
            self.raw.drain(..end + 4 + size);
        }
        while let Some((frame, rest)) = self.text.split_once("\n\n") {
            self.frames.push_back(frame.to_owned());
            self.text = rest.to_owned();
        }
        Ok(())
    }
}
