//! A client that listens to live messages.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

/// How long a message may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A live connection. Dropping it closes the connection.
pub struct Listener {
    response: reqwest::Response,
    unread: String,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its name; `message` where it has none.
    pub event: String,
    /// Its id as it was sent: what a client comes back with.
    pub bookmark: String,
    /// The position in it.
    pub id: u64,
    /// What it says.
    pub data: Value,
}

impl Told {
    /// The ticket it is about, if it tells that something happened to one.
    #[must_use]
    pub fn ticket(&self) -> Option<&str> {
        self.data["ticket_id"].as_str()
    }
}

impl Listener {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        Self { response, unread: String::new() }
    }

    /// The next message; none when the connection has ended. Fails after half a minute of silence.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            let Some(data) = field("data: ") else { continue };
            let bookmark = field("id: ").expect("an id").to_owned();
            let position = bookmark.split('-').next().and_then(|id| id.parse().ok());
            return Some(Told {
                event: field("event: ").unwrap_or("message").to_owned(),
                id: position.expect("a position"),
                bookmark,
                data: serde_json::from_str(data).expect("JSON"),
            });
        }
    }

    /// Everything up to the first message that reaches a position, that one included.
    pub async fn until(&mut self, position: u64) -> Vec<Told> {
        let mut told = Vec::new();
        loop {
            let next = self.next().await.expect("the connection goes on");
            let reached = next.id >= position;
            told.push(next);
            if reached {
                return told;
            }
        }
    }

    /// Everything up to the end of the connection.
    pub async fn to_the_end(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some(next) = self.next().await {
            told.push(next);
        }
        told
    }

    pub(crate) async fn first(mut self) -> String {
        self.block().await.unwrap_or_default()
    }

    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                return Some(block);
            }
            let more = timeout(PATIENCE, self.response.chunk()).await;
            // A connection that breaks has ended too.
            let more = more.expect("a message within half a minute").ok().flatten()?;
            self.unread.push_str(std::str::from_utf8(&more).expect("whole characters"));
        }
    }
}
