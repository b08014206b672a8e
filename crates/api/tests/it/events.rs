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
    let (mut after, mut pages) = (head.to_string(), Vec::new());
    loop {
        let path = format!("/api/v1/events?after={after}");
        let page = service.get(&path, &[("cookie", &anna)]).await.json();
        assert_eq!(page["items"], serde_json::json!([]), "{page}");
        after = page["bookmark"].as_str().unwrap().to_owned();
        let position = page["position"].as_str().unwrap();
        assert_eq!(after.split_once('-').unwrap().0, position);
        pages.push(position.parse::<u64>().unwrap() - head);
        if page["next_cursor"] == Value::Null {
            break;
        }
        assert_eq!(page["next_cursor"], page["bookmark"]);
    }
    assert_eq!(pages, [1_000, 2_000, 2_500]);
}

#[tokio::test]
async fn a_place_that_is_not_in_the_log_any_more_is_refused_and_a_bare_position_is_not_w05() {
    let (service, anna) = Service::set_up().await;
    let head = service.app.reader().head(WS).await.unwrap().position.0;
    let ask = async |after: &str| {
        service.get(&format!("/api/v1/events?after={after}"), &[("cookie", &anna)]).await
    };
    for position in [1, head] {
        let bare = ask(&position.to_string()).await;
        assert_eq!(bare.status, 200, "{}", bare.text);
        let refused = ask(&format!("{position}-00000000")).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (409, "log_rewound".to_owned()));
    }
    let beyond = ask(&format!("{}-00000000", head + 1)).await;
    assert_eq!((beyond.status.as_u16(), beyond.code()), (409, "log_rewound".to_owned()));
    let beyond = ask(&(head + 1).to_string()).await;
    assert_eq!((beyond.status.as_u16(), beyond.code()), (400, "beyond_the_log".to_owned()));
}
