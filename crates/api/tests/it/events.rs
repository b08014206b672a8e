//! The event feed (W05) where most of the log is not for the caller.

use serde_json::Value;

use super::service::{Service, WS};

#[tokio::test]
async fn an_answer_may_be_empty_and_still_leads_on_w05() {
    let (service, anna) = Service::set_up().await;
    let head = service.app.reader().head(WS).await.unwrap().position.0;
    // A long stretch of drafts, which are nobody's.
    service
        .as_owner(&[
            "insert into es.event
             select ws, pos + n, at, null, gen_random_uuid(), 1, 'draft', 'DraftStarted', 1, gen_random_uuid(), actor, '{}', '{}', leaf
               from (select * from es.event order by pos desc limit 1) last, generate_series(1, 2500) n",
            "insert into es.commit
             select ws, no + 1, last_pos + 1, last_pos + 2500, last_number, last_directory, at, node, content, hash
               from (select * from es.commit order by no desc limit 1) last",
        ])
        .await;
    let (mut after, mut pages) = (head, Vec::new());
    loop {
        let path = format!("/api/v1/events?after={after}");
        let page = service.get(&path, &[("cookie", &anna)]).await.json();
        assert_eq!(page["items"], serde_json::json!([]), "{page}");
        after = page["position"].as_str().unwrap().parse().unwrap();
        pages.push(after - head);
        if page["next_cursor"] == Value::Null {
            break;
        }
        assert_eq!(page["next_cursor"], page["position"]);
    }
    assert_eq!(pages, [1_000, 2_000, 2_500]);
}
