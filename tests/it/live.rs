//! Live messages (P03) from outside: nothing is missed, nobody waits for anybody, and a stop ends them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Client, Helpdesk, Ticket, Told};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// How many rounds each node writes; a soak writes more.
fn rounds() -> usize {
    let asked = std::env::var("LEDGERDESK_TEST_LIVE_ROUNDS");
    asked.ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

/// Everything in the log that the client may see.
async fn feed(client: &Client) -> Vec<Value> {
    let (mut events, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let page = client.get(&format!("/api/v1/events?limit=200&after={after}")).await.ok();
        events.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return events,
        }
    }
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

/// What has to be told after a position: the last position of each run of events that one command wrote to one stream, and
/// what they are about.
async fn wanted(client: &Client, after: u64) -> Vec<(u64, String)> {
    let events = feed(client).await;
    let late = events.iter().filter(|event| number(&event["position"]) > after);
    let late: Vec<&Value> = late.collect();
    let together = |one: &&Value, next: &&Value| {
        one["command_id"] == next["command_id"] && one["stream_id"] == next["stream_id"]
    };
    let runs = late.chunk_by(together).filter_map(|run| run.last());
    runs.map(|last| (number(&last["position"]), last["stream_id"].as_str().unwrap().to_owned()))
        .collect()
}

/// What messages told, without those that only say how far it is.
fn told(messages: &[Told]) -> Vec<(u64, String)> {
    let happened = messages.iter().filter(|message| message.event != "position");
    happened
        .map(|message| {
            assert_eq!(message.event, "message", "{message:?}");
            let stream = message.ticket().or_else(|| message.data["stream"]["id"].as_str());
            (message.id, stream.unwrap().to_owned())
        })
        .collect()
}

async fn write(client: Client, rounds: usize) {
    for round in 0..rounds {
        let ticket = client.open_ticket_with(json!({ "name": "Fire", "tags": ["hot"] })).await;
        client.comment(&ticket, "x").await;
        client.patch(&ticket.at(""), json!({ "priority": "high", "tags": [] })).await.ok();
        if round % 3 == 0 {
            client.add_contact(&ticket, &format!("{}@example.org", ticket.number)).await;
        }
    }
}

/// Listens by turns to several nodes, a few messages at a time, until `done` and everything was heard.
async fn listen(
    nodes: Vec<Client>,
    start: u64,
    stride: usize,
    done: impl Fn() -> Option<u64>,
) -> Vec<Told> {
    let (mut heard, mut last, mut left): (Vec<Told>, u64, String) =
        (Vec::new(), start, start.to_string());
    for turn in 0.. {
        let node = &nodes[turn % nodes.len()];
        let mut listener = node.listen(Some(&left)).await;
        let first = listener.next().await.unwrap();
        assert_eq!((first.event.as_str(), first.id), ("position", last));
        for _ in 0..1 + (turn * stride) % 7 {
            if done().is_some_and(|head| last >= head) {
                return heard;
            }
            let message = listener.next().await.unwrap();
            (last, left) = (message.id, message.bookmark.clone());
            heard.push(message);
        }
    }
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_or_told_twice_over_reconnects_between_nodes_that_both_write_p03() {
    let one = Helpdesk::start().await;
    let two = one.second_node().await;
    let start = one.head().await.0;
    let nodes = || vec![Client::clone(&one), Client::clone(&two)];
    let (head, known) = tokio::sync::watch::channel(None);
    let listeners: Vec<_> = (1..4)
        .map(|stride| {
            let (nodes, known) = (nodes(), known.clone());
            tokio::spawn(listen(nodes, start, stride, move || *known.borrow()))
        })
        .collect();
    let writers: Vec<_> =
        nodes().into_iter().map(|node| tokio::spawn(write(node, rounds()))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
    head.send_replace(Some(one.head().await.0));
    // One more event wakes those that wait for a message.
    one.open_ticket("The last").await;
    let wanted = wanted(&one, start).await;
    assert!(wanted.len() >= rounds() * 6, "{}", wanted.len());
    for listener in listeners {
        let heard = told(&listener.await.unwrap());
        assert_eq!(heard[..], wanted[..heard.len()]);
        assert!(heard.len() + 1 >= wanted.len(), "{} of {}", heard.len(), wanted.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_a_server_was_away_is_told_when_it_is_back_p03() {
    let mut one = Helpdesk::start().await;
    let two = one.second_node().await;
    let mut listener = one.listen(None).await;
    let start = listener.next().await.unwrap();
    assert!(start.bookmark.starts_with(&format!("{}-", start.id)), "{start:?}");
    let first = one.open_ticket("Before").await;
    let told_first = listener.next().await.unwrap();
    assert_eq!(told_first.ticket(), Some(&*first.id));
    one.stop().await;
    let last = listener.to_the_end().await.pop().unwrap_or(told_first);
    write(Client::clone(&two), 3).await;
    one.restart().await;
    let after = two.open_ticket("After").await;
    let head = two.head().await.0;
    let mut listener = one.listen(Some(&last.bookmark)).await;
    let heard = told(&listener.until(head).await);
    assert_eq!(heard, wanted(&two, last.id).await);
    assert_eq!(heard.last().unwrap().1, after.id);
}

/// Keeps a list of open tickets as a client would: it asks for each ticket that it is told of.
async fn keep(client: &Client, shown: &mut BTreeSet<String>, message: &Told) {
    let Some(id) = message.ticket() else { return };
    let answer = client.get(&format!("/api/v1/tickets/{id}")).await;
    let open = answer.status == 200 && answer.json["status"]["category"] != "closed";
    if open {
        shown.insert(id.to_owned());
    } else {
        shown.remove(id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_kept_by_live_messages_is_the_list_that_a_reload_shows_p03() {
    let desk = Helpdesk::start().await;
    let lea = desk.user("Lea", "light_agent").await;
    let old = desk.open_ticket("Old").await;
    let mut shown = BTreeSet::from([old.id.clone()]);
    let mut listener = lea.listen(None).await;
    let mut tickets: Vec<Ticket> = vec![old];
    for n in 0..6 {
        tickets.push(desk.open_ticket(&format!("t{n}")).await);
    }
    for (n, ticket) in tickets.iter().enumerate() {
        if n % 2 == 0 {
            desk.set_status(ticket, "Closed").await;
        }
        if n % 4 == 0 {
            desk.set_status(ticket, "New").await;
        }
        desk.put(&ticket.at("/drafts/comment"), json!({ "text": "x" })).await.ok();
    }
    desk.comment(&tickets[1], "the last").await;
    for message in listener.until(desk.head().await.0).await {
        // Drafts are for their writer alone.
        assert_ne!(message.data["stream"]["kind"], "draft", "{message:?}");
        keep(&lea, &mut shown, &message).await;
    }
    desk.catch_up().await;
    let page = lea.get("/api/v1/views/open/tickets").await.ok();
    let listed = page["items"].as_array().unwrap().iter();
    let listed: BTreeSet<String> =
        listed.map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(shown, listed);
}

/// A connection that asks for live messages and never reads, with as little room as the system allows.
async fn deaf(desk: &Helpdesk) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1_024).unwrap();
    let address = desk.base().strip_prefix("http://").unwrap().parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /api/v1/live HTTP/1.1\r\nhost: desk\r\nauthorization: Bearer {}\r\n\r\n",
        desk.admin_token()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_keeps_nobody_waiting_and_a_stop_ends_all_in_time() {
    let mut desk = Helpdesk::start().await;
    let mut deaf_ones = Vec::new();
    for _ in 0..5 {
        deaf_ones.push(deaf(&desk).await);
    }
    let mut listeners = Vec::new();
    for _ in 0..20 {
        listeners.push(desk.listen(None).await);
    }
    for n in 0..20 {
        let ticket = desk.open_ticket(&format!("t{n}")).await;
        let written = Instant::now();
        for listener in &mut listeners {
            let told = listener.until(desk.head().await.0).await;
            assert_eq!(told.last().unwrap().ticket(), Some(&*ticket.id));
        }
        assert!(written.elapsed() < Duration::from_secs(10), "{:?}", written.elapsed());
    }
    let asked = Instant::now();
    desk.stop().await;
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
    for mut listener in listeners {
        assert_eq!(listener.to_the_end().await, []);
    }
    for mut stream in deaf_ones {
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        // Everything that was begun was said to its end: the last piece is the empty one.
        assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("\r\n0\r\n\r\n"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_open_for_as_long_as_it_is_read_and_counted() {
    let desk = Helpdesk::start().await;
    let listener = desk.listen(None).await;
    let open = async || {
        let metrics = desk.get("/metrics").await.text();
        let line = metrics.lines().find(|line| line.starts_with("ledgerdesk_live_connections"));
        line.and_then(|line| line.split_whitespace().last()).map(str::to_owned)
    };
    assert_eq!(open().await.as_deref(), Some("1"));
    drop(listener);
    // Whoever goes away without a word is noticed.
    testkit::eventually("the connection is gone", async || {
        (open().await.as_deref() == Some("0")).then_some(())
    })
    .await;
}
