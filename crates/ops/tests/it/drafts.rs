//! The bodies of drafts: nothing is lost, nothing comes back, nobody else reads them.

use decider::KeyScope;
use ops::{
    DraftBodies, DraftBody, DraftContent, DraftName, DraftPatch, DraftSave, OpsError, Patch,
};
use serde_json::json;
use uuid::Uuid;

use crate::database::Database;
use crate::{ANNA, BEN, OTHER_WS, WS, at};

const TICKET: Uuid = Uuid::from_u128(500);

fn name() -> DraftName {
    DraftName { ws: WS, draft: Uuid::now_v7(), user: ANNA }
}

fn patch(json: serde_json::Value) -> DraftSave {
    let patch: DraftPatch = serde_json::from_value(json).unwrap();
    DraftSave { ticket: TICKET, kind: "reply".into(), patch, keyed: None }
}

async fn save(
    drafts: &DraftBodies,
    name: &DraftName,
    json: serde_json::Value,
) -> Option<DraftBody> {
    drafts.save(name, &patch(json), at(1)).await.unwrap()
}

#[tokio::test]
async fn everything_that_was_written_comes_back_on_another_node() {
    let database = Database::new().await;
    let (here, there) = (database.ops().await.drafts, database.ops().await.drafts);
    let name = name();
    let content = DraftContent {
        html: Some("<p>Dear Ben</p>".into()),
        text: Some("Dear Ben".into()),
        to: Some(json!([{"email": "ben@example.org"}])),
        cc: Some(json!([])),
        bcc: Some(json!(["carla@example.org"])),
        from_channel_id: Some(Uuid::from_u128(1)),
        in_reply_to: Some(Uuid::from_u128(2)),
        attachment_ids: Some(vec![Uuid::from_u128(3)]),
        status_id: Some(Uuid::from_u128(4)),
        properties: Some(json!({"amount": 3})),
        mentions: Some(vec![BEN]),
    };
    let whole = DraftSave { patch: content.clone().into(), ..patch(json!({})) };
    let saved = here.save(&name, &whole, at(1)).await.unwrap().unwrap();
    let read = there.load(&name).await.unwrap().unwrap();
    assert_eq!(saved, read);
    assert_eq!((read.content, read.ticket, read.updated_at), (content, TICKET, at(1)));
    assert_eq!(read.kind, "reply");
    let rows = database.text("ops.draft_body").await;
    assert!(!rows.contains("Dear") && !rows.contains("example.org"));
}

#[tokio::test]
async fn a_save_changes_only_the_fields_it_mentions() {
    let database = Database::new().await;
    let drafts = database.ops().await.drafts;
    let name = name();
    save(&drafts, &name, json!({"html": "one", "to": ["a@example.org"]})).await.unwrap();
    save(&drafts, &name, json!({"html": "two"})).await.unwrap();
    let body = save(&drafts, &name, json!({"to": null, "text": "t"})).await.unwrap();
    assert_eq!(body.content.html.as_deref(), Some("two"));
    assert_eq!((body.content.to, body.content.text.as_deref()), (None, Some("t")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn saves_at_once_from_many_tabs_lose_no_field() {
    let database = Database::new().await;
    let (here, there) = (database.ops().await.drafts, database.ops().await.drafts);
    let name = name();
    let fields = ["html", "text", "from_channel_id", "in_reply_to", "status_id", "to", "cc", "bcc"];
    let last = Uuid::from_u128(9);
    let tabs: Vec<_> = fields
        .into_iter()
        .enumerate()
        .map(|(index, field)| {
            let drafts = if index % 2 == 0 { here.clone() } else { there.clone() };
            let name = name.clone();
            tokio::spawn(async move {
                for n in 0..10 {
                    save(&drafts, &name, json!({field: Uuid::from_u128(n)})).await.unwrap();
                }
            })
        })
        .collect();
    for tab in tabs {
        tab.await.unwrap();
    }
    let content = here.load(&name).await.unwrap().unwrap().content;
    let expected = |value: &Option<serde_json::Value>| *value == Some(json!(last));
    assert_eq!(content.html, Some(last.to_string()));
    assert_eq!(content.text, Some(last.to_string()));
    assert_eq!(content.from_channel_id, Some(last));
    assert_eq!(content.in_reply_to, Some(last));
    assert_eq!(content.status_id, Some(last));
    assert!(expected(&content.to) && expected(&content.cc) && expected(&content.bcc));
    let keys: i64 = sqlx::query_scalar("select count(*) from vault.assignment")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(keys, 1, "one draft has one key");
}

#[tokio::test]
async fn to_anybody_else_a_draft_does_not_exist() {
    let database = Database::new().await;
    let drafts = database.ops().await.drafts;
    let name = name();
    save(&drafts, &name, json!({"html": "mine"})).await.unwrap();
    for foreign in
        [DraftName { user: BEN, ..name.clone() }, DraftName { ws: OTHER_WS, ..name.clone() }]
    {
        assert_eq!(drafts.load(&foreign).await.unwrap(), None);
        assert!(
            drafts.load_many(foreign.ws, foreign.user, &[name.draft]).await.unwrap().is_empty()
        );
    }
    let foreign = DraftName { user: BEN, ..name.clone() };
    assert_eq!(save(&drafts, &foreign, json!({"html": "yours"})).await, None);
    assert!(!drafts.delete(&foreign, at(2)).await.unwrap());
    let body = drafts.load(&name).await.unwrap().unwrap();
    assert_eq!(body.content.html.as_deref(), Some("mine"));
}

#[tokio::test]
async fn a_deleted_draft_never_comes_back() {
    let database = Database::new().await;
    let (here, there) = (database.ops().await.drafts, database.ops().await.drafts);
    let name = name();
    save(&here, &name, json!({"html": "one"})).await.unwrap();
    assert!(there.load(&name).await.unwrap().is_some());
    let keys = database.draft_keys().await;
    assert!(here.delete(&name, at(2)).await.unwrap());
    assert!(here.delete(&name, at(2)).await.unwrap(), "deleting again is no error");
    for node in [&here, &there] {
        assert_eq!(node.load(&name).await.unwrap(), None);
        assert_eq!(save(node, &name, json!({"html": "late"})).await, None);
    }
    assert_eq!(database.count("ops.draft_body").await, 0);
    let left: i64 = sqlx::query_scalar("select count(*) from vault.key where key_id = any($1)")
        .bind(&keys)
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!((keys.len(), left), (1, 0));

    let never_saved = self::name();
    assert!(here.delete(&never_saved, at(2)).await.unwrap());
    assert_eq!(save(&there, &never_saved, json!({"html": "late"})).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_delete_between_saves_leaves_no_ghost() {
    let database = Database::new().await;
    let drafts = database.ops().await.drafts;
    for _ in 0..20 {
        let name = name();
        let saves: Vec<_> = (0..4)
            .map(|n| {
                let (drafts, name) = (drafts.clone(), name.clone());
                tokio::spawn(
                    async move { save(&drafts, &name, json!({"html": n.to_string()})).await },
                )
            })
            .collect();
        assert!(drafts.delete(&name, at(2)).await.unwrap());
        for outcome in saves {
            outcome.await.unwrap();
        }
        assert_eq!(drafts.load(&name).await.unwrap(), None);
    }
    assert_eq!(database.count("ops.draft_body").await, 0);
}

#[tokio::test]
async fn a_draft_whose_key_an_append_assigned_uses_that_key() {
    let database = Database::new().await;
    let vault = database.vault().await;
    let drafts = ops::Ops::new(database.pool.clone(), vault.clone()).drafts;
    let name = name();
    let key = vault.take_key(WS).await.unwrap();
    vault.assign(WS, key.id, &KeyScope::draft(name.draft)).await.unwrap();
    save(&drafts, &name, json!({"html": "one"})).await.unwrap();
    assert_eq!(database.draft_keys().await, [key.id]);
    vault.destroy_keys(WS, &[key.id]).await.unwrap();
    assert_eq!(drafts.load(&name).await.unwrap(), None);
    assert_eq!(save(&drafts, &name, json!({"html": "two"})).await, None);
    let elsewhere = database.ops().await.drafts;
    assert_eq!(save(&elsewhere, &name, json!({"html": "two"})).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn first_saves_of_many_drafts_do_not_wait_for_each_other_for_ever() {
    let database = Database::new().await;
    let vault = database.vault().await;
    // As many saves as connections, and none has a key yet.
    let drafts = ops::Ops::new(database.pool.clone(), vault).drafts;
    let saves: Vec<_> = (0..40)
        .map(|_| {
            let drafts = drafts.clone();
            tokio::spawn(async move { save(&drafts, &name(), json!({"html": "x"})).await })
        })
        .collect();
    for outcome in saves {
        assert!(outcome.await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_draft_that_is_too_large_is_refused_and_the_old_text_stays() {
    let database = Database::new().await;
    let drafts = database.ops().await.drafts;
    let name = name();
    save(&drafts, &name, json!({"html": "small"})).await.unwrap();
    let huge =
        DraftPatch { html: Patch::Set("x".repeat(ops::DRAFT_BYTES_MAX)), ..DraftPatch::default() };
    let huge = DraftSave { patch: huge, ..patch(json!({})) };
    assert!(matches!(drafts.save(&name, &huge, at(2)).await, Err(OpsError::DraftTooLarge)));
    let body = drafts.load(&name).await.unwrap().unwrap();
    assert_eq!(body.content.html.as_deref(), Some("small"));
}

#[tokio::test]
async fn drafts_are_listed_latest_first() {
    let database = Database::new().await;
    let drafts = database.ops().await.drafts;
    let names = [name(), name(), name()];
    for (name, second) in names.iter().zip([2, 3, 1]) {
        drafts.save(name, &patch(json!({"html": "x"})), at(second)).await.unwrap();
    }
    let asked: Vec<Uuid> = names.iter().map(|name| name.draft).collect();
    let found = drafts.load_many(WS, ANNA, &asked).await.unwrap();
    let found: Vec<Uuid> = found.iter().map(|body| body.draft).collect();
    assert_eq!(found, [asked[1], asked[0], asked[2]]);
}
