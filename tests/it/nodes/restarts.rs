//! Servers are replaced one after the other, and a client that asks another one once notices nothing.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, eventually};

use super::cluster::Cluster;

const NODES: usize = 3;
const CLIENTS: usize = 8;
/// So many requests are answered before and after each restart.
const BETWEEN: u64 = 40;
const ENDS_WITHIN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// What all clients share: where the servers are, and how far they are.
struct Road {
    clients: Mutex<Vec<Client>>,
    answered: AtomicU64,
    retried: AtomicU64,
    over: AtomicBool,
}

impl Road {
    fn client(&self, node: usize) -> Client {
        self.clients.lock().unwrap()[node].clone()
    }

    async fn wait_for_answers(&self) {
        let goal = self.answered.load(Ordering::Relaxed) + BETWEEN;
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.answered.load(Ordering::Relaxed) < goal {
            assert!(Instant::now() < deadline, "nobody is answered any more");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Asks the servers in turn; another one once, when the first refuses, breaks off or says that it is not there.
    async fn ask(
        &self,
        turn: usize,
        (method, path, body): (Method, &str, Value),
        key: &str,
    ) -> Value {
        let mut failures = Vec::new();
        for node in [turn % NODES, (turn + 1) % NODES] {
            let request = self.client(node).request(method.clone(), path);
            let request = request.header("idempotency-key", key).timeout(Duration::from_secs(20));
            let request = if method == Method::GET { request } else { request.json(&body) };
            let answering = async {
                let response = request.send().await?;
                Ok::<_, reqwest::Error>((response.status(), response.bytes().await?))
            };
            match answering.await {
                Ok((status, bytes)) if status != 503 => {
                    let text = String::from_utf8_lossy(&bytes);
                    assert!(status.is_success(), "{method} {path}: {status} {text}");
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    return serde_json::from_slice(&bytes).unwrap();
                }
                failed => failures.push(format!("server {node}: {failed:?}")),
            }
            self.retried.fetch_add(1, Ordering::Relaxed);
        }
        panic!("{method} {path} failed twice: {failures:?}");
    }

    /// Writes and reads without pause; answers the positions of what was written.
    async fn drive(self: Arc<Self>, name: usize, ticket: String) -> Vec<String> {
        let (mut positions, mut turn) = (Vec::new(), name);
        while !self.over.load(Ordering::Relaxed) {
            turn += 1;
            let key = format!("client {name} turn {turn}");
            let comment = json!({ "text": key });
            let path = format!("/api/v1/tickets/{ticket}");
            let written =
                self.ask(turn, (Method::POST, &format!("{path}/comments"), comment), &key).await;
            positions.push(written["position"].as_str().unwrap().to_owned());
            let shown = self.ask(turn + 1, (Method::GET, &path, Value::Null), &key).await;
            assert!(shown["version"].as_u64() >= written["version"].as_u64(), "{shown} {written}");
            self.ask(turn + 2, (Method::GET, "/api/v1/views/open/tickets", Value::Null), &key)
                .await;
        }
        positions
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn not_one_request_fails_while_three_servers_are_replaced_one_after_the_other() {
    let mut cluster = Cluster::start(NODES).await;
    let road = Arc::new(Road {
        clients: Mutex::new(cluster.clients()),
        answered: AtomicU64::new(0),
        retried: AtomicU64::new(0),
        over: AtomicBool::new(false),
    });
    let mut driving = Vec::new();
    for name in 0..CLIENTS {
        let ticket = cluster.client(0).open_ticket(&format!("Ticket {name}")).await.id;
        driving.push(tokio::spawn(Arc::clone(&road).drive(name, ticket)));
    }
    for node in 0..NODES {
        road.wait_for_answers().await;
        let (serving, asked) = (cluster.take(node), Instant::now());
        let ended = tokio::task::spawn_blocking(move || serving.terminate()).await.unwrap();
        assert_eq!(ended.code(), Some(0));
        assert!(asked.elapsed() < ENDS_WITHIN, "it took {:?}", asked.elapsed());
        road.wait_for_answers().await;
        cluster.serve(node);
        road.clients.lock().unwrap()[node] = cluster.client(node);
    }
    road.wait_for_answers().await;
    road.over.store(true, Ordering::Relaxed);
    let mut positions = Vec::new();
    for one in driving {
        positions.extend(one.await.unwrap());
    }
    println!("{} written, {} asked again", positions.len(), road.retried.load(Ordering::Relaxed));
    assert_eq!(positions.iter().collect::<HashSet<_>>().len(), positions.len());
    let log = cluster.log();
    let comments = log.iter().filter(|event| event["type"] == "CommentAdded").count();
    assert_eq!(comments, positions.len(), "none is missing, none is there twice");
    cluster.verify();
    cluster.rows_are_the_fold().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_says_so_first_and_finishes_what_it_has_begun() {
    let mut cluster = Cluster::start(1).await;
    let token = cluster.client(0).request(Method::GET, "/").build().unwrap();
    let token = token.headers()["authorization"].to_str().unwrap().to_owned();
    let address = cluster.serving(0).url.strip_prefix("http://").unwrap().to_owned();
    let mut kept = Wire::open(&address);
    let (ready, head) = kept.ask("/readyz");
    assert!(ready.starts_with("HTTP/1.1 200") && !says_close(&head), "{ready} {head}");
    let mut idle = Wire::open(&address);
    idle.ask("/healthz");
    // One request is half there.
    let mut half = Wire::open(&address);
    let body = r#"{"name":"Sent in two halves"}"#;
    let start = format!(
        "POST /api/v1/tickets HTTP/1.1\r\nhost: desk\r\ncontent-type: application/json\r\n\
         authorization: {token}\r\ncontent-length: {}\r\n\r\n{{",
        body.len()
    );
    half.0.write_all(start.as_bytes()).unwrap();

    let (serving, asked) = (cluster.take(0), Instant::now());
    let pid = serving.pid();
    let ending = std::thread::spawn(move || serving.terminate());
    // On connections that are there and on new ones: not ready, and nothing more after this answer.
    let (status, head) = eventually("it says that it ends", || async {
        let mut fresh = Wire::open(&address);
        let (status, head) = fresh.ask("/readyz");
        status.contains("503").then_some((status, head))
    })
    .await;
    assert!(says_close(&head), "{status} {head}");
    let (status, head) = kept.ask("/healthz");
    assert!(status.contains("200") && says_close(&head), "{status} {head}");
    assert!(kept.is_closed(), "nothing comes after the last answer");
    assert!(crate::faults::processes::is_alive(pid));
    half.0.write_all(&body.as_bytes()[1..]).unwrap();
    let (status, _) = half.answer();
    assert!(status.contains("201"), "{status}");
    assert!(idle.is_closed(), "a connection that only waits is closed");
    let ended = tokio::task::spawn_blocking(move || ending.join().unwrap()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
    assert!(asked.elapsed() < ENDS_WITHIN, "it took {:?}", asked.elapsed());
    assert!(TcpStream::connect(&address).is_err(), "the door is closed");
    cluster.serve(0);
    assert_eq!(cluster.client(0).get("/api/v1/tickets/1").await.ok()["name"], "Sent in two halves");
}

/// One connection, byte by byte.
struct Wire(TcpStream);

impl Wire {
    fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(ENDS_WITHIN)).unwrap();
        Self(stream)
    }

    fn ask(&mut self, path: &str) -> (String, String) {
        write!(self.0, "GET {path} HTTP/1.1\r\nhost: desk\r\n\r\n").unwrap();
        self.answer()
    }

    /// The first line, and the head with it.
    fn answer(&mut self) -> (String, String) {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            assert_eq!(self.0.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&head));
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (head.lines().next().unwrap().to_uppercase(), head)
    }

    fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0))
    }
}

fn says_close(head: &str) -> bool {
    head.contains("connection: close")
}
