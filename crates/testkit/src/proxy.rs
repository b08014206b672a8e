//! A proxy of ours between a server and its Postgres, that understands just enough of the wire to harm an append where it
//! hurts: connections cut or held still before, within and after any message of it, in both directions.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use crate::wire::{Direction, Watcher};

/// What is done to one append, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Harm {
    /// Which way the bytes go that are counted.
    pub towards: Direction,
    /// So many bytes of the append, or of its answer, still pass.
    pub after_bytes: usize,
    /// What happens then.
    pub then: Then,
}

/// What happens to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It breaks, at both ends.
    Cut,
    /// Nothing passes any more, and nobody is told.
    Stall,
    /// Everything passes, but late.
    Late(Duration),
}

/// A proxy in front of one Postgres. Dropping it cuts everything.
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    upstream: PgConnectOptions,
    accepting: tokio::task::JoinHandle<()>,
}

struct Shared {
    socket: PathBuf,
    armed: Mutex<Option<Harm>>,
    done: AtomicU64,
    /// Bytes of the last whole append: towards the database, and of its answer.
    sizes: [AtomicUsize; 2],
    /// While this is set no byte passes; a connection that saw it is lost, and never told so.
    dark: watch::Sender<bool>,
    /// Grows when every connection has to be cut.
    cuts: watch::Sender<u64>,
    refusing: AtomicBool,
}

impl Proxy {
    /// Stands in front of the Postgres of this URL, which has to listen on a socket file.
    pub async fn before(url: &str) -> Self {
        let upstream: PgConnectOptions = url.parse().unwrap();
        let folder = upstream.get_socket().expect("a socket file");
        let shared = Arc::new(Shared {
            socket: folder.join(format!(".s.PGSQL.{}", upstream.get_port())),
            armed: Mutex::new(None),
            done: AtomicU64::new(0),
            sizes: [AtomicUsize::new(0), AtomicUsize::new(0)],
            dark: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
            refusing: AtomicBool::new(false),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { shared, address, upstream, accepting }
    }

    /// The URL of the database through the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        let database = self.upstream.get_database().unwrap_or("postgres");
        let user = self.upstream.get_username();
        format!("postgres://{user}@{}/{database}?sslmode=disable", self.address)
    }

    /// Harms the next append.
    pub fn arm(&self, harm: Harm) {
        *self.shared.armed.lock().unwrap() = Some(harm);
    }

    /// Takes the order back; whether it was still open.
    pub fn disarm(&self) -> bool {
        self.shared.armed.lock().unwrap().take().is_some()
    }

    /// How often an append was harmed so far.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.shared.done.load(Ordering::SeqCst)
    }

    /// How many bytes the last append took towards the database, and its answer back.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        let [up, down] = &self.shared.sizes;
        (up.load(Ordering::SeqCst), down.load(Ordering::SeqCst))
    }

    /// From now on no byte passes, on no connection, and nobody is told.
    pub fn go_dark(&self) {
        self.shared.dark.send_replace(true);
    }

    /// New connections work again. Those from before stay as dead as a firewall leaves them.
    pub fn lighten(&self) {
        self.shared.dark.send_replace(false);
    }

    /// Breaks every connection.
    pub fn cut_all(&self) {
        self.shared.cuts.send_modify(|count| *count += 1);
    }

    /// Whether new connections are turned away.
    pub fn refuse(&self, refusing: bool) {
        self.shared.refusing.store(refusing, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut_all();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        if shared.refusing.load(Ordering::SeqCst) {
            continue;
        }
        client.set_nodelay(true).ok();
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let mut cuts = shared.cuts.subscribe();
            tokio::select! {
                () = connection(client, &shared) => {}
                _ = cuts.changed() => {}
            }
        });
    }
}

async fn connection(client: TcpStream, shared: &Shared) {
    if *shared.dark.borrow() {
        return std::future::pending().await;
    }
    let Ok(server) = UnixStream::connect(&shared.socket).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let watcher = Mutex::new(Watcher::default());
    let line = Line { shared, watcher: &watcher, harm: &Mutex::new(None) };
    let stalled = tokio::select! {
        stalled = line.pass(&mut from_client, &mut to_server, Direction::Up) => stalled,
        stalled = line.pass(&mut from_server, &mut to_client, Direction::Down) => stalled,
    };
    if stalled {
        // The ends stay open, and neither is read from again.
        std::future::pending::<()>().await;
    }
}

/// One connection through the proxy.
struct Line<'a> {
    shared: &'a Shared,
    watcher: &'a Mutex<Watcher>,
    harm: &'a Mutex<Option<Harm>>,
}

impl Line<'_> {
    /// Passes bytes on until an end is reached (false) or nothing may pass any more (true).
    async fn pass(
        &self,
        from: &mut (impl AsyncReadExt + Unpin),
        to: &mut (impl AsyncWriteExt + Unpin),
        towards: Direction,
    ) -> bool {
        let (mut buffer, mut dark) = (vec![0; 64 << 10], self.shared.dark.subscribe());
        loop {
            let count = tokio::select! {
                biased;
                _ = dark.wait_for(|dark| *dark) => return true,
                read = from.read(&mut buffer) => match read {
                    Ok(count @ 1..) => count,
                    Ok(0) | Err(_) => return false,
                },
            };
            let (through, then) = self.judge(&buffer[..count], towards);
            if let Some(Then::Late(by)) = then {
                tokio::time::sleep(by).await;
            }
            if to.write_all(&buffer[..through]).await.is_err() {
                return false;
            }
            match then {
                Some(Then::Cut) => return false,
                Some(Then::Stall) => return true,
                Some(Then::Late(_)) | None => {}
            }
        }
    }

    /// How many of these bytes may pass, and what happens after them.
    fn judge(&self, bytes: &[u8], towards: Direction) -> (usize, Option<Then>) {
        let mut watcher = self.watcher.lock().unwrap();
        let seen = watcher.see(bytes, towards);
        if let Some(sizes) = seen.finished {
            self.shared.sizes[0].store(sizes.0, Ordering::SeqCst);
            self.shared.sizes[1].store(sizes.1, Ordering::SeqCst);
        }
        let mut harm = self.harm.lock().unwrap();
        if seen.begins && harm.is_none() {
            *harm = self.shared.armed.lock().unwrap().take();
        }
        let Some(planned) = *harm else { return (bytes.len(), None) };
        let (Some(first), true) = (seen.first, planned.towards == towards) else {
            return (bytes.len(), None);
        };
        // So much of the append had passed before these bytes; those of `bytes` before `first` are not of it.
        let end = first + planned.after_bytes.saturating_sub(seen.before);
        if end > bytes.len() {
            return (bytes.len(), None);
        }
        *harm = None;
        self.shared.done.fetch_add(1, Ordering::SeqCst);
        let through = if matches!(planned.then, Then::Late(_)) { bytes.len() } else { end };
        (through, Some(planned.then))
    }
}
