//! A toy view: boxes that hold a number of things, the marks people put on them, and notes that are only ever added.

use decider::{DecodeError, StoredEvent};
use event_store::projection::{ApplyError, Json, Keys, Projection, Stored};
use event_store::{row, row_set};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "t")]
pub enum ToyEvent {
    Made { label: String },
    Put { count: i64 },
    Marked { by: Uuid, tags: Vec<String> },
    Unmarked { by: Uuid },
    Noted { note: Uuid },
    Broken,
    Panics,
    TooLong,
    Thrown,
}

/// A type that the view passes over.
pub const ELSEWHERE: &str = "Elsewhere";

row! {
    /// One box.
    pub struct BoxRow in "toy_box" {
        key { id: Uuid }
        label: String,
        count: i64,
        last: Option<Json<ToyEvent>>,
        small: bool,
        index_me: Option<String>,
    }
}

row! {
    /// One mark.
    pub struct MarkRow in "toy_mark" {
        key { id: Uuid, by: Uuid }
        tags: Vec<String>,
        seen: Vec<Uuid>,
        raw: Option<Vec<u8>>,
        at: i64,
        n: i32,
    }
}

row! {
    /// One note. Only the event that adds it knows it.
    pub struct NoteRow in "toy_note" {
        key { note: Uuid }
        id: Uuid,
    }
}

row_set! {
    /// The view's tables.
    pub struct ToyRows { boxes: BoxRow, marks: MarkRow, notes: NoteRow }
}

/// The view; `N` makes another one of the same code.
pub struct Toy<const STOP: bool>;

/// The same view in a newer program, which knows the event from the future.
pub struct NewerToy;

impl Projection for NewerToy {
    const NAME: &'static str = Toy::<false>::NAME;
    const VERSION: u32 = Toy::<false>::VERSION;
    const SCHEMA: &'static str = Toy::<false>::SCHEMA;
    type Event = ToyEvent;
    type Rows = ToyRows;

    fn decode(stored: &StoredEvent) -> Result<Option<ToyEvent>, DecodeError> {
        if stored.type_name == "FromTheFuture" { Ok(None) } else { Toy::<false>::decode(stored) }
    }

    fn keys(event: &Stored<'_, ToyEvent>, keys: &mut Keys<'_>) {
        Toy::<false>::keys(event, keys);
    }

    fn apply(event: &Stored<'_, ToyEvent>, rows: &mut ToyRows) -> Result<(), ApplyError> {
        Toy::<false>::apply(event, rows)
    }
}

impl<const STOP: bool> Projection for Toy<STOP> {
    const NAME: &'static str = if STOP { "toy_sum" } else { "toy" };
    const VERSION: u32 = 3;
    const STOP_ON_ERROR: bool = STOP;
    const SCHEMA: &'static str = "
        create table toy_box (ws uuid, id uuid, label text not null, count bigint not null, last jsonb,
            small boolean not null, index_me text, primary key (ws, id));
        create index toy_box_index_me on toy_box (ws, index_me);
        create table toy_mark (ws uuid, id uuid, by uuid, tags text[] not null, seen uuid[] not null, raw bytea,
            at bigint not null, n integer not null, primary key (ws, id, by));
        create table toy_note (ws uuid not null, note uuid not null, id uuid not null, primary key (ws, note));";
    type Event = ToyEvent;
    type Rows = ToyRows;

    fn decode(stored: &StoredEvent) -> Result<Option<ToyEvent>, DecodeError> {
        if stored.kind != "box" || stored.type_name == ELSEWHERE {
            return Ok(None);
        }
        if stored.type_name == "FromTheFuture" {
            return Err(DecodeError::UnknownType {
                kind: stored.kind.clone(),
                type_name: stored.type_name.clone(),
                schema_version: stored.schema_version,
            });
        }
        serde_json::from_slice(&stored.payload).map(Some).map_err(|source| DecodeError::Payload {
            type_name: stored.type_name.clone(),
            schema_version: stored.schema_version,
            source,
        })
    }

    fn keys(event: &Stored<'_, ToyEvent>, keys: &mut Keys<'_>) {
        match event.data {
            ToyEvent::Noted { note } => keys.new_row::<NoteRow>(*note),
            ToyEvent::Broken | ToyEvent::Panics => {}
            _ => keys.row::<BoxRow>(event.stream),
        }
        if let ToyEvent::Marked { by, .. } | ToyEvent::Unmarked { by } = event.data {
            keys.row::<MarkRow>((event.stream, *by));
        }
    }

    fn apply(event: &Stored<'_, ToyEvent>, rows: &mut ToyRows) -> Result<(), ApplyError> {
        let id = event.stream;
        match event.data {
            ToyEvent::Made { label } => rows.boxes.insert(BoxRow {
                id,
                label: label.clone(),
                count: 0,
                last: None,
                small: true,
                index_me: None,
            })?,
            ToyEvent::Put { count } => {
                let row = rows.boxes.get_mut(&id)?;
                row.count += count;
                row.small = row.count < 10;
                row.last = Some(Json(event.data.clone()));
            }
            ToyEvent::Marked { by, tags } => {
                let key = (id, *by);
                let n = rows.marks.get(&key)?.map_or(0, |row| row.n);
                let (seen, raw) = (vec![*by, id], Some(vec![0, 255, n as u8]));
                let at = event.at.as_micros();
                rows.marks.put(MarkRow {
                    id,
                    by: *by,
                    tags: tags.clone(),
                    seen,
                    raw,
                    at,
                    n: n + 1,
                })?;
            }
            ToyEvent::Unmarked { by } => rows.marks.remove(&(id, *by))?,
            ToyEvent::Noted { note } => rows.notes.insert(NoteRow { note: *note, id })?,
            ToyEvent::Broken => return Err(ApplyError::Unexpected("broken")),
            ToyEvent::Panics => panic!("as asked"),
            // No value of an indexed column may be so long: only the database finds out.
            ToyEvent::TooLong => {
                let noise: Vec<String> = (0..2_000)
                    .map(|n: u32| format!("{:x}", n.wrapping_mul(2_654_435_761)))
                    .collect();
                rows.boxes.get_mut(&id)?.index_me = Some(noise.concat());
            }
            ToyEvent::Thrown => rows.boxes.remove(&id)?,
        }
        Ok(())
    }
}
