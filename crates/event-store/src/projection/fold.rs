//! What a projection is, and the fold over one batch of events: decode, announce rows, apply.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use decider::{DecodeError, SealedSlot, StoredEvent};
use uuid::Uuid;

use super::error::{ApplyError, Fault, FaultCause};
use super::rows::{AnyTable, Keys, Look, RowSet, TableDef};
use super::table_sql::TableSql;

/// A view: a pure fold of events into rows. No clock, no IO, no keys, no randomness: the same fold serves live updates,
/// rebuild, time travel and tests.
pub trait Projection: Send + Sync + 'static {
    /// Its name, snake_case.
    const NAME: &'static str;
    /// Raise it when the schema or the fold changes: the view is built anew beside the old one.
    const VERSION: u32;
    /// Its `schema.sql`: tables and indexes, unqualified names. The first key column of each table is `ws uuid`.
    const SCHEMA: &'static str;
    /// Whether it belongs to the declared class of clear-text views: the engine opens sealed fields before `apply`. A field
    /// whose key was destroyed stays sealed.
    const OPENS: bool = false;
    /// Whether it sums over streams: then it stops at an event it cannot fold instead of leaving that stream out.
    const STOP_ON_ERROR: bool = false;
    /// Whether an event may touch a row that events of other streams touch as well. Where none does, a stream folded alone
    /// gives its rows: that is what the scrubber compares, and why a rebuild need not look for the rows of a stream that has
    /// just begun.
    const ACROSS_STREAMS: bool = false;
    /// The events it folds.
    type Event: Send + Sync + 'static;
    /// Its tables.
    type Rows: RowSet;

    /// Reads a stored event; none when its kind does not concern this view.
    ///
    /// # Errors
    /// When the event cannot be read.
    fn decode(stored: &StoredEvent) -> Result<Option<Self::Event>, DecodeError>;

    /// Announces every row that [`Self::apply`] may read or write for this event.
    fn keys(event: &Stored<'_, Self::Event>, keys: &mut Keys<'_>);

    /// Takes one event in.
    ///
    /// # Errors
    /// When the event does not fit the rows.
    fn apply(event: &Stored<'_, Self::Event>, rows: &mut Self::Rows) -> Result<(), ApplyError>;

    /// Shows the sealed fields of an event with their stable names; needed only when it opens them.
    fn visit_sealed(_event: &mut Self::Event, _visit: &mut dyn FnMut(&str, &mut dyn SealedSlot)) {}
}

/// A decoded event with its envelope, which it derefs to.
pub struct Stored<'a, E> {
    /// The envelope.
    pub envelope: &'a StoredEvent,
    /// The event.
    pub data: &'a E,
}

impl<E> Deref for Stored<'_, E> {
    type Target = StoredEvent;

    fn deref(&self) -> &StoredEvent {
        self.envelope
    }
}

impl<E> fmt::Debug for Stored<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} at {}", self.kind, self.type_name, self.position)
    }
}

/// Streams that a view leaves out, each from a position on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quarantine(pub BTreeMap<Uuid, u64>);

impl Quarantine {
    /// Whether an event is left out.
    #[must_use]
    pub fn covers(&self, event: &StoredEvent) -> bool {
        !self.0.is_empty()
            && self.0.get(&event.stream).is_some_and(|from| event.position.0 >= *from)
    }
}

/// One batch of a projection whose types are not known here.
pub trait Fold: Send + Sync {
    /// Reads the events that are not left out.
    ///
    /// # Errors
    /// The first event that cannot be read.
    fn decode(&mut self, events: &[&StoredEvent], without: &Quarantine) -> Result<(), Fault>;
    /// Shows the sealed fields of the decoded events, each with the index of its event.
    fn visit_sealed(&mut self, visit: &mut dyn FnMut(usize, &str, &mut dyn SealedSlot));
    /// Announces the rows of the decoded events.
    fn announce(&mut self, events: &[&StoredEvent]);
    /// The same for a rebuild: rows that cannot be in the table yet are not looked for.
    fn announce_new(&mut self, events: &[&StoredEvent]);
    /// Folds the decoded events that are not left out.
    ///
    /// # Errors
    /// The first event that cannot be folded; then the rows are of no use until [`Self::reset`].
    fn apply(&mut self, events: &[&StoredEvent], without: &Quarantine) -> Result<(), Fault>;
    /// Forgets all changes.
    fn reset(&mut self);
    /// The tables.
    fn tables(&self) -> Vec<&dyn AnyTable>;
    /// The tables.
    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable>;
}

/// A projection whose types are not known here.
#[derive(Clone, Copy, Debug)]
pub struct ProjectionType {
    /// See [`Projection::NAME`].
    pub name: &'static str,
    /// See [`Projection::VERSION`].
    pub version: u32,
    /// Which build of this version: 1, 2, 3 …
    pub build: u32,
    /// See [`Projection::SCHEMA`].
    pub schema_sql: &'static str,
    /// See [`Projection::OPENS`].
    pub opens: bool,
    /// See [`Projection::STOP_ON_ERROR`].
    pub stop_on_error: bool,
    /// See [`Projection::ACROSS_STREAMS`].
    pub across_streams: bool,
    /// Its tables.
    pub tables: fn() -> Vec<TableDef>,
    /// A new batch.
    pub fold: fn() -> Box<dyn Fold>,
}

impl ProjectionType {
    /// The descriptor of a projection.
    #[must_use]
    pub fn of<P: Projection>() -> Self {
        Self {
            name: P::NAME,
            version: P::VERSION,
            build: 1,
            schema_sql: P::SCHEMA,
            opens: P::OPENS,
            stop_on_error: P::STOP_ON_ERROR,
            across_streams: P::ACROSS_STREAMS,
            tables: || P::Rows::default().tables().iter().map(|table| table.def()).collect(),
            fold: || Box::new(TypedFold::<P>::default()),
        }
    }

    /// Another build of the same version.
    #[must_use]
    pub const fn at_build(self, build: u32) -> Self {
        Self { build, ..self }
    }

    /// The schema its tables live in.
    #[must_use]
    pub fn schema_name(&self) -> String {
        match self.build {
            1 => format!("{}_v{}", self.name, self.version),
            build => format!("{}_v{}_b{build}", self.name, self.version),
        }
    }

    /// What the engine runs for each of its tables, with a name: for looking at plans.
    #[must_use]
    pub fn statements(&self) -> Vec<(String, Arc<str>)> {
        let schema = self.schema_name();
        let of = |table: TableDef| {
            let sql = TableSql::new(&schema, &table);
            let named = |what: &str, sql| (format!("{}.{} {what}", self.name, table.name), sql);
            [
                named("prefetch", sql.prefetch),
                named("upsert", sql.upsert),
                named("delete", sql.delete),
            ]
        };
        (self.tables)().into_iter().flat_map(of).collect()
    }
}

pub(super) struct TypedFold<P: Projection> {
    decoded: Vec<Option<P::Event>>,
    pub(super) rows: P::Rows,
}

impl<P: Projection> Default for TypedFold<P> {
    fn default() -> Self {
        Self { decoded: Vec::new(), rows: P::Rows::default() }
    }
}

impl<P: Projection> TypedFold<P> {
    fn announce_as(&mut self, events: &[&StoredEvent], look: impl Fn(&StoredEvent) -> Look) {
        let mut keys = Keys::of(&mut self.rows);
        for (envelope, data) in events.iter().zip(&self.decoded) {
            if let Some(data) = data {
                keys.look(look(envelope));
                P::keys(&Stored { envelope, data }, &mut keys);
            }
        }
    }
}

impl<P: Projection> Fold for TypedFold<P> {
    fn decode(&mut self, events: &[&StoredEvent], without: &Quarantine) -> Result<(), Fault> {
        self.decoded.clear();
        self.decoded.reserve(events.len());
        for event in events {
            let decoded = if without.covers(event) {
                None
            } else {
                P::decode(event).map_err(|error| Fault::new(event, error))?
            };
            self.decoded.push(decoded);
        }
        Ok(())
    }

    fn visit_sealed(&mut self, visit: &mut dyn FnMut(usize, &str, &mut dyn SealedSlot)) {
        for (index, event) in self.decoded.iter_mut().enumerate() {
            if let Some(event) = event {
                P::visit_sealed(event, &mut |field, slot| visit(index, field, slot));
            }
        }
    }

    fn announce(&mut self, events: &[&StoredEvent]) {
        self.announce_as(events, |_| Look::Always);
    }

    fn announce_new(&mut self, events: &[&StoredEvent]) {
        let begun: HashSet<Uuid> = events
            .iter()
            .filter(|event| event.version == 1 && !P::ACROSS_STREAMS)
            .map(|event| event.stream)
            .collect();
        self.announce_as(events, |event| match begun.contains(&event.stream) {
            true => Look::Never,
            false => Look::UnlessNew,
        });
    }

    fn apply(&mut self, events: &[&StoredEvent], without: &Quarantine) -> Result<(), Fault> {
        let (decoded, rows) = (&self.decoded, &mut self.rows);
        let mut present = None;
        // A panic is the fault of one event, not the end of the view.
        let folded = catch_unwind(AssertUnwindSafe(|| {
            for (envelope, data) in events.iter().zip(decoded) {
                let Some(data) = data.as_ref().filter(|_| !without.covers(envelope)) else {
                    continue;
                };
                present = Some(*envelope);
                P::apply(&Stored { envelope, data }, rows)
                    .map_err(|error| Fault::new(envelope, error))?;
            }
            Ok(())
        }));
        folded.unwrap_or_else(|_| match present {
            Some(event) => Err(Fault::new(event, FaultCause::Panicked)),
            None => Ok(()),
        })
    }

    fn reset(&mut self) {
        self.tables_mut().into_iter().for_each(AnyTable::reset);
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        self.rows.tables()
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        self.rows.tables_mut()
    }
}
