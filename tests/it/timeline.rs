//! What happened to a ticket: sentences (T20) and the stored events (Z01).

use serde_json::{Value, json};
use testkit::Helpdesk;

use crate::people::{colleague, conversation, each, property, text};

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_a_line_with_who_what_and_the_values_before_and_after_t20() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let body = json!({ "key": "cause", "label": "Cause", "type": "text" });
    property(&desk, body).await;
    let ticket = ben.open_ticket("Printer").await;
    let contact = json!({ "contact": { "name": "Anna", "email": "anna@example.org" } });
    ben.post(&ticket.at("/contacts"), contact).await.ok();
    ben.patch(&ticket.at(""), json!({ "name": "Fire", "priority": "high", "tags": ["hot"] }))
        .await
        .ok();
    ben.patch(&ticket.at(""), json!({ "properties": { "cause": "a match" } })).await.ok();
    ben.put(&ticket.at("/owner"), json!({ "user_id": ben.id })).await.ok();
    ben.set_status(&ticket, "Closed").await;
    let comment = json!({ "text": "x", "mentions": [desk.admin_id().to_string()] });
    ben.post(&ticket.at("/comments"), comment).await.status(201);
    ben.reply(&ticket, "Use water").await;
    desk.catch_up().await;
    let page = desk.get(&ticket.at("/timeline")).await.ok();
    let admin = desk
        .ticket(
            &desk
                .open_ticket_with(json!({
                    "name": "x", "owner": { "user_id": desk.admin_id().to_string() },
                }))
                .await,
        )
        .await["owner"]["user"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        json!(each(&page, "summary")),
        json!([
            "Ticket #1 created by hand in Support, status New",
            "Anna added as the primary contact",
            "Conversation started",
            "Renamed from “Printer” to “Fire”",
            "Priority changed from none to high",
            "Tags added hot",
            "Cause set to “a match”",
            "Assigned to Ben",
            "Status changed from New to Closed",
            format!("Comment added, mentioning {admin}"),
            "Reply written, held: “Re: Fire”",
        ])
    );
    for line in page["items"].as_array().unwrap() {
        assert_eq!(line["actor"]["name"], "Ben");
        assert!(line["position"].is_string() && line["at"].is_string() && line["kind"].is_string());
    }
    let status = &page["items"][8];
    assert_eq!(
        (&status["from"]["status"]["name"], &status["to"]["status"]["name"]),
        (&json!("New"), &json!("Closed"))
    );
    assert_eq!(page["items"][6]["to"], json!({ "cause": "a match" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_can_begin_at_either_end_t20() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("x").await;
    for priority in ["low", "medium", "high"] {
        desk.patch(&ticket.at(""), json!({ "priority": priority })).await.ok();
    }
    desk.catch_up().await;
    let read = async |order: &str| {
        let (mut positions, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = ticket.at(&format!("/timeline?limit=3&order={order}{cursor}"));
            let page = desk.get(&path).await.ok();
            positions.extend(each(&page, "version"));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return positions,
            }
        }
    };
    assert_eq!(read("oldest_first").await, [1, 2, 3, 4]);
    assert_eq!(read("newest_first").await, [4, 3, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_is_filtered_by_actor_kind_and_period_now_and_as_it_was_z01_z04() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let ticket = desk.open_ticket("x").await;
    for round in 0..6 {
        let priority = ["low", "high"][round % 2];
        ben.patch(&ticket.at(""), json!({ "priority": priority })).await.ok();
        desk.comment(&ticket, "Hm").await;
        desk.patch(&ticket.at(""), json!({ "tags": [format!("t{round}")] })).await.ok();
    }
    desk.catch_up().await;
    let read = async |query: &str| {
        let (mut lines, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = desk.get(&ticket.at(&format!("/timeline?{query}{cursor}"))).await.ok();
            lines.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return lines,
            }
        }
    };
    let all = read("limit=200").await;
    let (middle, by_ben) = (all[all.len() / 2].clone(), format!("user:{}", ben.id));
    let at = text(&middle["occurred_at"]);
    let is_tags = |line: &&Value| line["kind"] == "TagsChanged";
    let is_bens = |line: &&Value| line["actor"]["id"] == json!(ben.id);
    let early = |line: &&Value| text(&line["occurred_at"]) < at;
    let kept =
        |keep: &dyn Fn(&&Value) -> bool| all.iter().filter(keep).cloned().collect::<Vec<_>>();
    assert_eq!(read("limit=4&kind=TagsChanged").await, kept(&is_tags));
    assert_eq!(read(&format!("limit=4&actor={by_ben}")).await, kept(&is_bens));
    assert_eq!(read(&format!("limit=4&until={at}")).await, kept(&early));
    assert_eq!(read(&format!("limit=4&from={at}")).await, kept(&|line| !early(line)));
    let narrow = format!("limit=2&from={at}&actor={by_ben}&kind=PriorityChanged,TagsChanged");
    let expected = kept(&|line| is_bens(line) && !early(line));
    assert_eq!(read(&narrow).await, expected);
    assert!((1..6).contains(&expected.len()), "{expected:#?}");
    // As it was: the same filter of what there was then.
    let positions = |lines: &[Value]| each(&json!({ "items": lines }), "position");
    let place = text(&middle["position"]);
    let then = kept(&|line| is_tags(line) && position(line) <= position(&&middle));
    let query = format!("limit=2&kind=TagsChanged&as_of=position:{place}");
    assert_eq!(positions(&read(&query).await), positions(&then));
    let query = format!("/timeline?kind=TagsChanged&as_of=position:{place}&format=csv");
    let table = desk.get(&ticket.at(&query)).await.text();
    assert_eq!(table.matches("\r\n").count(), then.len() + 1, "{table}");
    // A cursor belongs to its filter, and lines of one action have the same command.
    let page = desk.get(&ticket.at("/timeline?limit=1&kind=TagsChanged")).await.ok();
    let cursor = text(&page["next_cursor"]);
    let other = ticket.at(&format!("/timeline?limit=1&kind=PriorityChanged&cursor={cursor}"));
    assert_eq!(desk.get(&other).await.refused(400), "invalid_cursor");
    let tags = json!({ "tags": ["a"], "priority": "urgent" });
    desk.patch(&ticket.at(""), tags).await.ok();
    desk.catch_up().await;
    let newest = desk.get(&ticket.at("/timeline?order=newest_first&limit=3")).await.ok();
    let commands = each(&newest, "command_id");
    assert_eq!(commands[0], commands[1]);
    assert_ne!(commands[1], commands[2]);
    assert!(each(&newest, "token").iter().all(Value::is_string), "by which token: {newest}");
}

fn position(line: &&Value) -> u64 {
    text(&line["position"]).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stored_events_can_be_read_with_their_contents_z01() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "Printer", "anna@example.org").await;
    desk.patch(&ticket.at(""), json!({ "name": "Fire" })).await.ok();
    desk.reply(&ticket, "Use water").await;
    let page = desk.get(&ticket.at("/events")).await.ok();
    let kinds = each(&page, "type");
    assert_eq!(
        json!(kinds),
        json!([
            "TicketCreated",
            "ContactAssociated",
            "ConversationStarted",
            "TicketRenamed",
            "ReplySubmitted",
            "OwnerChanged",
        ])
    );
    let data = each(&page, "data");
    assert_eq!(data[0]["name"], "Printer");
    assert_eq!((&data[3]["from"], &data[3]["to"]), (&json!("Printer"), &json!("Fire")));
    assert_eq!(data[4]["message"]["text"], "Use water");
    assert_eq!(data[4]["message"]["to"][0]["email"], "anna@example.org");
    let versions: Vec<Value> = (1..=6).map(|version| json!(version)).collect();
    assert_eq!(each(&page, "version"), versions);
}
