//! What can be killed, and how: the server, its Postgres, one process of it, everything at once.

use std::collections::BTreeMap;

use super::chance::Chance;
use super::desk::Desk;
use super::processes;

/// A way to kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hit {
    /// The server, as the kernel does when memory is short.
    Server,
    /// The first process of Postgres; the others follow.
    Postmaster,
    /// One process of Postgres, whichever it is; the postmaster then ends all of them and recovers.
    Backend,
    /// Postgres, without a checkpoint.
    Immediate,
    /// Postgres, and again while it recovers.
    Twice,
    /// The connections, as an administrator does.
    Terminated,
    /// Everything, as a power cut does.
    Both,
}

/// Each comes as often as it stands here.
const HITS: [Hit; 8] = [
    Hit::Server,
    Hit::Postmaster,
    Hit::Both,
    Hit::Backend,
    Hit::Immediate,
    Hit::Server,
    Hit::Terminated,
    Hit::Twice,
];

/// So many ways to kill, each as often as its share, in an order of chance.
pub fn several(count: usize, chance: &mut Chance) -> Vec<Hit> {
    let mut hits: Vec<Hit> = HITS.into_iter().cycle().take(count).collect();
    for last in (1..hits.len()).rev() {
        hits.swap(last, chance.below(last + 1));
    }
    hits
}

/// How often each was used, for people.
pub fn shares(hits: &[Hit]) -> BTreeMap<Hit, usize> {
    let mut shares = BTreeMap::new();
    for hit in hits {
        *shares.entry(*hit).or_default() += 1;
    }
    shares
}

impl Hit {
    /// Whether the server has to be started again afterwards.
    pub const fn ends_the_server(self) -> bool {
        matches!(self, Self::Server | Self::Both)
    }

    /// Kills now.
    pub async fn strike(self, desk: &mut Desk, chance: &mut Chance) {
        let server = desk.serving().pid();
        match self {
            Self::Server => desk.kill(),
            Self::Postmaster => {
                strike_postmaster(server, None, "KILL").await;
            }
            Self::Immediate => {
                strike_postmaster(server, None, "QUIT").await;
            }
            Self::Twice => {
                let first = strike_postmaster(server, None, "KILL").await;
                strike_postmaster(server, first, "KILL").await;
            }
            Self::Backend => {
                let postmaster = processes::next_postmaster(server, None).await;
                let children = processes::children_of(postmaster);
                if !children.is_empty() {
                    processes::try_signal(chance.pick(&children), "KILL");
                }
            }
            Self::Terminated => {
                let postmaster = processes::next_postmaster(server, None).await;
                for child in processes::children_of(postmaster) {
                    if processes::title_of(child).contains("ledgerdesk_app") {
                        processes::try_signal(child, "TERM");
                    }
                }
            }
            Self::Both => {
                let postmaster = processes::next_postmaster(server, None).await;
                let mut all = processes::children_of(postmaster);
                all.push(postmaster);
                if chance.below(2) == 0 {
                    all.reverse();
                }
                // Held still, so that it cannot act on the end of the others first.
                processes::signal(server, "STOP");
                all.into_iter().for_each(|pid| processes::try_signal(pid, "KILL"));
                desk.kill();
            }
        }
    }
}

/// Signals the private Postgres of a server, another one than is known; answers which it was.
async fn strike_postmaster(server: u32, known: Option<u32>, signal: &str) -> Option<u32> {
    let postmaster = processes::next_postmaster(server, known).await;
    processes::try_signal(postmaster, signal);
    Some(postmaster)
}
