//! Passwords, the limit of attempts, the setup link.

use std::net::IpAddr;

use ops::{Login, OpsError, SignInFailures, Stretch};
use uuid::Uuid;

use crate::database::Database;
use crate::{ANNA, BEN, DAY, OTHER_WS, WS, at};

const EMAIL: &str = "anna@example.org";
const RIGHT: &str = "correct horse";

fn anna() -> Login {
    Login { ws: WS, user: ANNA }
}

#[tokio::test]
async fn the_right_password_names_the_user_and_anything_else_nobody() {
    let database = Database::new().await;
    let credentials = database.ops().await.credentials;
    credentials.set_password(anna(), EMAIL, RIGHT, at(0)).await.unwrap();
    let verify = async |email: &str, password: &str| {
        credentials.verify(email, password, None, at(1)).await.unwrap()
    };
    assert_eq!(verify(EMAIL, RIGHT).await, Some(anna()));
    assert_eq!(verify("  Anna@Example.ORG ", RIGHT).await, Some(anna()));
    assert_eq!(verify(EMAIL, "wrong").await, None);
    assert_eq!(verify("nobody@example.org", RIGHT).await, None);

    credentials.set_password(anna(), EMAIL, "battery staple", at(2)).await.unwrap();
    assert_eq!(verify(EMAIL, RIGHT).await, None);
    assert!(credentials.set_login(anna(), "anna@example.com").await.unwrap());
    assert_eq!(verify(EMAIL, "battery staple").await, None);
    assert_eq!(verify("anna@example.com", "battery staple").await, Some(anna()));
    credentials.remove(anna()).await.unwrap();
    assert_eq!(verify("anna@example.com", "battery staple").await, None);
    assert!(!credentials.set_login(anna(), EMAIL).await.unwrap());
}

#[tokio::test]
async fn an_address_is_unique_in_its_workspace_and_the_password_decides_between_workspaces() {
    let database = Database::new().await;
    let credentials = database.ops().await.credentials;
    let elsewhere = Login { ws: OTHER_WS, user: BEN };
    credentials.set_password(anna(), EMAIL, RIGHT, at(0)).await.unwrap();
    let taken = credentials.set_password(Login { ws: WS, user: BEN }, EMAIL, "x", at(0)).await;
    assert!(matches!(taken, Err(OpsError::LoginTaken)));
    credentials.set_password(elsewhere, EMAIL, "battery staple", at(0)).await.unwrap();
    let found = credentials.verify(EMAIL, RIGHT, None, at(1)).await.unwrap();
    assert_eq!(found, Some(anna()));
    let found = credentials.verify(EMAIL, "battery staple", None, at(1)).await.unwrap();
    assert_eq!(found, Some(elsewhere));
}

#[tokio::test]
async fn neither_address_nor_password_is_stored() {
    let database = Database::new().await;
    let ops = database.ops().await;
    ops.credentials.set_password(anna(), EMAIL, RIGHT, at(0)).await.unwrap();
    let address: IpAddr = "192.0.2.7".parse().unwrap();
    ops.credentials.verify(EMAIL, "wrong", Some(address), at(1)).await.unwrap();
    for table in ["ops.credential", "ops.login_attempt"] {
        let rows = database.text(table).await;
        assert!(!rows.is_empty());
        assert!(!rows.contains("anna") && !rows.contains(RIGHT) && !rows.contains("192.0.2"));
    }
}

#[tokio::test]
async fn after_ten_failures_an_account_waits_on_every_node() {
    let database = Database::new().await;
    let (here, there) = (database.ops().await.credentials, database.ops().await.credentials);
    here.set_password(anna(), EMAIL, RIGHT, at(0)).await.unwrap();
    for second in 0..10 {
        assert_eq!(here.verify(EMAIL, "wrong", None, at(second)).await.unwrap(), None);
    }
    for node in [&here, &there] {
        match node.verify(EMAIL, RIGHT, None, at(100)).await {
            Err(OpsError::TooMany { retry_after_s, account }) => {
                assert_eq!((retry_after_s, account), (801, true));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(here.verify("ben@example.org", "x", None, at(100)).await.unwrap(), None);
    let found = there.verify(EMAIL, RIGHT, None, at(901)).await.unwrap();
    assert_eq!(found, Some(anna()), "refused attempts did not prolong the wait");
    for second in 902..911 {
        here.verify(EMAIL, "wrong", None, at(second)).await.unwrap();
    }
    assert_eq!(here.verify(EMAIL, RIGHT, None, at(912)).await.unwrap(), Some(anna()));
}

#[tokio::test]
async fn after_ten_failures_an_address_waits_whatever_the_account() {
    let database = Database::new().await;
    let credentials = database.ops().await.credentials;
    credentials.set_password(anna(), EMAIL, RIGHT, at(0)).await.unwrap();
    let from =
        |last: u16| -> Option<IpAddr> { Some(format!("2001:db8:1:2::{last}").parse().unwrap()) };
    for n in 0..10 {
        // Those who sign in do not charge the address.
        assert_eq!(credentials.verify(EMAIL, RIGHT, from(n), at(0)).await.unwrap(), Some(anna()));
        let somebody = format!("user{n}@example.org");
        credentials.verify(&somebody, "wrong", from(n), at(0)).await.unwrap();
    }
    let refused = credentials.verify(EMAIL, RIGHT, from(99), at(1)).await;
    assert!(matches!(refused, Err(OpsError::TooMany { account: false, .. })));
    let other = "192.0.2.7".parse().ok();
    assert_eq!(credentials.verify(EMAIL, RIGHT, other, at(1)).await.unwrap(), Some(anna()));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_attempts_at_once_do_not_slip_through() {
    let database = Database::new().await;
    let ops = database.ops().await;
    let attempts: Vec<_> = (0..40)
        .map(|_| {
            let credentials = ops.credentials.clone();
            tokio::spawn(async move { credentials.verify(EMAIL, "wrong", None, at(0)).await })
        })
        .collect();
    let mut tried = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(found) => {
                assert_eq!(found, None);
                tried += 1;
            }
            Err(OpsError::TooMany { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(tried <= 10, "{tried} were tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_link_works_once_for_a_day_and_only_the_latest() {
    let database = Database::new().await;
    let setup = database.ops().await.setup;
    let first = setup.issue_setup(WS, at(0)).await.unwrap();
    let second = setup.issue_setup(WS, at(0)).await.unwrap();
    assert_eq!(setup.peek_setup(first.expose(), at(1)).await.unwrap(), None);
    assert_eq!(setup.peek_setup(second.expose(), at(1)).await.unwrap(), Some(WS));
    assert_eq!(setup.peek_setup(second.expose(), at(DAY)).await.unwrap(), None);
    assert_eq!(setup.consume_setup(second.expose(), at(DAY)).await.unwrap(), None);
    assert!(!database.text("ops.setup_token").await.contains(second.expose()));
    let token = second.expose().to_owned();
    let racers: Vec<_> = (0..8)
        .map(|_| {
            let (setup, token) = (setup.clone(), token.clone());
            tokio::spawn(async move { setup.consume_setup(&token, at(2)).await.unwrap() })
        })
        .collect();
    let mut winners = 0;
    for racer in racers {
        winners += usize::from(racer.await.unwrap() == Some(WS));
    }
    assert_eq!(winners, 1);
    assert_eq!(setup.peek_setup(&token, at(2)).await.unwrap(), None);
}

#[tokio::test]
async fn the_sweep_removes_what_has_expired_and_nothing_else() {
    let database = Database::new().await;
    let ops = database.ops().await;
    ops.credentials.verify(EMAIL, "x", None, at(0)).await.unwrap();
    ops.setup.issue_setup(WS, at(0)).await.unwrap();
    ops.sessions.create(WS, Uuid::now_v7(), at(0)).await.unwrap();
    let tables = ["ops.login_attempt", "ops.setup_token", "ops.session"];
    ops.sweep(at(60)).await.unwrap();
    for table in tables {
        assert_eq!(database.count(table).await, 1, "{table}");
    }
    ops.sweep(at(14 * DAY)).await.unwrap();
    for table in tables {
        assert_eq!(database.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn failures_are_counted_for_each_account_and_quarter_of_an_hour_z02() {
    let database = Database::new().await;
    let ops = database.ops().await;
    ops.credentials.set_password(anna(), EMAIL, RIGHT, at(0)).await.unwrap();
    for second in [1, 2, 3, 900] {
        ops.credentials.verify(EMAIL, "wrong", None, at(second)).await.unwrap();
    }
    ops.credentials.verify(EMAIL, RIGHT, None, at(4)).await.unwrap();
    ops.credentials.verify("nobody@example.org", "wrong", None, at(5)).await.unwrap();
    let every = Stretch { before: (i64::MAX, Uuid::max()), from: i64::MIN, limit: 10 };
    let failures = &ops.sign_in_failures;
    let found = failures.page(anna().ws, every, None).await.unwrap();
    let counted: Vec<_> = found.iter().map(|it| (it.user, it.times)).collect();
    assert_eq!(counted, [(anna().user, 1), (anna().user, 3)], "the newest first");
    assert_eq!(found[1].since, SignInFailures::window(at(1)));
    let behind = Stretch { before: (found[0].since.as_micros(), found[0].user), ..every };
    assert_eq!(failures.page(anna().ws, behind, None).await.unwrap(), found[1..]);
    assert!(failures.page(anna().ws, every, Some(Uuid::nil())).await.unwrap().is_empty());
    let rows = database.text("ops.sign_in_failure").await;
    assert!(!rows.contains("nobody"), "what was typed is nowhere");
    ops.sweep(at(401 * 24 * 3600)).await.unwrap();
    assert_eq!(database.count("ops.sign_in_failure").await, 0);
}
