//! Words of drafts that ended are swept away, also when the service went down in between (D04).

use std::sync::Arc;

use api::{DraftSweep, sweep_finished_drafts};
use commands::draft::DiscardDraft;
use decider::{Actor, CommandId, EventContext};
use event_store::handler::Request;
use events::DraftId;
use ops::DraftName;
use serde_json::json;
use uuid::Uuid;

use super::service::{Service, WS};

fn id(json: &serde_json::Value) -> Uuid {
    json["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn words_that_a_crash_left_behind_are_swept_away_d04() {
    let (service, anna) = Service::set_up().await;
    let headers = [("cookie", anna.as_str())];
    let me = service.get("/api/v1/me", &headers).await.json();
    let body = json!({ "name": "Support", "statuses": [{ "name": "New", "category": "open" }] });
    let pipeline = service.post("/api/v1/pipelines", &body, &headers).await;
    let body = json!({ "name": "x", "pipeline_id": id(&pipeline.json()) });
    let ticket = service.post("/api/v1/tickets", &body, &headers).await;
    assert_eq!(ticket.status, 201, "{}", ticket.text);
    let path = format!("/api/v1/tickets/{}/drafts/comment", id(&ticket.json()));
    let saved = service.ask("PUT", &path, Some(&json!({ "text": "unsent" })), &headers).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    let draft = id(&saved.json());

    let drafts = &service.app.ops().drafts;
    let mut sweep = DraftSweep::default();
    assert_eq!(sweep_finished_drafts(&service.app, &mut sweep).await.unwrap(), 0);
    // As if the service went down right after the log had taken the end of the draft.
    let request = Request {
        ws: WS,
        id: CommandId(Uuid::now_v7()),
        body: Vec::new(),
        actor: Actor::user(id(&me)),
        context: EventContext::default(),
        expected: None,
        command: Arc::new(DiscardDraft { draft_id: DraftId(draft) }),
    };
    service.app.handler().handle(request).await.unwrap();
    let name = DraftName { ws: WS, draft, user: id(&me) };
    assert!(drafts.load(&name).await.unwrap().is_some());
    assert_eq!(sweep_finished_drafts(&service.app, &mut sweep).await.unwrap(), 1);
    assert!(drafts.load(&name).await.unwrap().is_none());
    assert_eq!(sweep_finished_drafts(&service.app, &mut DraftSweep::default()).await.unwrap(), 0);
}
