//! Uploads, the intake journal, refusals.

use bytes::Bytes;
use decider::{Actor, KeyScope, Opened};
use ops::{
    DraftName, DraftPatch, DraftSave, IntakeEntry, NewUpload, Ops, Patch, Refusal, Stretch,
    UploadMeta,
};
use uuid::Uuid;
use vault::{ObjectRef, SealedObjects};

use crate::database::Database;
use crate::{ANNA, BEN, DAY, OTHER_WS, WS, at};

struct Desk {
    database: Database,
    ops: Ops,
    vault: vault::Vault,
    objects: SealedObjects,
}

impl Desk {
    async fn new() -> Self {
        let database = Database::new().await;
        let vault = database.vault().await;
        let objects =
            SealedObjects::local(vault.clone(), &database.folder.path().join("objects")).unwrap();
        Self { ops: Ops::new(database.pool.clone(), vault.clone()), database, vault, objects }
    }

    async fn upload(&self, user: Uuid, second: i64) -> NewUpload {
        let key = self.vault.take_key(WS).await.unwrap();
        let object = self.objects.put(WS, &key, Bytes::from_static(b"bytes")).await.unwrap();
        let meta = UploadMeta {
            name: "invoice of anna.pdf".into(),
            media_type: "application/pdf".into(),
            sha256: "00".repeat(32),
        };
        let upload = NewUpload { ws: WS, id: Uuid::now_v7(), user, meta, object };
        self.ops.uploads.create(&upload, &key, at(second)).await.unwrap();
        upload
    }

    async fn sees(&self, user: Uuid, upload: &NewUpload) -> bool {
        self.ops.uploads.get(WS, user, &[upload.id]).await.unwrap().contains_key(&upload.id)
    }
}

#[tokio::test]
async fn only_the_uploader_names_a_file_until_it_is_attached() {
    let desk = Desk::new().await;
    let upload = desk.upload(ANNA, 0).await;
    let found = desk.ops.uploads.get(WS, ANNA, &[upload.id]).await.unwrap();
    let found = &found[&upload.id];
    assert_eq!((&found.meta, &found.object), (&upload.meta, &upload.object));
    assert_eq!((found.user, found.created_at, found.used_at), (ANNA, at(0), None));
    assert!(!desk.sees(BEN, &upload).await);
    assert!(desk.ops.uploads.get(OTHER_WS, ANNA, &[upload.id]).await.unwrap().is_empty());
    assert!(!desk.database.text("ops.upload").await.contains("anna"));

    let uploads = &desk.ops.uploads;
    assert!(uploads.mark_used(WS, BEN, &[upload.id], at(5)).await.unwrap().is_empty());
    assert_eq!(uploads.mark_used(WS, ANNA, &[upload.id], at(5)).await.unwrap(), [upload.id]);
    assert!(uploads.mark_used(WS, ANNA, &[upload.id], at(6)).await.unwrap().is_empty());
    assert!(desk.sees(BEN, &upload).await && desk.sees(ANNA, &upload).await);

    let scope = KeyScope::content(upload.id, vec![BEN]);
    for _ in 0..2 {
        desk.vault.assign(WS, upload.object.key, &scope).await.unwrap();
    }
    assert_eq!(desk.database.count("vault.assignment").await, 1);
    assert_eq!(desk.database.count("vault.subject").await, 1);
    desk.vault.destroy_keys(WS, &[upload.object.key]).await.unwrap();
    assert!(!desk.sees(ANNA, &upload).await, "forgotten with its key");
}

#[tokio::test]
async fn what_nothing_uses_expires_and_what_a_draft_holds_does_not() {
    let desk = Desk::new().await;
    let [unused, used, held] =
        [desk.upload(ANNA, 0).await, desk.upload(ANNA, 0).await, desk.upload(ANNA, 0).await];
    let young = desk.upload(ANNA, 10).await;
    desk.ops.uploads.mark_used(WS, ANNA, &[used.id], at(1)).await.unwrap();
    let draft = DraftName { ws: WS, draft: Uuid::now_v7(), user: ANNA };
    let patch = DraftPatch { attachment_ids: Patch::Set(vec![held.id]), ..DraftPatch::default() };
    let save = DraftSave { ticket: Uuid::now_v7(), kind: "reply".into(), patch, keyed: None };
    desk.ops.drafts.save(&draft, &save, at(1)).await.unwrap().unwrap();

    let expired = desk.ops.uploads.expired(at(DAY), 10).await.unwrap();
    assert_eq!(expired.iter().map(|upload| upload.id).collect::<Vec<_>>(), [unused.id]);
    assert!(desk.ops.uploads.discard(&expired[0]).await.unwrap());
    assert!(!desk.ops.uploads.discard(&expired[0]).await.unwrap());
    assert!(!desk.sees(ANNA, &unused).await);
    let object = desk.objects.get(WS, &unused.object).await.unwrap();
    assert_eq!(object, Opened::Forgotten);
    assert!(desk.sees(ANNA, &young).await);

    desk.ops.drafts.delete(&draft, at(2)).await.unwrap();
    let expired = desk.ops.uploads.expired(at(DAY), 10).await.unwrap();
    assert_eq!(expired.iter().map(|upload| upload.id).collect::<Vec<_>>(), [held.id]);
    desk.ops.uploads.mark_used(WS, ANNA, &[held.id], at(3)).await.unwrap();
    assert!(!desk.ops.uploads.discard(&expired[0]).await.unwrap(), "attached meanwhile");
}

#[tokio::test]
async fn the_same_raw_bytes_are_recorded_once() {
    let desk = Desk::new().await;
    let intake = &desk.ops.intake;
    let entry = IntakeEntry {
        channel: "email:1".into(),
        raw_mac: desk.vault.mac(WS, "raw", b"Subject: x"),
        object: ObjectRef { key: Uuid::now_v7(), hash: "ab".repeat(32), size: 10 },
        message_id_mac: Some(desk.vault.mac(WS, "message-id", b"<1@example.org>")),
        at: at(0),
    };
    let unknown = desk.vault.mac(WS, "raw", b"other");
    assert!(intake.seen(WS, &[entry.raw_mac]).await.unwrap().is_empty());
    assert!(intake.record(WS, &entry).await.unwrap());
    let again = IntakeEntry { at: at(9), message_id_mac: None, ..entry.clone() };
    assert!(!intake.record(WS, &again).await.unwrap());
    let seen = intake.seen(WS, &[unknown, entry.raw_mac]).await.unwrap();
    assert_eq!(seen.into_values().next().as_ref(), Some(&entry));
    assert!(intake.seen(OTHER_WS, &[entry.raw_mac]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_refusal_is_kept_for_audit() {
    let desk = Desk::new().await;
    let refusal = Refusal {
        at: at(0),
        actor: Actor::user(ANNA),
        code: "forbidden",
        method: "PATCH",
        path_template: "/tickets/{id}",
    };
    let refusals = &desk.ops.refusals;
    refusals.record(WS, refusal).await.unwrap();
    let others = [
        Refusal { at: at(3600), ..refusal },
        Refusal { code: "no_access", ..refusal },
        Refusal { actor: Actor::SYSTEM, ..refusal },
    ];
    for other in others {
        refusals.record(WS, other).await.unwrap();
    }
    // The same within one minute is counted.
    refusals.record(WS, Refusal { at: at(1), ..refusal }).await.unwrap();
    assert_eq!(desk.database.count("ops.refusal").await, 4);
    let every = Stretch { before: (i64::MAX, Uuid::max()), from: i64::MIN, limit: 10 };
    let found = refusals.page(WS, every, None).await.unwrap();
    assert_eq!((found.len(), found[0].at), (4, at(3600)), "the newest first");
    let mut times: Vec<_> = found.iter().map(|row| row.times).collect();
    times.sort_unstable();
    assert_eq!(times, [1, 1, 1, 2]);
    assert_eq!(found[0].path_template, "/tickets/{id}");
    let first = Stretch { limit: 2, ..every };
    let mut pages = refusals.page(WS, first, None).await.unwrap();
    let last = pages.last().map(|row| (row.at.as_micros(), row.id)).unwrap();
    pages.extend(refusals.page(WS, Stretch { before: last, ..every }, None).await.unwrap());
    assert_eq!(pages, found);
    let system = refusals.page(WS, every, Some(&Actor::SYSTEM.to_string())).await.unwrap();
    assert_eq!(system.len(), 1);
    assert!(refusals.page(OTHER_WS, every, None).await.unwrap().is_empty());
    desk.ops.sweep(at(401 * 24 * 3600)).await.unwrap();
    assert_eq!(desk.database.count("ops.refusal").await, 0);
}
