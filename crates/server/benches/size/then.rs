//! As it was: numbers at instants spread over all years, and a very long ticket at an instant in its middle.

use crate::cases::Case;
use crate::desk::Desk;
use crate::http::{Ask, Client};

/// 2022-01-01 and 2026-07-01, between which the invented history lies.
const YEARS: (i64, i64) = (1_640_995_200, 1_782_864_000);

/// All of them.
pub async fn cases(desk: &Desk, token: &str, big: Option<&str>, count: usize) -> Vec<Case> {
    let mut all = Vec::new();
    let mut client = Client::connect(&desk.address).await.unwrap();
    let spread = |by: &str, more: &str| -> Vec<Ask> {
        let instant = |index: usize| {
            let (index, count) = (i64::try_from(index).unwrap(), i64::try_from(count).unwrap());
            let seconds = YEARS.0 + (YEARS.1 - YEARS.0) * index / count;
            jiff::Timestamp::from_second(seconds).unwrap()
        };
        let path =
            |index| format!("/api/v1/reports/tickets?by={by}&as_of={}{more}", instant(index));
        (0..count).map(|index| Ask::get(path(index), token)).collect()
    };
    for by in ["status", "owner", "status,owner,team,priority,pipeline,source"] {
        all.push(Case { what: format!("numbers at an instant by {by}"), asks: spread(by, "") });
    }
    let now = client.send(&Ask::get("/api/v1/reports/tickets?by=status", token)).await;
    let now = now.unwrap().json().unwrap();
    let head: u64 = now["known_at"].as_str().unwrap().parse().unwrap();
    for (what, known_at) in [("nearly all", head - head / 100), ("half", head / 2)] {
        let asks = spread("status", &format!("&known_at={known_at}"));
        all.push(Case { what: format!("numbers as known when {what} of the log was there"), asks });
    }
    let Some(big) = big else { return all };
    let path = format!("/api/v1/tickets/{big}");
    let whole = client.send(&Ask::get(path.as_str(), token)).await.unwrap().json().unwrap();
    let middle = whole["version"].as_u64().unwrap() / 2;
    let then = format!("{path}?as_of=version:{middle}");
    let then = client.send(&Ask::get(then, token)).await.unwrap().json().unwrap();
    let instant = then["as_of"]["instant"].as_str().unwrap();
    for (what, below) in [
        ("it", format!("?as_of={instant}")),
        ("its thread", format!("/thread?as_of={instant}")),
        ("its timeline", format!("/timeline?as_of={instant}")),
        ("what happened since", format!("/diff?from={instant}")),
    ] {
        let what = format!("a ticket of many events in its middle: {what}");
        all.push(Case { what, asks: vec![Ask::get(format!("{path}{below}"), token); count] });
    }
    all
}
