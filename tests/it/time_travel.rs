//! As it was: tickets, threads, timelines, contacts and pipelines at an earlier place (Z04).

use serde_json::{Value, json};
use testkit::{Helpdesk, Ticket};

use crate::people::{colleague, conversation, default_pipeline, each, faults, property, text};

/// Chance that comes out the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Everything that can be asked about a desk with one ticket, one contact and one pipeline.
struct Asked {
    ticket: Ticket,
    contact: String,
    pipeline: String,
}

impl Asked {
    /// Every answer, as of a place or now. Lists are read page by page.
    async fn answers(&self, desk: &Helpdesk, as_of: Option<&str>) -> Vec<(String, Value)> {
        let at = as_of.map(|place| format!("as_of={place}")).unwrap_or_default();
        let mut answers = Vec::new();
        for path in [
            self.ticket.at(""),
            format!("/api/v1/contacts/{}", self.contact),
            format!("/api/v1/pipelines/{}", self.pipeline),
        ] {
            let mut answer = desk.get(&format!("{path}?{at}")).await.ok();
            answer.as_object_mut().unwrap().remove("as_of");
            answers.push((path, answer));
        }
        for path in [
            self.ticket.at("/thread?limit=4"),
            self.ticket.at("/timeline?limit=9"),
            self.ticket.at("/timeline?limit=9&order=newest_first"),
            "/api/v1/pipelines?limit=1".to_owned(),
        ] {
            let mut items = pages(desk, &format!("{path}&{at}")).await;
            for item in &mut items {
                // What lies behind is not changed: an undo starts from the present.
                let undoable = item.as_object_mut().unwrap().remove("undoable");
                assert!(as_of.is_none() || undoable.is_none_or(|undoable| undoable == false));
            }
            answers.push((path, json!(items)));
        }
        answers
    }
}

async fn pages(desk: &Helpdesk, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = desk.get(&format!("{path}{cursor}")).await.ok();
        items.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// One change of something that an answer shows.
async fn change(desk: &Helpdesk, asked: &Asked, chance: &mut Chance, round: u64) {
    let ticket = &asked.ticket;
    let path = ticket.at("");
    match chance.below(16) {
        0 => {
            desk.patch(&path, json!({ "name": format!("Name {round}") })).await.ok();
        }
        1 => {
            let priority = ["none", "low", "high", "urgent"][chance.below(4) as usize];
            desk.patch(&path, json!({ "priority": priority })).await.ok();
        }
        2 => {
            let tags = json!({ "tags": [format!("tag {}", chance.below(5)), "always"] });
            desk.patch(&path, tags).await.ok();
        }
        3 => {
            let body = json!({ "properties": { "cause": format!("cause {round}") } });
            desk.patch(&path, body).await.ok();
        }
        4 => {
            let pipeline = desk.get(&format!("/api/v1/pipelines/{}", asked.pipeline)).await.ok();
            let statuses = pipeline["statuses"].as_array().unwrap();
            let status = &statuses[chance.below(statuses.len() as u64) as usize]["id"];
            desk.put(&ticket.at("/status"), json!({ "status_id": status })).await.ok();
        }
        5 => {
            let owner =
                [json!(null), json!(desk.admin_id().to_string())][chance.below(2) as usize].clone();
            desk.put(&ticket.at("/owner"), json!({ "user_id": owner })).await.ok();
        }
        6 | 7 => {
            let mentions = json!([desk.admin_id().to_string()]);
            let body = json!({ "text": format!("Comment {round}"), "mentions": mentions });
            desk.post(&ticket.at("/comments"), body).await.status(201);
        }
        8 => {
            desk.reply(ticket, &format!("Reply {round}")).await;
        }
        9 => {
            let (name, phones) = (format!("Anna {round}"), [format!("+49 30 {round}")]);
            let path = format!("/api/v1/contacts/{}", asked.contact);
            desk.patch(&path, json!({ "name": name, "phones": phones })).await.ok();
        }
        10 => {
            let path = format!("/api/v1/pipelines/{}", asked.pipeline);
            desk.patch(&path, json!({ "name": format!("Pipeline {round}") })).await.ok();
        }
        11 => {
            let pipeline = desk.get(&format!("/api/v1/pipelines/{}", asked.pipeline)).await.ok();
            let statuses = pipeline["statuses"].as_array().unwrap();
            let last = statuses.last().unwrap();
            let path =
                format!("/api/v1/pipelines/{}/statuses/{}", asked.pipeline, text(&last["id"]));
            desk.patch(&path, json!({ "name": format!("Last {round}"), "index": 1 })).await.ok();
        }
        12 | 13 => {
            let undone = desk.post(&ticket.at("/undo"), json!({})).await;
            // Something may stand in the way, or there is nothing left.
            assert!(undone.status.is_success() || undone.status == 422, "{:?}", undone.status);
        }
        14 => {
            let path = format!("/api/v1/users/{}", desk.admin_id());
            desk.patch(&path, json!({ "name": format!("Admin {round}") })).await.ok();
        }
        _ => {
            let body = json!({ "name": format!("Other {round}"), "statuses": [
                { "name": "Begun", "category": "open" }] });
            desk.post("/api/v1/pipelines", body).await.status(201);
        }
    }
}

async fn desk_of_everything() -> (Helpdesk, Asked) {
    let desk = Helpdesk::start().await;
    property(&desk, json!({ "key": "cause", "label": "Cause", "type": "text" })).await;
    let ticket = conversation(&desk, "Printer", "anna@example.org").await;
    let contact = text(&desk.ticket(&ticket).await["contacts"][0]["id"]);
    let pipeline = text(&default_pipeline(&desk).await["id"]);
    (desk, Asked { ticket, contact, pipeline })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_position_answers_what_was_answered_when_it_was_the_newest_z04() {
    for seed in [3, 71] {
        let (desk, asked) = desk_of_everything().await;
        let mut chance = Chance(seed);
        let mut recorded = Vec::new();
        for round in 0..36 {
            change(&desk, &asked, &mut chance, round).await;
            if chance.below(3) == 0 {
                desk.catch_up().await;
                recorded.push((desk.head().await, asked.answers(&desk, None).await));
            }
        }
        desk.catch_up().await;
        for (position, then) in &recorded {
            for place in [format!("position:{position}"), position.to_string()] {
                let now = asked.answers(&desk, Some(&place)).await;
                for ((path, then), (_, now)) in then.iter().zip(&now) {
                    assert_eq!(now, then, "seed {seed}: {path} as of {place}");
                }
            }
        }
        assert!(recorded.len() > 5, "{}", recorded.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_ticket_is_at_any_version_what_it_was_z04() {
    let (desk, asked) = desk_of_everything().await;
    let ticket = &asked.ticket;
    let mut recorded = Vec::new();
    for round in 0..230_u32 {
        if round % 3 == 0 {
            let priority = if round % 2 == 0 { "low" } else { "high" };
            desk.patch(&ticket.at(""), json!({ "priority": priority })).await.ok();
        } else {
            desk.comment(ticket, &format!("Comment {round}")).await;
        }
        if [10, 95, 96, 97, 98, 99, 150, 229].contains(&round) {
            desk.catch_up().await;
            let shown = desk.ticket(ticket).await;
            recorded.push((shown["version"].clone(), asked.answers(&desk, None).await));
        }
    }
    for (version, then) in recorded {
        let ticket_then = desk.get(&ticket.at(&format!("?as_of=version:{version}"))).await.ok();
        assert_eq!(ticket_then["as_of"]["version"], version);
        let position = text(&ticket_then["as_of"]["position"]);
        let now = asked.answers(&desk, Some(&format!("position:{position}"))).await;
        for ((path, then), (_, now)) in then.iter().zip(&now) {
            assert_eq!(now, then, "{path} as of version {version}");
        }
    }
    // Another node has nothing in memory, and folds it from the beginning.
    let other = desk.second_node().await;
    assert_eq!(other.ticket(ticket).await, desk.ticket(ticket).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_which_place_it_shows_and_nothing_is_different_without_one_z04() {
    let (desk, asked) = desk_of_everything().await;
    let before = desk.ticket(&asked.ticket).await;
    assert!(before.get("as_of").is_none());
    desk.patch(&asked.ticket.at(""), json!({ "name": "Fire" })).await.ok();
    let events = desk.get(&asked.ticket.at("/events")).await.ok();
    let instants = each(&events, "at");
    let last_but_one = text(&instants[instants.len() - 2]);
    let then = desk.get(&asked.ticket.at(&format!("?as_of={last_but_one}"))).await.ok();
    assert_eq!(then["name"], "Printer");
    assert_eq!(
        then["as_of"],
        json!({ "instant": last_but_one, "position": before["position"], "version": before["version"] })
    );
    let last = text(instants.last().unwrap());
    let now = desk.get(&asked.ticket.at(&format!("?as_of={last}"))).await.ok();
    assert_eq!(now["name"], "Fire");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_exist_yet_is_told_apart_from_what_does_not_exist_z04() {
    let (desk, asked) = desk_of_everything().await;
    for path in [
        asked.ticket.at(""),
        asked.ticket.at("/thread"),
        asked.ticket.at("/timeline"),
        format!("/api/v1/contacts/{}", asked.contact),
        format!("/api/v1/pipelines/{}", asked.pipeline),
    ] {
        for place in ["position:1", "2001-01-01T00:00:00Z", "version:0"] {
            let refused = desk.get(&format!("{path}?as_of={place}")).await.refused(404);
            assert_eq!(refused, "not_yet_created", "{path} as of {place}");
        }
    }
    let stranger = "01900000-0000-7000-8000-000000000001";
    for path in [
        format!("/api/v1/tickets/{stranger}"),
        format!("/api/v1/contacts/{stranger}"),
        format!("/api/v1/pipelines/{stranger}"),
    ] {
        for place in ["position:1", "version:9", "2001-01-01T00:00:00Z"] {
            let refused = desk.get(&format!("{path}?as_of={place}")).await.refused(404);
            assert_eq!(refused, "not_found", "{path} as of {place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_future_is_refused_z04() {
    let (desk, asked) = desk_of_everything().await;
    for place in ["position:100000", "version:900", "9999-01-01T00:00:00Z"] {
        for path in [
            asked.ticket.at(""),
            asked.ticket.at("/thread"),
            asked.ticket.at("/timeline"),
            format!("/api/v1/contacts/{}", asked.contact),
            format!("/api/v1/pipelines/{}", asked.pipeline),
        ] {
            let refused = desk.get(&format!("{path}?as_of={place}")).await.status(422);
            let expected = [("as_of".to_owned(), "in_the_future".to_owned())];
            assert_eq!(faults(&refused), expected, "{path} as of {place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_time_that_is_none_or_two_is_refused_with_both_readings_z04() {
    let (desk, asked) = desk_of_everything().await;
    for (local, code, first, second) in [
        ("2026-03-29T02:30", "nonexistent_local_time", "03:30:00+02:00", "01:30:00+01:00"),
        ("2025-10-26T02:30", "ambiguous_local_time", "02:30:00+02:00", "02:30:00+01:00"),
    ] {
        let path = asked.ticket.at(&format!("?as_of={local}[Europe/Paris]"));
        let refused = desk.get(&path).await.status(400);
        assert_eq!(faults(&refused), [("as_of".to_owned(), code.to_owned())]);
        let detail = text(&refused["detail"]);
        assert!(detail.contains(first) && detail.contains(second), "{detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_on_at_the_place_where_it_began_z04() {
    let (desk, asked) = desk_of_everything().await;
    for round in 0..6 {
        desk.comment(&asked.ticket, &format!("Comment {round}")).await;
    }
    desk.catch_up().await;
    let position = desk.head().await;
    let path = asked.ticket.at(&format!("/thread?limit=2&as_of={position}"));
    let page = desk.get(&path).await.ok();
    let cursor = text(&page["next_cursor"]);
    desk.get(&format!("{path}&cursor={cursor}")).await.ok();
    // The same place in another spelling is the same place.
    let same = asked.ticket.at(&format!("/thread?limit=2&as_of=position:{position}"));
    desk.get(&format!("{same}&cursor={cursor}")).await.ok();
    for other in ["", "&as_of=version:4"] {
        let path = asked.ticket.at(&format!("/thread?limit=2&cursor={cursor}{other}"));
        assert_eq!(desk.get(&path).await.refused(400), "invalid_cursor", "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_names_what_changed_who_did_it_and_what_was_said_z04() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    property(&desk, json!({ "key": "cause", "label": "Cause", "type": "text" })).await;
    let ticket = conversation(&desk, "Printer", "anna@example.org").await;
    let from = desk.ticket(&ticket).await;
    for priority in ["low", "high"] {
        ben.patch(&ticket.at(""), json!({ "priority": priority, "name": "Printer" })).await.ok();
    }
    ben.patch(&ticket.at(""), json!({ "tags": ["hot"], "properties": { "cause": "a match" } }))
        .await
        .ok();
    // Back where it was: no difference.
    ben.patch(&ticket.at(""), json!({ "category": "Hardware" })).await.ok();
    ben.patch(&ticket.at(""), json!({ "category": null })).await.ok();
    ben.comment(&ticket, "Look at this").await;
    desk.reply(&ticket, "Use water").await;
    desk.set_status(&ticket, "Closed").await;
    let path = ticket.at(&format!("/diff?from=version:{}", from["version"]));
    let diff = desk.get(&path).await.ok();
    let changes = diff["changes"].as_array().unwrap();
    let names: Vec<&str> =
        changes.iter().map(|change| change["property"].as_str().unwrap()).collect();
    assert_eq!(names, ["priority", "tags", "properties.cause", "owner", "status"]);
    assert_eq!(
        (&changes[0]["from"], &changes[0]["to"], &changes[0]["times"], &changes[0]["by"]["name"]),
        (&json!("none"), &json!("high"), &json!(2), &json!("Ben"))
    );
    assert_eq!((&changes[2]["from"], &changes[2]["to"]), (&json!(null), &json!("a match")));
    assert_eq!(
        (&changes[4]["from"]["name"], &changes[4]["to"]["name"]),
        (&json!("New"), &json!("Closed"))
    );
    assert!(
        changes.iter().all(|change| change["at"].is_string() && change["position"].is_string())
    );
    let added = diff["added"].as_array().unwrap();
    assert_eq!((&diff["added_count"], added.len()), (&json!(2), 2));
    assert_eq!(
        (&added[0]["kind"], &added[0]["preview"], &added[0]["author"]["name"]),
        (&json!("comment"), &json!("Look at this"), &json!("Ben"))
    );
    assert_eq!(
        (&added[1]["direction"], &added[1]["preview"]),
        (&json!("out"), &json!("Use water"))
    );
    let now = desk.ticket(&ticket).await;
    assert_eq!(
        (&diff["to"]["version"], &diff["from"]["version"]),
        (&now["version"], &from["version"])
    );
    // Backwards is refused, to itself is nothing.
    let backwards = ticket.at(&format!("/diff?from=version:{}&to=version:1", now["version"]));
    assert_eq!(desk.get(&backwards).await.refused(422), "from_after_to");
    let nothing = desk.get(&ticket.at("/diff?from=version:2&to=version:2")).await.ok();
    assert_eq!((&nothing["changes"], &nothing["added_count"]), (&json!([]), &json!(0)));
    assert_eq!(desk.get(&ticket.at("/diff")).await.refused(400), "missing_parameter");
}
