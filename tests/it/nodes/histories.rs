//! Histories recorded by clients of three servers can be explained by one server that does one thing at a time: nothing is
//! refused, left unchanged, or shown because of what one of the servers still remembers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::cluster::Cluster;
use super::drafts::{Draft, DraftOp};
use super::linear::{Model, check};
use super::models::{Address, AddressOp, NumberOp, Numbers, Ticket, TicketAnswer, TicketAsk};
use super::players::{AddressObject, History, Office, Player, TicketObject};
use super::servers::Servers;
use crate::faults::chance::{Chance, setting};

const NODES: usize = 3;
const PLAYERS: usize = 9;
/// How often each player asks, unless `LEDGERDESK_TEST_ROUNDS` says otherwise; a third of it where servers fail meanwhile.
const ROUNDS: u64 = 60;
/// Rounds per ticket, address and so on: histories stay short enough to be judged.
const ROUNDS_PER_OBJECT: usize = 60;
/// No answer takes longer where nothing is wrong.
const PATIENT: Duration = Duration::from_secs(20);
/// How long clients wait for a server that may be paused.
const IMPATIENT: Duration = Duration::from_millis(1_200);
/// How long a server is paused.
const PAUSED_FOR: Duration = Duration::from_millis(2_500);

#[tokio::test(flavor = "multi_thread")]
async fn what_three_servers_answer_could_have_come_from_one() {
    let mut chance = Chance::seeded(20_301);
    let mut cluster = Cluster::start(NODES).await;
    let rounds = rounds();
    let office = office(&cluster, rounds, PATIENT).await;
    let players = play(&office, rounds, &mut chance);
    players.join_all().await;
    histories_are_linear(&office);
    every_kind_of_answer_was_met(&office);
    one_truth(&mut cluster, &office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_could_also_when_servers_are_paused_killed_and_started_again() {
    let mut chance = Chance::seeded(20_302);
    let mut cluster = Cluster::start(NODES).await;
    let rounds = rounds() / 3;
    let office = office(&cluster, rounds, IMPATIENT).await;
    let mut faults = chance.branch();
    let players = play(&office, rounds, &mut chance);
    let playing = tokio::spawn(async move { drop(players.join_all().await) });
    let mut count = 0;
    // The faults go on for as long as anybody plays; each comes about at least once.
    while count < 2 || !playing.is_finished() {
        let node = faults.below(NODES);
        if count % 2 == 0 {
            cluster.signal(node, "STOP");
            tokio::time::sleep(PAUSED_FOR).await;
            cluster.signal(node, "CONT");
        } else {
            tokio::time::sleep(faults.moment(Duration::from_millis(500))).await;
            cluster.kill(node);
            cluster.serve(node);
            office.servers.replace(node, cluster.client(node));
        }
        count += 1;
    }
    playing.await.unwrap();
    histories_are_linear(&office);
    one_truth(&mut cluster, &office).await;
}

fn rounds() -> usize {
    usize::try_from(setting("LEDGERDESK_TEST_ROUNDS").unwrap_or(ROUNDS)).unwrap()
}

async fn office(cluster: &Cluster, rounds: usize, patience: Duration) -> Arc<Office> {
    let client = cluster.client(0);
    let objects = (rounds * PLAYERS / ROUNDS_PER_OBJECT / 4).max(3);
    let pipelines = client.get("/api/v1/pipelines").await.ok();
    let statuses = pipelines["items"][0]["statuses"].as_array().unwrap();
    let statuses = statuses.iter().map(|status| status["id"].as_str().unwrap().to_owned());
    let (mut tickets, mut addresses) = (Vec::new(), Vec::new());
    for index in 0..objects {
        let email = format!("colleague-{index}@desk.example.org");
        let body = json!({ "name": "Colleague", "email": email, "role": "agent" });
        let colleague = client.post("/api/v1/users", body).await.status(201);
        tickets.push(TicketObject {
            id: client.open_ticket(&format!("Ticket {index}")).await.id,
            colleague: colleague["id"].as_str().unwrap().to_owned(),
            history: History::new(),
            draft: History::new(),
        });
        let mut contacts = Vec::new();
        for _ in 0..3 {
            let made = client.post("/api/v1/contacts", json!({ "name": "Somebody" })).await;
            let id = made.status(201)["id"].as_str().unwrap().parse::<uuid::Uuid>();
            contacts.push(id.unwrap().as_u128());
        }
        addresses.push(AddressObject {
            email: format!("wanted-{index}@example.org"),
            contacts,
            ticket: client.open_ticket(&format!("With contacts {index}")).await.id,
            history: History::new(),
        });
    }
    Arc::new(Office {
        servers: Servers::new(cluster.clients(), patience),
        statuses: statuses.collect(),
        tickets,
        addresses,
        numbers: History::new(),
        newest: 2 * objects as u64,
        positions: std::sync::Mutex::default(),
        fresh_reads: std::sync::Mutex::default(),
        started: Instant::now(),
    })
}

fn play(office: &Arc<Office>, rounds: usize, chance: &mut Chance) -> JoinSet<()> {
    let mut players = JoinSet::new();
    for number in 0..PLAYERS {
        let (name, office) = (format!("player {number}"), Arc::clone(office));
        let player = Player { name, office, chance: chance.branch(), asked: 0 };
        players.spawn(player.play(rounds));
    }
    players
}

fn histories_are_linear(office: &Office) {
    for ticket in &office.tickets {
        judge(&Ticket, &ticket.history, "a ticket");
        judge(&Draft, &ticket.draft, "a draft");
    }
    for address in &office.addresses {
        judge(&Address, &address.history, "an address");
    }
    judge(&Numbers { newest: office.newest }, &office.numbers, "numbers");
    positions_follow_time(&mut office.positions.lock().unwrap().clone());
}

fn judge<M: Model + Sync>(model: &M, history: &History<M::Op>, what: &str)
where
    M::Op: Sync,
{
    if history.spoilt.load(Ordering::Relaxed) {
        println!("{what} is not judged: the outcome of something that concerns it is open");
        return;
    }
    let calls = history.calls.lock().unwrap();
    if let Err(stuck) = check(model, &calls) {
        panic!(
            "no order explains the history of {what}:\n{}\nthen {}",
            stuck.order.join("\n"),
            stuck.next
        );
    }
}

/// Whoever asked after somebody else was answered stands behind them in the log, or changed nothing and stands with them.
fn positions_follow_time(answers: &mut [(u64, u64, u64)]) {
    let mut returned = answers.to_vec();
    returned.sort_unstable_by_key(|(_, returned, _)| *returned);
    answers.sort_unstable_by_key(|(invoked, ..)| *invoked);
    let (mut before, mut newest) = (returned.iter().peekable(), 0);
    for (invoked, _, position) in answers.iter() {
        while let Some((_, _, position)) = before.next_if(|(_, returned, _)| returned < invoked) {
            newest = newest.max(*position);
        }
        assert!(*position >= newest, "{position} was answered after {newest}");
    }
}

/// Nothing was judged that never happened.
fn every_kind_of_answer_was_met(office: &Office) {
    let mut met: HashMap<&str, usize> = HashMap::new();
    let mut count = |what: &'static str| *met.entry(what).or_default() += 1;
    for call in
        office.tickets.iter().flat_map(|ticket| ticket.history.calls.lock().unwrap().clone())
    {
        match (call.op.answer, call.op.ask) {
            (TicketAnswer::Conflict { .. }, _) => count("conflict"),
            (TicketAnswer::InactiveUser, _) => count("rejection"),
            (TicketAnswer::Shown { .. }, _) => count("read"),
            (TicketAnswer::Accepted { .. }, TicketAsk::Access(_)) => count("directory"),
            (TicketAnswer::Accepted { .. }, _) => count("acceptance"),
            (TicketAnswer::Nothing | TicketAnswer::Unknown, _) => {}
        }
    }
    for call in office.addresses.iter().flat_map(|one| one.history.calls.lock().unwrap().clone()) {
        match call.op {
            AddressOp::Take(_, true) => count("address taken"),
            AddressOp::Take(_, false) => count("address refused"),
            AddressOp::Attach(_) => count("address attached"),
            _ => {}
        }
    }
    for call in office.tickets.iter().flat_map(|ticket| ticket.draft.calls.lock().unwrap().clone())
    {
        count(if matches!(call.op, DraftOp::Saved(_)) { "draft saved" } else { "draft gone" });
    }
    for call in office.numbers.calls.lock().unwrap().iter() {
        count(if matches!(call.op, NumberOp::Taken(_)) { "number taken" } else { "number sought" });
    }
    *met.entry("fresh list").or_default() +=
        usize::try_from(*office.fresh_reads.lock().unwrap()).unwrap();
    println!("{met:?}");
    assert_eq!(met.len(), 13, "{met:?}");
    assert!(met.values().all(|count| *count > 0), "{met:?}");
}

/// Log, servers and views agree.
async fn one_truth(cluster: &mut Cluster, office: &Office) {
    let log = cluster.log();
    let mut versions: HashMap<&str, u64> = HashMap::new();
    let mut numbers = 0;
    for (index, event) in log.iter().enumerate() {
        let position: u64 = event["position"].as_str().unwrap().parse().unwrap();
        assert_eq!(position, index as u64 + 1, "positions have no holes");
        let version = versions.entry(event["stream"].as_str().unwrap()).or_default();
        *version += 1;
        assert_eq!(event["version"].as_u64(), Some(*version), "{event}");
        numbers += u64::from(event["type"] == "TicketCreated");
    }
    let commands: HashSet<_> = log.iter().map(|event| event["command"].as_str().unwrap()).collect();
    println!("{} events of {} commands", log.len(), commands.len());
    cluster.verify();
    cluster.caught_up().await;
    let clients = cluster.clients();
    for path in (1..=numbers)
        .map(|number| format!("/api/v1/tickets/{number}"))
        .chain(["/api/v1/views/counts".to_owned(), "/api/v1/views/open/tickets".to_owned()])
    {
        let mut answers = Vec::new();
        for client in &clients {
            answers.push(client.send(client.request(Method::GET, &path)).await.ok());
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{path}: {answers:?}");
    }
    let after = clients[0].get(&format!("/api/v1/tickets/{}", numbers + 1)).await;
    assert_eq!(after.refused(404), "not_found", "numbers have no holes");
    assert!(office.newest <= numbers);
    cluster.rows_are_the_fold().await;
}
