//! The view that a simulation keeps up to date: the balance and the label of every account.

use decider::{DecodeError, Event, StoredEvent};
use uuid::Uuid;

use crate::handler::simulation::bank::AccountEvent;
use crate::projection::{ApplyError, Keys, Projection, Stored};

/// An event with this label cannot be folded: its account is left out from there on.
pub const POISON: &str = "2";

crate::row! {
    /// One account.
    pub struct AccountRow in "account" {
        key { id: Uuid }
        balance: i64,
        label: String,
        events: i32,
    }
}

crate::row_set! {
    /// The tables of the view.
    pub struct Rows { accounts: AccountRow }
}

/// The view. With poison, some events cannot be folded.
pub struct Accounts<const POISONED: bool>;

impl<const POISONED: bool> Projection for Accounts<POISONED> {
    const NAME: &'static str = "accounts";
    const VERSION: u32 = 1;
    const SCHEMA: &'static str = "";
    type Event = AccountEvent;
    type Rows = Rows;

    fn decode(stored: &StoredEvent) -> Result<Option<AccountEvent>, DecodeError> {
        if stored.kind != AccountEvent::KIND {
            return Ok(None);
        }
        AccountEvent::decode(&stored.type_name, stored.schema_version, &stored.payload).map(Some)
    }

    fn keys(event: &Stored<'_, AccountEvent>, keys: &mut Keys<'_>) {
        keys.row::<AccountRow>(event.stream);
    }

    fn apply(event: &Stored<'_, AccountEvent>, rows: &mut Rows) -> Result<(), ApplyError> {
        let id = event.stream;
        if matches!(event.data, AccountEvent::Opened { .. }) {
            let row = AccountRow { id, balance: 0, label: String::new(), events: 1 };
            return rows.accounts.insert(row);
        }
        let row = rows.accounts.get_mut(&id)?;
        row.events += 1;
        match event.data {
            AccountEvent::Opened { .. } => {}
            AccountEvent::Moved { amount } => row.balance += amount,
            AccountEvent::Labelled { label } if POISONED && label == POISON => {
                return Err(ApplyError::Unexpected("poison"));
            }
            AccountEvent::Labelled { label } => row.label.clone_from(label),
        }
        Ok(())
    }
}
