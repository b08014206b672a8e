//! A build folds the next batch while one is written, where no row of before is looked for. What was folded too early is folded again.

use event_store::projection::rebuild::Progress;
use uuid::Uuid;

use crate::builds::{note, view};
use crate::database::{Database, raw};
use crate::toy::ToyEvent;

fn quiet(_: Progress) {}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_folded_ahead_of_a_stream_that_is_left_out_does_not_count() {
    let mut database = Database::new().await;
    let stream = |n: u32| u128::from(n % 3) + 1;
    for n in 0..60 {
        let noted = raw(stream(n), &ToyEvent::Noted { note: note(n) });
        let events =
            if n == 30 { vec![raw(stream(n), &ToyEvent::Broken), noted] } else { vec![noted] };
        database.commit_here(&events).await;
    }
    database.catch_up().await;
    let rebuilt = database.workshop().rebuild(view(), &quiet).await.unwrap();
    assert_eq!(rebuilt.differences, []);
    let rows = database.rows_of(2).await;
    let left_out = Uuid::from_u128(stream(30));
    let kept = rows.notes.rows().iter().filter(|row| row.id == left_out).count();
    assert_eq!((kept, rows.notes.rows().len()), (10, 50), "twenty and sixty were written");
    assert_eq!(rows, database.rows_of(1).await);
    assert_eq!(database.quarantined().await.len(), 2, "of the one view and of the other");
    database.remove().await;
}
