//! The toy domain: accounts with a sealed owner and a unique name, transfers over two streams, and a limit in the directory.

use decider::{
    Aspects, Changes, Command, DecodeError, Directory, EncodeError, Event, EventMeta, Halt,
    KeyScope, Opened, Personal, Rejection, RejectionKind, Sealed, SealedSlot, State, StoredEvent,
    StreamRef, StreamType, World,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub const NAME: &str = "account.name";
pub const RULES: Uuid = Uuid::from_u128(7);
/// A label that no account can fold.
pub const FOLD_DEFECT: &str = "breaks the fold";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t")]
pub enum AccountEvent {
    Opened { number: u64, owner: Option<Sealed<String>> },
    Moved { amount: i64 },
    Labelled { label: String },
}

impl Event for AccountEvent {
    const KIND: &'static str = "account";

    fn type_name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "AccountOpened",
            Self::Moved { .. } => "MoneyMoved",
            Self::Labelled { .. } => "AccountLabelled",
        }
    }

    fn schema_version(&self) -> u16 {
        1
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        serde_json::to_vec(self)
            .map_err(|source| EncodeError { type_name: self.type_name(), source })
    }

    fn decode(type_name: &str, schema_version: u16, payload: &[u8]) -> Result<Self, DecodeError> {
        serde_json::from_slice(payload).map_err(|source| DecodeError::Payload {
            type_name: type_name.to_owned(),
            schema_version,
            source,
        })
    }

    fn visit_sealed(&mut self, visit: &mut dyn FnMut(&str, &mut dyn SealedSlot)) {
        if let Self::Opened { owner: Some(owner), .. } = self {
            visit("owner", owner);
        }
    }

    fn touches(&self) -> Aspects {
        match self {
            Self::Opened { .. } => Aspects::All,
            Self::Moved { .. } => Aspects::of(&["balance"]),
            Self::Labelled { .. } => Aspects::of(&["label"]),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Account {
    pub owner: Option<Sealed<String>>,
    pub balance: i64,
    pub label: String,
    pub events: u32,
}

impl State for Account {
    type Event = AccountEvent;

    fn evolve(&mut self, event: &AccountEvent, meta: &EventMeta) {
        assert_eq!(meta.version, self.events + 1, "events are folded in order, each once");
        self.events += 1;
        assert!(!is_label(event, FOLD_DEFECT), "a defect in a fold");
        match event {
            AccountEvent::Opened { owner, .. } => self.owner.clone_from(owner),
            AccountEvent::Moved { amount } => self.balance += amount,
            AccountEvent::Labelled { label } => self.label.clone_from(label),
        }
    }
}

fn is_label(event: &AccountEvent, text: &str) -> bool {
    matches!(event, AccountEvent::Labelled { label } if label == text)
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitSet {
    pub limit: i64,
}

impl Event for LimitSet {
    const KIND: &'static str = "rules";

    fn type_name(&self) -> &'static str {
        "LimitSet"
    }
    fn schema_version(&self) -> u16 {
        1
    }
    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        serde_json::to_vec(self).map_err(|source| EncodeError { type_name: "LimitSet", source })
    }
    fn decode(type_name: &str, schema_version: u16, payload: &[u8]) -> Result<Self, DecodeError> {
        serde_json::from_slice(payload).map_err(|source| DecodeError::Payload {
            type_name: type_name.to_owned(),
            schema_version,
            source,
        })
    }
    fn visit_sealed(&mut self, _: &mut dyn FnMut(&str, &mut dyn SealedSlot)) {}
}

#[derive(Clone, Debug, Default)]
pub struct Limit {
    pub events: u32,
}

impl State for Limit {
    type Event = LimitSet;
    const DIRECTORY: bool = true;

    fn evolve(&mut self, _: &LimitSet, _: &EventMeta) {
        self.events += 1;
    }
}

/// The directory: one deposit may not exceed the limit; 0 is none.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub limit: i64,
}

impl Directory for Rules {
    fn fold(&mut self, stored: &StoredEvent) -> Result<(), DecodeError> {
        self.limit =
            LimitSet::decode(&stored.type_name, stored.schema_version, &stored.payload)?.limit;
        Ok(())
    }
}

pub fn stream_types() -> Vec<StreamType> {
    vec![StreamType::of::<Account>(), StreamType::of::<Limit>()]
}

pub fn account(id: Uuid) -> StreamRef {
    StreamRef { kind: "account", id }
}

#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("no such account")]
    Unknown,
    #[error("the account exists")]
    Exists,
    #[error("the name is taken")]
    NameTaken,
    #[error("not enough money")]
    Overdrawn,
    #[error("more than the limit")]
    OverLimit,
}

impl Rejection for Refused {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Exists => "exists",
            Self::NameTaken => "name_taken",
            Self::Overdrawn => "overdrawn",
            Self::OverLimit => "over_limit",
        }
    }
    fn kind(&self) -> RejectionKind {
        RejectionKind::Invalid
    }
}

#[derive(Clone, Debug)]
pub enum Bank {
    Open {
        id: Uuid,
        name: String,
        owner: Option<Personal<String>>,
    },
    Deposit {
        id: Uuid,
        amount: i64,
    },
    Withdraw {
        id: Uuid,
        amount: i64,
    },
    Transfer {
        from: Uuid,
        to: Uuid,
        amount: i64,
    },
    Label {
        id: Uuid,
        label: String,
    },
    GiveBackName {
        name: String,
    },
    SetLimit {
        limit: i64,
    },
    /// Accepted only when the stored owner is this one: it has to be opened.
    CheckOwner {
        id: Uuid,
        owner: String,
    },
    /// Reads some id as rules and refuses.
    PeekRules {
        id: Uuid,
    },
    /// Makes rules under some id.
    MakeRules {
        id: Uuid,
    },
    /// Gives one name back and takes another, perhaps the same.
    Rename {
        id: Uuid,
        from: String,
        to: String,
    },
    /// Takes one unit from each of many accounts to one, and as many names.
    Collect {
        from: Vec<Uuid>,
        to: Uuid,
        names: Vec<String>,
    },
    /// A rule with a defect.
    Panic,
}

impl Bank {
    pub fn open(id: Uuid, name: &str) -> Self {
        Self::Open { id, name: name.to_owned(), owner: Some(Personal(format!("owner of {name}"))) }
    }
}

fn existing(world: &World<'_>, id: Uuid) -> Result<std::sync::Arc<Account>, Halt> {
    let account = world.state::<Account>(id)?;
    if account.events == 0 { Err(Refused::Unknown.into()) } else { Ok(account) }
}

fn check_owner(world: &World<'_>, id: Uuid, owner: &str) -> Result<(), Halt> {
    let account = existing(world, id)?;
    let stored = account.owner.as_ref().ok_or(Refused::Unknown)?;
    if world.open(id, "owner", stored)? != Opened::Open(owner.to_owned()) {
        return Err(Refused::Unknown.into());
    }
    Ok(())
}

fn covers(world: &World<'_>, id: Uuid, amount: i64) -> Result<(), Halt> {
    if existing(world, id)?.balance < amount {
        return Err(Refused::Overdrawn.into());
    }
    Ok(())
}

fn rename(
    world: &World<'_>,
    changes: &mut Changes,
    id: Uuid,
    (from, to): (&str, &str),
) -> Result<(), Halt> {
    existing(world, id)?;
    if world.claim(NAME, from)? != Some(id) {
        return Err(Refused::Unknown.into());
    }
    if world.claim(NAME, to)?.is_some_and(|holder| holder != id) {
        return Err(Refused::NameTaken.into());
    }
    changes.release(NAME, from).claim(NAME, to, id);
    Ok(())
}

fn collect(
    world: &World<'_>,
    changes: &mut Changes,
    from: &[Uuid],
    to: Uuid,
    names: &[String],
) -> Result<(), Halt> {
    // Everything is asked for before the first answer counts, so that one fetch can bring it all.
    let accounts: Vec<_> = from.iter().map(|id| existing(world, *id)).collect();
    let claims: Vec<_> = names.iter().map(|name| world.claim(NAME, name)).collect();
    existing(world, to)?;
    for (id, account) in from.iter().zip(accounts) {
        if account?.balance < 1 {
            return Err(Refused::Overdrawn.into());
        }
        changes.on(*id, AccountEvent::Moved { amount: -1 });
        changes.on(to, AccountEvent::Moved { amount: 1 });
    }
    for (name, claim) in names.iter().zip(claims) {
        if claim?.is_some() {
            return Err(Refused::NameTaken.into());
        }
        changes.claim(NAME, name.clone(), to);
    }
    Ok(())
}

impl Command for Bank {
    fn name(&self) -> &'static str {
        "Bank"
    }

    fn creates(&self) -> Vec<StreamRef> {
        if let Self::Open { id, .. } = self { vec![account(*id)] } else { Vec::new() }
    }

    fn touches(&self) -> Aspects {
        match self {
            Self::Label { .. } => Aspects::of(&["label"]),
            _ => Aspects::of(&["balance"]),
        }
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let mut changes = Changes::none();
        match self {
            Self::Open { id, name, owner } => {
                if world.state::<Account>(*id)?.events > 0 {
                    return Err(Refused::Exists.into());
                }
                if world.claim(NAME, name)?.is_some() {
                    return Err(Refused::NameTaken.into());
                }
                let owner = owner.clone().map(|owner| owner.seal(&KeyScope::person(*id)));
                changes.on(*id, AccountEvent::Opened { number: world.next_number(), owner });
                changes.claim(NAME, name.clone(), *id).numbers = 1;
            }
            Self::Deposit { id, amount } => {
                existing(world, *id)?;
                let limit = world.directory::<Rules>().limit;
                if limit > 0 && *amount > limit {
                    return Err(Refused::OverLimit.into());
                }
                if *amount != 0 {
                    changes.on(*id, AccountEvent::Moved { amount: *amount });
                }
            }
            Self::Withdraw { id, amount } => {
                covers(world, *id, *amount)?;
                changes.on(*id, AccountEvent::Moved { amount: -amount });
            }
            Self::Transfer { from, to, amount } => {
                covers(world, *from, *amount)?;
                existing(world, *to)?;
                changes.on(*from, AccountEvent::Moved { amount: -amount });
                changes.on(*to, AccountEvent::Moved { amount: *amount });
            }
            Self::Label { id, label } => {
                if existing(world, *id)?.label != *label {
                    changes.on(*id, AccountEvent::Labelled { label: label.clone() });
                }
            }
            Self::GiveBackName { name } => {
                if world.claim(NAME, name)?.is_some() {
                    changes.release(NAME, name.clone());
                }
            }
            Self::SetLimit { limit } => {
                changes.on(RULES, LimitSet { limit: *limit });
            }
            Self::CheckOwner { id, owner } => {
                check_owner(world, *id, owner)?;
            }
            Self::PeekRules { id } => {
                world.state::<Limit>(*id)?;
                return Err(Refused::Unknown.into());
            }
            Self::MakeRules { id } => {
                if world.state::<Limit>(*id)?.events > 0 {
                    return Err(Refused::Exists.into());
                }
                changes.on(*id, LimitSet { limit: 0 });
            }
            Self::Rename { id, from, to } => rename(world, &mut changes, *id, (from, to))?,
            Self::Collect { from, to, names } => collect(world, &mut changes, from, *to, names)?,
            Self::Panic => panic!("a defect"),
        }
        Ok(changes)
    }
}
