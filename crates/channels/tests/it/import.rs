//! History comes in once, whole, and in any order (H03, H04, H05, H06).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use channels::email::mbox::Mbox;
use channels::import::{Format, ImportRequest, Phase, Report};
use commands::channel::CreateChannel;
use commands::ticket::ImportedStatus;
use decider::{Actor, Opened, Sealed};
use events::channel::ChannelKind;
use events::message::Direction;
use events::pipeline::StatusCategory;
use events::value::LinkReason;
use events::{AnyEvent, ChannelId, TicketEvent};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::desk::Desk;

const SAMPLE: &[u8] = include_bytes!("../../fixtures/sample.mbox");

/// What the log says about the tickets.
#[derive(Default)]
struct Tickets {
    names: BTreeMap<Uuid, String>,
    /// Message-IDs in the order of the log.
    threads: BTreeMap<Uuid, Vec<String>>,
    links: BTreeSet<(Uuid, Uuid)>,
}

impl Tickets {
    async fn of(desk: &Desk) -> Self {
        let mut tickets = Self::default();
        for (ticket, event) in desk.log().await {
            let AnyEvent::Ticket(event) = event else { continue };
            match event {
                TicketEvent::Created(created) => {
                    assert!(created.imported);
                    let name = open(desk, ticket, "name", &created.name).await;
                    tickets.names.insert(ticket, name);
                }
                TicketEvent::MessageImported(imported) => {
                    let id = imported.message.message_id.unwrap();
                    let id = open(desk, ticket, "message.message_id", &id).await;
                    tickets.threads.entry(ticket).or_default().push(id);
                }
                TicketEvent::Linked(linked) => {
                    assert_eq!(linked.reason, LinkReason::BridgedByImport);
                    tickets.links.insert((ticket, linked.other.0));
                }
                _ => {}
            }
        }
        tickets
    }

    fn thread(&self, name: &str) -> Vec<&str> {
        let ticket = self.names.iter().find(|(_, known)| *known == name).unwrap().0;
        self.threads[ticket].iter().map(String::as_str).collect()
    }

    /// Sets of messages that belong together, in one ticket or in linked ones.
    fn conversations(&self) -> BTreeSet<BTreeSet<String>> {
        let mut sets: Vec<(BTreeSet<Uuid>, BTreeSet<String>)> = self
            .threads
            .iter()
            .map(|(ticket, ids)| (BTreeSet::from([*ticket]), ids.iter().cloned().collect()))
            .collect();
        for (one, other) in &self.links {
            let meets = |set: &(BTreeSet<Uuid>, _)| set.0.contains(one) || set.0.contains(other);
            let (met, rest): (Vec<_>, Vec<_>) = sets.into_iter().partition(meets);
            let joined = met.into_iter().reduce(|a, b| (&a.0 | &b.0, &a.1 | &b.1));
            sets = rest.into_iter().chain(joined).collect();
        }
        sets.into_iter().map(|(_, ids)| ids).collect()
    }
}

async fn open<T: DeserializeOwned + Clone>(
    desk: &Desk,
    stream: Uuid,
    field: &str,
    sealed: &Sealed<T>,
) -> T {
    let opened = desk.handler.vault().open_sealed(desk.ws, stream, field, sealed).await;
    opened.unwrap().into_option().unwrap()
}

fn mail(id: &str, refs: &[&str], text: &str) -> String {
    let refs: Vec<String> = refs.iter().map(|id| format!("<{id}@example.org>")).collect();
    format!(
        "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\nFrom: Anna <anna@example.org>\nTo: desk@example.com\n\
         Subject: About {id}\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nMessage-ID: <{id}@example.org>\n\
         References: {}\n\n{text}\n\n",
        refs.join("\n ")
    )
}

fn mailbox(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for message in messages {
        file.extend_from_slice(b"From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n");
        file.extend_from_slice(message);
        file.push(b'\n');
    }
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_becomes_closed_tickets_with_their_threads() {
    let desk = Desk::new().await;
    let channel = CreateChannel {
        channel_id: ChannelId(Uuid::now_v7()),
        kind: ChannelKind::Email,
        name: "Support".to_owned(),
        address: "support@example.com".to_owned(),
    };
    desk.send(channel).await;
    let report = desk.import(Format::Mbox, SAMPLE).await;
    let expected = Report {
        messages: 12,
        distinct: 11,
        tickets_created: 4,
        copies_kept: 1,
        attachments: 1,
        ..Report::default()
    };
    assert_eq!(report, expected);
    let tickets = Tickets::of(&desk).await;
    assert_eq!(tickets.names.len(), 4);
    assert_eq!(
        tickets.thread("The printer on the second floor is on fire"),
        [
            "printer-1@example.org",
            "printer-2@example.com",
            "printer-3@example.org",
            "printer-4@example.net"
        ]
    );
    assert_eq!(
        tickets.thread("Re: Renewal of your contract"),
        ["contract-1@example.net", "contract-2@example.org"]
    );
    assert!(tickets.links.is_empty());
    let directory = desk.handler.directory::<commands::Directory>(desk.ws);
    for (_, event) in desk.log().await {
        if let AnyEvent::Ticket(TicketEvent::Created(created)) = event {
            let status = directory.pipeline(created.pipeline).unwrap().status(created.status);
            assert_eq!(status.unwrap().category, StatusCategory::Closed);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_keep_their_dates_senders_texts_and_files() {
    let desk = Desk::new().await;
    desk.import(Format::Mbox, SAMPLE).await;
    let stored =
        desk.handler.reader().after(desk.ws, decider::LogPosition(0), 1_000).await.unwrap();
    let (mut found, mut contacts) = (0, 0);
    for (event, (stream, read)) in stored.iter().zip(desk.log().await) {
        match read {
            AnyEvent::Contact(_) => contacts += 1,
            AnyEvent::Ticket(TicketEvent::MessageImported(imported)) => {
                let message = imported.message;
                assert_eq!(imported.direction, Direction::Incoming);
                let id =
                    open(&desk, stream, "message.message_id", message.message_id.as_ref().unwrap())
                        .await;
                let Opened::Open(raw) = desk
                    .objects
                    .get(desk.ws, &object(message.raw.as_ref().unwrap()))
                    .await
                    .unwrap()
                else {
                    panic!()
                };
                assert!(String::from_utf8_lossy(&raw).contains(&id));
                if id == "invoice-1@example.net" {
                    found += 1;
                    assert_eq!(event.occurred_at.to_string(), "2026-03-03T08:45:00Z");
                    let from = open(&desk, stream, "message.from", &message.from).await;
                    assert_eq!(
                        (from[0].email.as_str(), from[0].name.as_deref()),
                        ("tom@example.net", Some("Tom Okafor"))
                    );
                    let file = &message.attachments[0];
                    let name =
                        open(&desk, stream, &format!("attachment.{}.name", file.id), &file.name)
                            .await;
                    assert_eq!(name, "invoice-2026-017.pdf");
                    let bytes = desk.objects.get(desk.ws, &object(&file.object)).await.unwrap();
                    assert!(bytes.into_option().unwrap().starts_with(b"%PDF-1.4"));
                }
                if id == "login-1@example.org" {
                    found += 1;
                    let html =
                        open(&desk, stream, "message.html", message.html.as_ref().unwrap()).await;
                    assert!(html.contains("data-remote-src") && !html.contains(" src="));
                }
            }
            _ => {}
        }
    }
    assert_eq!((found, contacts), (2, 6));
}

fn object(event: &events::message::ObjectRef) -> vault::ObjectRef {
    vault::ObjectRef { key: event.key, hash: event.hash.clone(), size: event.size_bytes }
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_again_changes_nothing() {
    let desk = Desk::new().await;
    desk.import(Format::Mbox, SAMPLE).await;
    let (events, objects) = (desk.log().await.len(), desk.object_count());
    let again = desk.import(Format::Mbox, SAMPLE).await;
    let expected = Report { messages: 12, distinct: 11, already_there: 12, ..Report::default() };
    assert_eq!(again, expected);
    assert_eq!((desk.log().await.len(), desk.object_count()), (events, objects));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_imports_at_once_bring_everything_once() {
    let desk = Desk::new().await;
    let path = desk.folder.path().join("old.mbox");
    std::fs::write(&path, SAMPLE).unwrap();
    let import = || desk.import_files(Format::Mbox, vec![path.clone()]);
    let (one, other) = tokio::join!(import(), import());
    assert_eq!(one.tickets_created + other.tickets_created, 4);
    assert_eq!((one.failed, other.failed), (0, 0));
    let tickets = Tickets::of(&desk).await;
    assert_eq!(tickets.threads.values().map(Vec::len).sum::<usize>(), 11);
    assert_eq!(tickets.conversations().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_divided_mailbox_gives_the_same_conversations_in_either_order() {
    let whole: Vec<Vec<u8>> = Mbox::new(SAMPLE).map(|message| message.unwrap().bytes).collect();
    let desk = Desk::new().await;
    desk.import(Format::Mbox, SAMPLE).await;
    let expected = Tickets::of(&desk).await.conversations();
    let odd: Vec<_> = whole.iter().step_by(2).cloned().collect();
    let even: Vec<_> = whole.iter().skip(1).step_by(2).cloned().collect();
    for parts in [[&odd, &even], [&even, &odd]] {
        let desk = Desk::new().await;
        for part in parts {
            desk.import(Format::Mbox, &mailbox(part)).await;
        }
        assert_eq!(Tickets::of(&desk).await.conversations(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_belongs_to_two_tickets_links_them() {
    let (a, b, c) = (mail("a", &[], "A"), mail("b", &[], "B"), mail("c", &["a", "b"], "C"));
    let desk = Desk::new().await;
    desk.import(Format::Mbox, format!("{a}{b}").as_bytes()).await;
    let report = desk.import(Format::Mbox, c.as_bytes()).await;
    assert_eq!((report.tickets_created, report.tickets_joined, report.links), (0, 1, 1));
    let tickets = Tickets::of(&desk).await;
    assert_eq!((tickets.names.len(), tickets.links.len()), (2, 2));
    let oldest = tickets.names.keys().min().unwrap();
    assert!(tickets.threads[oldest].contains(&"c@example.org".to_owned()));
    let bridged = tickets.conversations();

    let desk = Desk::new().await;
    desk.import(Format::Mbox, c.as_bytes()).await;
    let report = desk.import(Format::Mbox, format!("{b}{a}").as_bytes()).await;
    assert_eq!((report.tickets_created, report.tickets_joined, report.links), (0, 1, 0));
    assert_eq!(Tickets::of(&desk).await.conversations(), bridged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_differing_copy_keeps_its_bytes_once() {
    let desk = Desk::new().await;
    desk.import(Format::Mbox, mail("a", &[], "A").as_bytes()).await;
    let copy = mail("a", &[], "A, with the footer of a list");
    let report = desk.import(Format::Mbox, copy.as_bytes()).await;
    assert_eq!((report.copies_kept, report.already_there, report.tickets_joined), (1, 0, 0));
    let again = desk.import(Format::Mbox, copy.as_bytes()).await;
    assert_eq!((again.copies_kept, again.already_there), (0, 1));
    let mut kept = Vec::new();
    let mut messages = Vec::new();
    for (_, event) in desk.log().await {
        match event {
            AnyEvent::Ticket(TicketEvent::MessageCopyKept(copy)) => kept.push(copy),
            AnyEvent::Ticket(TicketEvent::MessageImported(one)) => messages.push(one.message.id),
            _ => {}
        }
    }
    assert_eq!((kept.len(), messages), (1, vec![kept[0].message]));
    let raw =
        desk.objects.get(desk.ws, &object(&kept[0].raw)).await.unwrap().into_option().unwrap();
    assert!(raw.ends_with(b"A, with the footer of a list\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_becomes_a_ticket_with_its_bytes() {
    let desk = Desk::new().await;
    let bytes = include_bytes!("../../fixtures/not-a-mail.eml");
    let report = desk.import(Format::Eml, bytes).await;
    assert_eq!((report.tickets_created, report.unreadable, report.failed), (1, 1, 0));
    let again = desk.import(Format::Eml, bytes).await;
    assert_eq!((again.tickets_created, again.already_there), (0, 1));
    let raws: Vec<_> = desk
        .log()
        .await
        .into_iter()
        .filter_map(|(_, event)| match event {
            AnyEvent::Ticket(TicketEvent::RawMessageKept(kept)) => Some(kept.raw),
            _ => None,
        })
        .collect();
    assert_eq!(raws.len(), 1);
    let raw = desk.objects.get(desk.ws, &object(&raws[0])).await.unwrap().into_option().unwrap();
    assert_eq!(&raw[..], bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_files_are_about_the_same_people_as_their_message() {
    let desk = Desk::new().await;
    desk.import(Format::Mbox, SAMPLE).await;
    let mut contacts = BTreeSet::new();
    let mut messages = Vec::new();
    for (stream, event) in desk.log().await {
        match event {
            AnyEvent::Contact(_) => drop(contacts.insert(stream)),
            AnyEvent::Ticket(TicketEvent::MessageImported(one)) => messages.push(one.message),
            _ => {}
        }
    }
    for message in messages {
        let own = desk.subjects(message.text.cipher().unwrap().key).await;
        let raw = desk.subjects(message.raw.unwrap().key).await;
        assert!(!own.is_empty() && raw.is_superset(&own) && raw.is_subset(&contacts));
        for file in message.attachments {
            assert_eq!(desk.subjects(file.object.key).await, raw);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_or_channel_is_said_before_anything_is_read() {
    let desk = Desk::new().await;
    let request = |channel, file: &str| ImportRequest {
        ws: desk.ws,
        actor: Actor::SYSTEM,
        format: Format::Mbox,
        files: vec![desk.folder.path().join(file)],
        channel,
        status: ImportedStatus::Open,
    };
    let missing = desk.importer().run(request(None, "missing"), &|_| {}).await.unwrap_err();
    assert!(missing.to_string().contains("missing"));
    let unknown = request(Some(ChannelId(Uuid::now_v7())), "keys");
    let unknown = desk.importer().run(unknown, &|_| {}).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no such channel");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_reaches_its_end() {
    let desk = Desk::new().await;
    let path = desk.folder.path().join("old.mbox");
    std::fs::write(&path, SAMPLE).unwrap();
    let request = ImportRequest {
        ws: desk.ws,
        actor: Actor::SYSTEM,
        format: Format::Mbox,
        files: vec![path],
        channel: None,
        status: ImportedStatus::Open,
    };
    let seen = Mutex::new(Vec::new());
    let tell = |progress| seen.lock().unwrap().push(progress);
    desk.importer().run(request, &tell).await.unwrap();
    let seen = seen.into_inner().unwrap();
    for phase in [Phase::Reading, Phase::Writing] {
        let last = seen.iter().rfind(|progress| progress.phase == phase).unwrap();
        assert_eq!(last.done, last.total, "{phase:?}");
    }
    assert!(seen.iter().all(|progress| progress.done <= progress.total));
}
