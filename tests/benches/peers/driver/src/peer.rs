//! The peers, each a program of its own: how it is started, and what its best pool size is.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use work::measure::{Load, Measured};
use work::protocol::{Answer, CaughtUp, Request};

/// A peer that can be started.
pub struct Kind {
    pub name: &'static str,
    /// With its version, as the tables show it.
    pub title: &'static str,
    program: Program,
    /// The best of 5, 10, 20, 40 and 64 connections at up to 1, 16 and more callers, found with `SWEEP=1`.
    pools: Option<[u32; 3]>,
}

enum Program {
    /// Built beside the driver.
    Rust(&'static str),
    /// In the folder `npm`.
    Node(&'static str),
}

/// The peer that the others are compared with.
pub const OURS: &str = "ledgerdesk";

pub const PEERS: [Kind; 7] = [
    Kind {
        name: OURS,
        title: "Ledgerdesk, library",
        program: Program::Rust("peer-ledgerdesk"),
        pools: None,
    },
    Kind {
        name: "postgres-es",
        title: "postgres-es 0.5.0 (cqrs-es 0.5.0)",
        program: Program::Rust("peer-postgres-es"),
        pools: Some([5, 20, 20]),
    },
    Kind {
        name: "esrs",
        title: "esrs 0.18.0",
        program: Program::Rust("peer-esrs"),
        pools: Some([5, 20, 20]),
    },
    Kind {
        name: "disintegrate",
        title: "disintegrate-postgres 4.0.1",
        program: Program::Rust("peer-disintegrate"),
        pools: Some([5, 10, 10]),
    },
    Kind {
        name: "eventually",
        title: "eventually-postgres 0.2.0",
        program: Program::Rust("peer-eventually"),
        pools: Some([5, 20, 10]),
    },
    Kind {
        name: "message-db",
        title: "Message DB 1.3.0 (npm 1.3.1)",
        program: Program::Rust("peer-message-db"),
        pools: Some([5, 20, 20]),
    },
    Kind {
        name: "emmett",
        title: "Emmett 0.42.0",
        program: Program::Node("emmett.mjs"),
        pools: Some([5, 10, 20]),
    },
];

impl Kind {
    /// None where the peer takes no such number.
    pub fn pool(&self, callers: usize) -> Option<u32> {
        let [one, few, many] = self.pools?;
        Some(match callers {
            0..=1 => one,
            2..=16 => few,
            _ => many,
        })
    }

    fn command(&self) -> Command {
        match self.program {
            Program::Rust(name) => Command::new(beside_the_driver().join(name)),
            Program::Node(file) => {
                let npm = Path::new(env!("CARGO_MANIFEST_DIR")).join("../npm");
                let mut command = Command::new("node");
                command.arg(file).current_dir(npm);
                command
            }
        }
    }
}

fn beside_the_driver() -> PathBuf {
    let driver = std::env::current_exe().expect("the path of this program");
    driver.parent().expect("its folder").to_owned()
}

/// A running peer. Dropped, it is ended.
pub struct Peer {
    pub kind: &'static Kind,
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it with its tables made.
    pub fn start(kind: &'static Kind, url: &str, folder: &Path) -> Self {
        let mut child = kind
            .command()
            .env("DATABASE_URL", url)
            .env("FOLDER", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", kind.name));
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("its output"));
        let mut peer = Self { kind, child, requests, answers };
        peer.ask(&Request::Prepare);
        peer
    }

    pub fn commands(&mut self, load: Load) -> Measured {
        match self.ask(&Request::Commands(load)) {
            Answer::Measured(measured) => measured,
            other => panic!("{}: {other:?}", self.kind.name),
        }
    }

    pub fn count(&mut self) -> u64 {
        match self.ask(&Request::Count) {
            Answer::Events(events) => events,
            other => panic!("{}: {other:?}", self.kind.name),
        }
    }

    pub fn fill(&mut self, events: u64) {
        self.ask(&Request::Fill { events });
    }

    pub fn catch_up(&mut self, seconds: f64) -> Option<CaughtUp> {
        match self.ask(&Request::CatchUp { seconds }) {
            Answer::CaughtUp(caught_up) => Some(caught_up),
            Answer::NotOffered => None,
            other => panic!("{}: {other:?}", self.kind.name),
        }
    }

    fn ask(&mut self, request: &Request) -> Answer {
        let mut line = serde_json::to_string(request).expect("a request");
        line.push('\n');
        let requests = self.requests.as_mut().expect("its input");
        requests.write_all(line.as_bytes()).expect("the peer reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the peer answers");
        serde_json::from_str(&answer)
            .unwrap_or_else(|_| panic!("{} ended at {line}", self.kind.name))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.requests.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
