//! One manipulation of the log, by somebody who owns the tables.

use rand::RngExt;
use rand::rngs::StdRng;
use sqlx::PgConnection;

use super::table::{Column, Place, Table, places, run};

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    /// One bit of one value.
    Flip,
    /// The values of one column in two rows of one workspace change places; of two workspaces, where each has one row.
    Exchange,
    /// The values of one column in rows of two workspaces change places.
    ExchangeAcross,
    /// A row goes.
    Delete,
    /// A row is there twice.
    Double,
    /// A row comes that is like another but for one value.
    Forge,
    /// Two rows of two workspaces change places.
    MoveAcross,
}

/// All of them.
pub const HOW: [How; 7] = [
    How::Flip,
    How::Exchange,
    How::ExchangeAcross,
    How::Delete,
    How::Double,
    How::Forge,
    How::MoveAcross,
];

impl How {
    pub const fn is_of_a_column(self) -> bool {
        matches!(self, Self::Flip | Self::Exchange | Self::ExchangeAcross)
    }
}

/// What was done, and where: each place that a row had, or has now.
#[derive(Debug)]
pub struct Done {
    pub places: Vec<Place>,
    /// The event that must be named.
    pub position: Option<i64>,
    #[expect(dead_code, reason = "told when the test fails")]
    pub how: String,
}

/// How often another row or bit is tried where the first makes no change.
const TRIES: usize = 40;

/// Makes one manipulation; none where chance finds none that changes anything.
pub async fn attempt(
    transaction: &mut PgConnection,
    chance: &mut StdRng,
    table: &Table,
    (column, how): (Option<&Column>, How),
) -> Option<Done> {
    let before = places(transaction, &table.name).await;
    for _ in 0..TRIES {
        let one = pick(chance, &before);
        let two = pick(chance, &before);
        let alike = one.ws == two.ws;
        let fits = match how {
            How::Flip | How::Delete | How::Double | How::Forge => true,
            How::Exchange => one != two && (alike || table.name == "workspace"),
            How::ExchangeAcross | How::MoveAcross => !alike,
        };
        // Exchanging workspaces between rows of two workspaces is moving them.
        let moves = column.is_some_and(|column| column.name == "ws") && how != How::Flip;
        if !fits || (moves && alike) {
            continue;
        }
        let statements = match how {
            How::Flip => flip(transaction, chance, table, column?, one).await,
            How::Exchange | How::ExchangeAcross => {
                exchange(transaction, table, column?, (one, two)).await
            }
            How::Delete => {
                Some(vec![format!("delete from es.{} where ctid = '{}'", table.name, one.ctid)])
            }
            How::Double => Some(vec![forged(table, one, |column| column.name.clone())]),
            How::Forge => {
                let other = &table.columns[chance.random_range(0..table.columns.len())];
                let bytes = other.read(transaction, &table.name, &one.ctid).await;
                other.other(chance, bytes.as_deref()).map(|value| {
                    vec![forged(table, one, |column| {
                        if column.name == other.name { value.clone() } else { column.name.clone() }
                    })]
                })
            }
            How::MoveAcross => {
                let ws = table.columns.iter().find(|column| column.name == "ws")?;
                exchange(transaction, table, ws, (one, two)).await
            }
        };
        let Some(statements) = statements else { continue };
        if make(transaction, &statements).await {
            let pair = !matches!(how, How::Flip | How::Delete | How::Double | How::Forge);
            let changed = if pair { vec![one, two] } else { vec![one] };
            return Some(
                done(transaction, table, (column, how), &before, &changed, statements).await,
            );
        }
    }
    None
}

fn pick<'a>(chance: &mut StdRng, places: &'a [Place]) -> &'a Place {
    &places[chance.random_range(0..places.len())]
}

async fn flip(
    transaction: &mut PgConnection,
    chance: &mut StdRng,
    table: &Table,
    column: &Column,
    place: &Place,
) -> Option<Vec<String>> {
    let bytes = column.read(transaction, &table.name, &place.ctid).await;
    let value = column.other(chance, bytes.as_deref())?;
    Some(vec![set(table, column, &place.ctid, &value)])
}

async fn exchange(
    transaction: &mut PgConnection,
    table: &Table,
    column: &Column,
    (one, two): (&Place, &Place),
) -> Option<Vec<String>> {
    let first = column.read(transaction, &table.name, &one.ctid).await;
    let second = column.read(transaction, &table.name, &two.ctid).await;
    if first == second {
        return None;
    }
    let value = |bytes: Option<Vec<u8>>| match bytes {
        Some(bytes) => column.value(&bytes),
        None => Some("null".to_owned()),
    };
    Some(vec![
        set(table, column, &one.ctid, &value(second)?),
        set(table, column, &two.ctid, &value(first)?),
    ])
}

fn set(table: &Table, column: &Column, ctid: &str, value: &str) -> String {
    format!("update es.{} set {} = {value} where ctid = '{ctid}'", table.name, column.name)
}

fn forged(table: &Table, place: &Place, value: impl Fn(&Column) -> String) -> String {
    let names: Vec<_> = table.columns.iter().map(|column| column.name.clone()).collect();
    let values: Vec<_> = table.columns.iter().map(value).collect();
    let (name, ctid) = (&table.name, &place.ctid);
    format!(
        "insert into es.{name} ({}) select {} from es.{name} where ctid = '{ctid}'",
        names.join(", "),
        values.join(", ")
    )
}

/// Whether the database takes it; it does not take every value.
async fn make(transaction: &mut PgConnection, statements: &[String]) -> bool {
    run(transaction, "savepoint attempt".to_owned()).await.unwrap();
    for statement in statements {
        match run(transaction, statement.clone()).await {
            Ok(rows) => assert_eq!(rows, 1, "{statement}"),
            Err(sqlx::Error::Database(_)) => {
                run(transaction, "rollback to attempt".to_owned()).await.unwrap();
                return false;
            }
            Err(other) => panic!("{statement}: {other}"),
        }
    }
    true
}

async fn done(
    transaction: &mut PgConnection,
    table: &Table,
    (column, how): (Option<&Column>, How),
    before: &[Place],
    changed: &[&Place],
    statements: Vec<String>,
) -> Done {
    let after = places(transaction, &table.name).await;
    let same = |place: &Place, others: &[Place]| others.iter().any(|other| other == place);
    let mut touched: Vec<Place> =
        after.iter().filter(|place| !same(place, before)).cloned().collect();
    if how != How::Double && how != How::Forge {
        touched.extend(changed.iter().map(|place| (*place).clone()));
    }
    let names_the_event = column.is_some_and(|column| column.name != "ws" && column.name != "pos");
    let position = changed.first().filter(|_| how == How::Flip && names_the_event);
    Done {
        places: touched,
        position: position.and_then(|place| place.position),
        how: format!("{how:?} {statements:?}"),
    }
}
