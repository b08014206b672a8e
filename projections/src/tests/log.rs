//! A log in memory, with events as the handler would have written them.

use std::collections::HashMap;
use std::fmt;

use decider::{
    Actor, Cipher, CommandId, Event, EventContext, KeyScope, LogPosition, Personal, SealId, Sealed,
    SealedSlot, StoredEvent, Timestamp, WorkspaceId,
};
use event_store::projection::{MemoryStore, Projection, Quarantine};
use events::message::{Address, MessageAuthor, MessageContent};
use events::{ContactId, MessageId, TicketEvent, TicketId, UserId, ticket};
use uuid::Uuid;

pub const ANNA: UserId = UserId(Uuid::from_u128(0xa));
pub const BERT: UserId = UserId(Uuid::from_u128(0xb));
/// One day, in microseconds.
pub const DAY: i64 = 86_400_000_000;

type Sealer = Box<dyn FnMut(Uuid, SealId, &str, &[u8], &KeyScope) -> Cipher + Send>;

/// A growing log.
pub struct Log {
    pub ws: WorkspaceId,
    pub events: Vec<StoredEvent>,
    pub actor: Actor,
    versions: HashMap<Uuid, u32>,
    sealer: Sealer,
}

pub const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A text sealed with the key of a person or ticket.
pub fn sealed(scope: &KeyScope, text: &str) -> Sealed<String> {
    Personal(text.to_owned()).seal(scope)
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |event: &StoredEvent| {
            let payload = String::from_utf8_lossy(&event.payload).into_owned();
            (event.stream, event.type_name.clone(), payload)
        };
        f.debug_list().entries(self.events.iter().map(told)).finish()
    }
}

impl Log {
    /// A log whose ciphertexts are the clear JSON: they can be opened without keys.
    pub fn new() -> Self {
        let plain = |_: Uuid, seal, _: &str, clear: &[u8], scope: &KeyScope| Cipher {
            seal,
            key: scope.id,
            nonce: vec![0; 12],
            bytes: clear.to_vec(),
        };
        Self::sealed_by(WorkspaceId(id(1)), Box::new(plain))
    }

    pub fn sealed_by(ws: WorkspaceId, sealer: Sealer) -> Self {
        Self {
            ws,
            events: Vec::new(),
            actor: Actor::user(ANNA.0),
            versions: HashMap::new(),
            sealer,
        }
    }

    /// An event, a minute after the one before.
    pub fn add<E: Event>(&mut self, stream: impl Into<Uuid>, event: impl Into<E>) -> &mut Self {
        let minutes = self.events.len() as i64;
        self.add_at(stream, DAY + minutes * 60_000_000, event)
    }

    /// An event whose fact happened at another time.
    pub fn add_at<E: Event>(
        &mut self,
        stream: impl Into<Uuid>,
        micros: i64,
        event: impl Into<E>,
    ) -> &mut Self {
        let (stream, mut event): (Uuid, E) = (stream.into(), event.into());
        let version = self.versions.entry(stream).or_default();
        *version += 1;
        let command = CommandId(Uuid::from_u128(0xc0de << 64 | self.events.len() as u128));
        let seal = SealId::of(command, 0);
        event.visit_sealed(&mut |field, slot| {
            let (clear, scope) = slot.clear_json().unwrap().unwrap();
            let cipher = (self.sealer)(stream, seal, field, &clear, &scope.clone());
            slot.set_cipher(cipher);
        });
        self.events.push(StoredEvent {
            ws: self.ws,
            position: LogPosition(self.events.len() as u64 + 1),
            at: Timestamp::from_micros(micros),
            occurred_at: Timestamp::from_micros(micros),
            stream,
            version: *version,
            kind: E::KIND.to_owned(),
            type_name: event.type_name().to_owned(),
            schema_version: event.schema_version(),
            command,
            actor: self.actor,
            context: EventContext::default(),
            payload: event.encode().unwrap(),
        });
        self
    }

    pub fn ticket(&mut self, stream: TicketId, event: impl Into<TicketEvent>) -> &mut Self {
        self.add::<TicketEvent>(stream, event)
    }

    /// The rows of a view over the whole log. What is sealed is opened for views that may open.
    pub fn fold<P: Projection>(&self) -> P::Rows {
        let mut store = MemoryStore::<P>::default();
        store.apply_opened(&self.events, &Quarantine::default(), &mut open_plain::<P>).unwrap();
        store.into_rows()
    }
}

/// Opens what [`Log::new`] sealed.
pub fn open_plain<P: Projection>(_: &StoredEvent, _: &str, slot: &mut dyn SealedSlot) {
    if let Some(clear) = slot.cipher().map(|cipher| cipher.bytes.clone()).filter(|_| P::OPENS) {
        slot.set_clear(&clear, KeyScope::person(Uuid::nil())).unwrap();
    }
}

/// A ticket that came into being; every other one by a channel.
pub fn created(number: u64, (pipeline, status): (u128, u128)) -> ticket::TicketCreated {
    ticket::TicketCreated {
        number,
        name: sealed(&KeyScope::ticket(id(number.into())), "Printer on fire"),
        pipeline: id(pipeline).into(),
        status: id(status).into(),
        source: events::value::TicketSource::Manual,
        imported: false,
        channel: number.is_multiple_of(2).then(|| id(900).into()),
    }
}

/// A message of a contact.
pub fn message(number: u128, contact: ContactId, text: &str) -> MessageContent {
    let scope = KeyScope::content(id(number), vec![contact.0]);
    let address =
        |name: &str| Personal(vec![Address { name: None, email: name.to_owned() }]).seal(&scope);
    MessageContent {
        id: MessageId(id(number)),
        author: Some(MessageAuthor::Contact(contact)),
        channel: None,
        from: address("carl@example.org"),
        reply_to: None,
        to: address("help@example.com"),
        cc: None,
        bcc: None,
        subject: sealed(&scope, "Re: Printer"),
        preview: sealed(&scope, text),
        text: sealed(&scope, text),
        html: None,
        message_id: None,
        in_reply_to: None,
        references: None,
        attachments: Vec::new(),
        raw: None,
        automatic: None,
        problems: Vec::new(),
    }
}

/// What stands in a plain ciphertext.
pub fn plain(sealed: &Sealed<String>) -> String {
    serde_json::from_slice(&sealed.cipher().unwrap().bytes).unwrap()
}
