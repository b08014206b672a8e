//! Sessions and API tokens.

use decider::Timestamp;
use ops::NewApiToken;
use sqlx::Row;
use uuid::Uuid;

use crate::database::Database;
use crate::{ANNA, BEN, DAY, OTHER_WS, WS, at};

async fn stored(database: &Database, statement: &'static str) -> Option<Timestamp> {
    let row = sqlx::query(statement).fetch_one(&database.pool).await.unwrap();
    row.get::<Option<i64>, _>(0).map(Timestamp::from_micros)
}

#[tokio::test]
async fn a_session_lives_while_it_is_used_but_not_for_ever() {
    let database = Database::new().await;
    let sessions = database.ops().await.sessions;
    let secret = sessions.create(WS, ANNA, at(0)).await.unwrap();
    let token = secret.expose();
    let session = sessions.resolve(token, at(30)).await.unwrap().unwrap();
    assert_eq!((session.ws, session.user, session.created_at), (WS, ANNA, at(0)));
    assert_eq!(sessions.resolve("something else", at(30)).await.unwrap(), None);
    let mut day = 0;
    while day + 13 < 90 {
        day += 13;
        assert!(sessions.resolve(token, at(day * DAY)).await.unwrap().is_some(), "day {day}");
    }
    assert_eq!(sessions.resolve(token, at(90 * DAY)).await.unwrap(), None);

    let idle = sessions.create(WS, ANNA, at(0)).await.unwrap();
    assert!(sessions.resolve(idle.expose(), at(14 * DAY - 1)).await.unwrap().is_some());
    let idle = sessions.create(WS, ANNA, at(0)).await.unwrap();
    assert_eq!(sessions.resolve(idle.expose(), at(14 * DAY)).await.unwrap(), None);
    assert!(!database.text("ops.session").await.contains(idle.expose()));
}

#[tokio::test]
async fn the_last_use_is_written_once_a_minute_and_other_requests_cost_no_query() {
    let database = Database::new().await;
    let ops = database.ops().await;
    let secret = ops.sessions.create(WS, ANNA, at(0)).await.unwrap();
    let seen = "select seen_at_us from ops.session";
    for (now, written) in [(59, 0), (60, 60), (119, 60), (120, 120)] {
        ops.sessions.resolve(secret.expose(), at(now)).await.unwrap().unwrap();
        assert_eq!(stored(&database, seen).await, Some(at(written)));
    }
    database.pool.close().await;
    assert!(ops.sessions.resolve(secret.expose(), at(130)).await.unwrap().is_some());
    let error = ops.sessions.resolve("unknown", at(130)).await.unwrap_err();
    assert!(error.is_unavailable());
}

#[tokio::test]
async fn a_revoked_session_ends_at_once() {
    let database = Database::new().await;
    let sessions = database.ops().await.sessions;
    let mut secrets = Vec::new();
    for user in [ANNA, ANNA, ANNA, BEN] {
        let secret = sessions.create(WS, user, at(0)).await.unwrap();
        sessions.resolve(secret.expose(), at(1)).await.unwrap().unwrap();
        secrets.push(secret);
    }
    let alive = async || {
        let mut alive = Vec::new();
        for secret in &secrets {
            alive.push(sessions.resolve(secret.expose(), at(2)).await.unwrap().is_some());
        }
        alive
    };
    sessions.revoke(secrets[0].expose()).await.unwrap();
    assert_eq!(alive().await, [false, true, true, true]);
    assert_eq!(sessions.revoke_all(WS, ANNA, Some(secrets[2].expose())).await.unwrap(), 1);
    assert_eq!(alive().await, [false, false, true, true]);
    assert_eq!(sessions.revoke_all(OTHER_WS, ANNA, None).await.unwrap(), 0);
    assert_eq!(sessions.revoke_all(WS, ANNA, None).await.unwrap(), 1);
    assert_eq!(alive().await, [false, false, false, true]);
}

fn new_token(user: Uuid) -> NewApiToken {
    NewApiToken { ws: WS, id: Uuid::now_v7(), user, label: "nightly export".into() }
}

#[tokio::test]
async fn a_token_is_valid_until_it_is_revoked() {
    let database = Database::new().await;
    let tokens = database.ops().await.tokens;
    let (one, two) = (new_token(ANNA), new_token(BEN));
    let secret = tokens.create(&one, at(0)).await.unwrap();
    let other = tokens.create(&two, at(1)).await.unwrap();
    assert!(secret.expose().starts_with("ldk_"));
    let token = tokens.resolve(secret.expose(), at(2)).await.unwrap().unwrap();
    assert_eq!((token.ws, token.id, token.user), (WS, one.id, ANNA));
    for wrong in ["", "ldk_", "nope", &secret.expose()[4..]] {
        assert_eq!(tokens.resolve(wrong, at(2)).await.unwrap(), None);
    }
    assert!(!tokens.revoke(OTHER_WS, one.id, at(3)).await.unwrap());
    assert!(tokens.revoke(WS, one.id, at(3)).await.unwrap());
    assert!(!tokens.revoke(WS, one.id, at(4)).await.unwrap());
    assert_eq!(tokens.resolve(secret.expose(), at(4)).await.unwrap(), None);
    assert!(tokens.resolve(other.expose(), at(4)).await.unwrap().is_some());
    assert_eq!(tokens.revoke_all(WS, BEN, at(5)).await.unwrap(), 1);
    assert_eq!(tokens.resolve(other.expose(), at(5)).await.unwrap(), None);

    let rows = tokens.list(WS).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [one.id, two.id]);
    assert_eq!((rows[0].created_at, rows[0].used_at), (at(0), Some(at(2))));
    assert_eq!((rows[0].revoked_at, rows[1].revoked_at), (Some(at(3)), Some(at(5))));
    assert!(tokens.list(OTHER_WS).await.unwrap().is_empty());
    assert!(!database.text("ops.api_token").await.contains(&secret.expose()[4..]));
}

#[tokio::test]
async fn the_last_use_of_a_token_is_written_once_a_minute() {
    let database = Database::new().await;
    let tokens = database.ops().await.tokens;
    let secret = tokens.create(&new_token(ANNA), at(0)).await.unwrap();
    let used = "select used_at_us from ops.api_token";
    assert_eq!(stored(&database, used).await, None);
    for (now, written) in [(5, 5), (64, 5), (65, 65)] {
        tokens.resolve(secret.expose(), at(now)).await.unwrap().unwrap();
        assert_eq!(stored(&database, used).await, Some(at(written)));
    }
    database.pool.close().await;
    assert!(tokens.resolve(secret.expose(), at(66)).await.unwrap().is_some());
}
