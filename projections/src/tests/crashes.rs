//! A crash after any statement of any batch: a view holds what it held before, or all of the batch, and in the end everything once.

use decider::StoredEvent;
use event_store::projection::{CrashPoint, Projection, ProjectionType, StepError};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::database::Database;
use super::history::{play, steps};
use super::splits::in_memory;
use crate::audit::Audit;
use crate::drafts::Drafts;
use crate::inbox::Inbox;
use crate::lookup::Lookup;
use crate::thread::Thread;
use crate::timeline::Timeline;

/// Batches of so many events, unless a commit has more.
const BATCH_EVENTS: usize = 25;

/// What came of one batch that crashes at each of its statements in turn.
enum Batch {
    /// It was written; so many crashes came before, and one behind its commit.
    Written(u32),
    /// There was none.
    None,
}

async fn crash_through<P: Projection>(database: &Database) -> Batch {
    let before = database.rows::<P>().await;
    for statement in 0.. {
        // Somebody else takes over after each crash.
        let mut projector = database.projector(ProjectionType::of::<P>());
        projector.set_batch_events(BATCH_EVENTS);
        let known = database.checkpoint(&ProjectionType::of::<P>()).await;
        match projector.step_until(&CrashPoint::at(statement)).await {
            Ok(None) => return Batch::None,
            Ok(Some(_)) => panic!("{}: a crash behind the commit comes first", P::NAME),
            Err(StepError::Transient(_)) => {}
            Err(other) => panic!("{}: {other}", P::NAME),
        }
        if database.checkpoint(&ProjectionType::of::<P>()).await != known {
            return Batch::Written(statement);
        }
        let rows = database.rows::<P>().await;
        assert!(rows == before, "{}: half a batch after statement {statement}", P::NAME);
    }
    Batch::None
}

async fn holds<P: Projection>(database: &Database, events: &[StoredEvent]) {
    let (mut batches, mut most) = (0, 0);
    while let Batch::Written(crashes) = crash_through::<P>(database).await {
        batches += 1;
        most = most.max(crashes);
    }
    assert!(batches > 5, "{}: {batches} batches", P::NAME);
    // Checkpoint, rows written, commit at least.
    assert!(most >= 3, "{}: {most} statements", P::NAME);
    let expected = in_memory::<P>(database, events).await;
    assert_eq!(database.rows::<P>().await, expected, "{}", P::NAME);
    let projector = database.projector(ProjectionType::of::<P>());
    assert!(projector.quarantine().0.is_empty(), "{}", P::NAME);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_any_statement_of_any_batch_of_any_view_applies_every_event_once() {
    let database = Database::new().await;
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let long = steps(260).prop_filter("long", |steps| steps.len() > 200);
    let steps = long.new_tree(&mut runner).unwrap().current();
    let mut log = database.log(&[]).await;
    play(&mut log, &steps);
    let events = database.append(&log.events, &[1, 4, 2, 7]).await;
    holds::<Inbox>(&database, &events).await;
    holds::<Thread>(&database, &events).await;
    holds::<Timeline>(&database, &events).await;
    holds::<Drafts>(&database, &events).await;
    holds::<Lookup>(&database, &events).await;
    holds::<Audit>(&database, &events).await;
    database.remove().await;
}
