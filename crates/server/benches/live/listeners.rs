//! Connections that listen, with as little work as possible for each message.

use std::time::Instant;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::program::Program;

/// Positions with the time of their arrival.
type Heard = Vec<(u64, Instant)>;

/// Open connections.
pub struct Listeners {
    tasks: Vec<JoinHandle<Heard>>,
    last: watch::Sender<Option<u64>>,
}

impl Listeners {
    /// Opens so many, shared among all users, and waits until each was told where it begins.
    pub async fn open(program: &Program, count: usize) -> Self {
        let (last, until) = watch::channel(None);
        let tokens = program.tokens.iter().cycle();
        let mut tasks = Vec::with_capacity(count);
        for batch in tokens.take(count).collect::<Vec<_>>().chunks(50) {
            let opened = join_all(batch.iter().map(|token| connect(&program.address, token))).await;
            tasks
                .extend(opened.into_iter().map(|stream| tokio::spawn(hear(stream, until.clone()))));
        }
        Self { tasks, last }
    }

    /// What each of them has heard up to a position.
    pub async fn until(self, position: u64) -> Vec<Heard> {
        self.last.send_replace(Some(position));
        join_all(self.tasks).await.into_iter().map(Result::unwrap).collect()
    }
}

async fn connect(address: &str, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /api/v1/live HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    while !said.windows(15).any(|window| window == b"event: position")
        || !said.ends_with(b"\n\n\r\n")
    {
        let read = stream.read_buf(&mut said).await.unwrap();
        assert!(read > 0, "refused: {}", String::from_utf8_lossy(&said));
    }
    assert!(said.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&said));
    stream
}

async fn hear(mut stream: TcpStream, mut until: watch::Receiver<Option<u64>>) -> Heard {
    let (mut heard, mut buffer) = (Vec::new(), Vec::with_capacity(2_048));
    loop {
        let newest = heard.last().map_or(0, |(position, _)| *position);
        if until.borrow().is_some_and(|last| newest >= last) {
            return heard;
        }
        tokio::select! {
            read = stream.read_buf(&mut buffer) => {
                assert!(read.unwrap() > 0, "the server closed the connection");
                let now = Instant::now();
                take(&mut buffer, |position| heard.push((position, now)));
            }
            changed = until.changed() => if changed.is_err() { return heard },
        }
    }
}

/// Takes whole messages out of what has arrived; those with a name only say how far it is.
fn take(buffer: &mut Vec<u8>, mut heard: impl FnMut(u64)) {
    let Some(end) = buffer.windows(2).rposition(|window| window == b"\n\n") else { return };
    let text = std::str::from_utf8(&buffer[..end]).unwrap();
    for block in text.split("\n\n").filter(|block| !block.contains("event: ")) {
        let id = block.lines().find_map(|line| line.strip_prefix("id: "));
        let position = id.and_then(|id| id.split('-').next());
        if let Some(position) = position {
            heard(position.parse().unwrap());
        }
    }
    buffer.drain(..end + 2);
}
