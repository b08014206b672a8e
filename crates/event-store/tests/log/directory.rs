//! Whoever starts reads the directory's events alone: all of them, wherever they stand in the log.

use decider::LogPosition;
use uuid::Uuid;

use crate::bank::Bank;
use crate::database::{Database, code};

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_is_read_whole_from_any_position() {
    let database = Database::new().await;
    let node = database.node().await;
    for round in 0..12_u64 {
        if round % 3 == 1 {
            assert_eq!(
                code(node.send(Bank::SetLimit { limit: 1_000 + round as i64 }).await),
                "accepted"
            );
            assert_eq!(code(node.send(Bank::MakeRules { id: Uuid::now_v7() }).await), "accepted");
        }
        let opened = (0..3).map(|n| node.send(Bank::open(Uuid::now_v7(), &format!("{round}.{n}"))));
        for opened in futures_util::future::join_all(opened).await {
            assert_eq!(code(opened), "accepted");
        }
    }
    let reader = node.handler.reader();
    let all = reader.after(database.ws, LogPosition(0), 1_000).await.unwrap();
    let kinds = ["rules".to_owned()];
    assert_eq!(all.iter().filter(|event| event.kind == "rules").count(), 8);
    for from in 0..=all.len() as u64 {
        let read = reader.directory_after(database.ws, LogPosition(from), &kinds).await.unwrap();
        let expected = all.iter().filter(|event| event.kind == "rules" && event.position.0 > from);
        assert!(read.iter().eq(expected), "after {from}");
    }
    database.remove().await;
}
