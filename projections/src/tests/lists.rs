//! Lists on Postgres: the default views, free queries, paging, drafts, threads and timelines.

use decider::Timestamp;
use events::draft::{DraftKind, DraftStarted};
use events::{DraftEvent, TicketId, UserId};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use super::database::Database;
use super::history::{play, steps};
use super::log::{ANNA, BERT, id};
use crate::cursor::{Cursor, Page};
use crate::effect::Until;
use crate::inbox::{
    self, Counts, DefaultView, Direction, Filter, Inbox, InboxRows, Sort, TicketRow, Visible,
};
use crate::timeline::EntryRow;
use crate::{drafts, thread, timeline};

/// A workspace with some hundred random steps behind it.
async fn lived_in() -> Database {
    let database = Database::new().await;
    let mut log = database.log(&[]).await;
    let mut runner = TestRunner::deterministic();
    let mut many = Vec::new();
    for _ in 0..8 {
        many.extend(steps(80).new_tree(&mut runner).unwrap().current());
    }
    play(&mut log, &many);
    database.append(&log.events, &[7]).await;
    database.catch_up().await;
    database
}

fn category(rows: &InboxRows, status: Uuid) -> String {
    rows.statuses.rows().into_iter().find(|row| row.status == status).unwrap().category.clone()
}

/// What a default view must show, by the rows themselves.
fn expected(rows: &InboxRows, view: DefaultView, user: UserId) -> Vec<Uuid> {
    let mut shown: Vec<_> = rows
        .tickets
        .rows()
        .into_iter()
        .filter_map(|row| {
            let closed = category(rows, row.status) == "closed";
            let mention = rows
                .mentions
                .rows()
                .into_iter()
                .find(|m| (m.user_id, m.ticket) == (user.0, row.ticket));
            let place = match view {
                DefaultView::Unassigned => {
                    (!closed && row.owner_user.is_none() && row.owner_team.is_none())
                        .then_some(row.last_activity_at)
                }
                DefaultView::Mine => {
                    (!closed && row.owner_user == Some(user.0)).then_some(row.last_activity_at)
                }
                DefaultView::Mentions => mention.map(|mention| mention.last_at),
                DefaultView::Open => (!closed).then_some(row.last_activity_at),
                DefaultView::Closed => closed.then_some(row.last_activity_at),
            };
            place.map(|place| (place, row.ticket))
        })
        .collect();
    shown.sort_unstable_by(|a, b| b.cmp(a));
    shown.into_iter().map(|(_, ticket)| ticket).collect()
}

/// All pages of a list, three rows each.
async fn all<T, F: Future<Output = Result<Page<T>, sqlx::Error>>>(
    mut page: impl FnMut(Option<Cursor>) -> F,
) -> Vec<T> {
    let (mut items, mut next) = (Vec::new(), None);
    loop {
        let found = page(next).await.unwrap();
        assert!(found.items.len() <= 3);
        items.extend(found.items);
        match found.next {
            None => return items,
            Some(cursor) => next = Some(cursor.to_string().parse().unwrap()),
        }
    }
}

const VIEWS: [DefaultView; 5] = [
    DefaultView::Unassigned,
    DefaultView::Mine,
    DefaultView::Mentions,
    DefaultView::Open,
    DefaultView::Closed,
];

#[tokio::test]
async fn each_default_view_shows_its_tickets_once_in_order_and_counts_them() {
    let database = lived_in().await;
    let rows = database.rows::<Inbox>().await;
    assert!(rows.tickets.rows().len() > 20);
    for user in [ANNA, BERT] {
        let who = (database.ws, user, Visible::Everything);
        let mut sizes = Vec::new();
        for view in VIEWS {
            let shown = all(|after| inbox::page(&database.pool, who, view, after, 3)).await;
            let shown: Vec<_> = shown.iter().map(|row| row.ticket).collect();
            assert_eq!(shown, expected(&rows, view, user), "{view:?}");
            sizes.push(shown.len() as u32);
        }
        let counts =
            inbox::counts(&database.pool, database.ws, user, Visible::Everything).await.unwrap();
        let [unassigned, mine, mentions, open, closed] = sizes[..] else { panic!() };
        assert_eq!(counts, Counts { unassigned, mine, mentions, open, closed });
    }
    database.remove().await;
}

#[tokio::test]
async fn who_may_see_only_their_own_tickets_finds_no_other_in_any_list_or_count() {
    let database = lived_in().await;
    let rows = database.rows::<Inbox>().await;
    let visible = Visible::OwnedBy(ANNA);
    let mut sizes = Vec::new();
    for view in VIEWS {
        let shown =
            all(|after| inbox::page(&database.pool, (database.ws, ANNA, visible), view, after, 3))
                .await;
        let own = |ticket: &Uuid| {
            rows.tickets
                .rows()
                .iter()
                .any(|row| row.ticket == *ticket && row.owner_user == Some(ANNA.0))
        };
        let expected: Vec<_> = expected(&rows, view, ANNA).into_iter().filter(own).collect();
        assert_eq!(shown.iter().map(|row| row.ticket).collect::<Vec<_>>(), expected, "{view:?}");
        sizes.push(shown.len() as u32);
        let none =
            inbox::page(&database.pool, (database.ws, ANNA, Visible::Nothing), view, None, 3)
                .await
                .unwrap();
        assert!(none.items.is_empty());
    }
    let counts = inbox::counts(&database.pool, database.ws, ANNA, visible).await.unwrap();
    let [unassigned, mine, mentions, open, closed] = sizes[..] else { panic!() };
    assert_eq!(counts, Counts { unassigned, mine, mentions, open, closed });
    let (who, order) = ((database.ws, visible), (Sort::Number, Direction::Ascending));
    let found =
        inbox::query(&database.pool, who, &Filter::default(), order, (None, 200)).await.unwrap();
    assert!(
        !found.items.is_empty() && found.items.iter().all(|row| row.owner_user == Some(ANNA.0))
    );
    database.remove().await;
}

/// Whether a row must be shown.
type Matches = fn(&TicketRow) -> bool;

fn filters() -> Vec<(Filter, Matches)> {
    let all = Filter::default;
    vec![
        (all(), |_| true),
        (Filter { statuses: vec![id(101).into(), id(103).into()], ..all() }, |row| {
            [id(101), id(103)].contains(&row.status)
        }),
        (Filter { pipelines: vec![id(100).into()], ..all() }, |_| true),
        (Filter { pipelines: vec![id(5).into()], ..all() }, |_| false),
        (Filter { owners: vec![ANNA], ..all() }, |row| row.owner_user == Some(ANNA.0)),
        (Filter { teams: vec![id(5).into()], ..all() }, |_| false),
        (Filter { owned: Some(false), ..all() }, |row| row.owner_user.is_none()),
        (Filter { owned: Some(true), ..all() }, |row| row.owner_user.is_some()),
        (Filter { priorities: vec![events::value::Priority::Low], ..all() }, |row| {
            row.priority == 1
        }),
        (Filter { tags: vec!["back\\slash".to_owned(), "vip".to_owned()], ..all() }, |row| {
            row.tags.iter().any(|tag| tag == "vip" || tag == "back\\slash")
        }),
        (Filter { categories: vec!["c1".to_owned()], ..all() }, |row| {
            row.category.as_deref() == Some("c1")
        }),
        (Filter { sources: vec![events::value::TicketSource::Email], ..all() }, |_| false),
        (Filter { contacts: vec![id(501).into()], ..all() }, |row| row.contacts.contains(&id(501))),
        (
            Filter {
                created: Some(
                    Timestamp::from_micros(0)
                        ..=Timestamp::from_micros(86_400_000_000 + 6_000_000_000),
                ),
                activity: Some(Timestamp::from_micros(0)..=Timestamp::from_micros(i64::MAX)),
                ..all()
            },
            |row| row.created_at <= 86_400_000_000 + 6_000_000_000,
        ),
    ]
}

#[tokio::test]
async fn a_free_query_shows_what_matches_once_in_every_order() {
    let database = lived_in().await;
    let rows = database.rows::<Inbox>().await;
    for (filter, matches) in filters() {
        for sort in [Sort::Activity, Sort::Created, Sort::Priority, Sort::Number] {
            let mut expected: Vec<_> =
                rows.tickets.rows().into_iter().filter(|row| matches(row)).cloned().collect();
            expected.sort_by_key(|row| match sort {
                Sort::Activity => (row.last_activity_at, 0, row.ticket),
                Sort::Created => (row.created_at, 0, row.ticket),
                Sort::Priority => (row.priority.into(), row.last_activity_at, row.ticket),
                Sort::Number => (row.number, 0, row.ticket),
            });
            for direction in [Direction::Ascending, Direction::Descending] {
                let who = (database.ws, Visible::Everything);
                let found = all(|after| {
                    inbox::query(&database.pool, who, &filter, (sort, direction), (after, 3))
                })
                .await;
                assert_eq!(found, expected, "{filter:?} {sort:?} {direction:?}");
                expected.reverse();
            }
        }
    }
    database.remove().await;
}

#[tokio::test]
async fn statuses_come_in_the_order_of_their_pipeline() {
    let database = lived_in().await;
    let rows = database.rows::<Inbox>().await;
    let statuses = inbox::statuses(&database.pool, database.ws).await.unwrap();
    let order: Vec<_> = statuses.iter().map(|row| row.status).collect();
    assert_eq!(order, rows.pipelines.rows()[0].statuses);
    database.remove().await;
}

#[tokio::test]
async fn threads_and_timelines_page_in_their_order_and_items_are_found_by_id() {
    let database = lived_in().await;
    let items = database.rows::<thread::Thread>().await;
    let entries = database.rows::<timeline::Timeline>().await;
    let (pool, ws) = (&database.pool, database.ws);
    for row in database.rows::<Inbox>().await.tickets.rows() {
        let ticket = TicketId(row.ticket);
        let mut expected: Vec<_> = items
            .items
            .rows()
            .into_iter()
            .filter(|item| item.ticket == ticket.0)
            .cloned()
            .collect();
        expected.sort_by_key(|item| (item.occurred_at, item.position));
        let pages = |after| thread::page(pool, (ws, ticket), &Until::PRESENT, after, 3);
        assert_eq!(all(pages).await, expected);
        for item in &expected {
            assert_eq!(
                thread::find(pool, ws, ticket, item.item).await.unwrap().as_ref(),
                Some(item)
            );
            assert_eq!(thread::find(pool, ws, TicketId(id(1)), item.item).await.unwrap(), None);
        }
        let copies: Vec<_> = items
            .copies
            .rows()
            .into_iter()
            .filter(|copy| copy.ticket == ticket.0)
            .cloned()
            .collect();
        assert_eq!(thread::copies(pool, ws, ticket).await.unwrap(), copies);
        let mut expected: Vec<_> = entries
            .entries
            .rows()
            .into_iter()
            .filter(|entry| entry.ticket == ticket.0)
            .cloned()
            .collect();
        let every = timeline::Wanted::default();
        let pages = |after| timeline::page(pool, (ws, ticket), &every, after, 3);
        assert_eq!(all(pages).await, expected);
        expected.reverse();
        let pages = |before| timeline::newest(pool, (ws, ticket), &every, before, 3);
        assert_eq!(all(pages).await, expected);
        for wanted in some_of(&expected) {
            let kept = |row: &&EntryRow| {
                wanted.actor.as_ref().is_none_or(|actor| *actor == row.actor)
                    && wanted.kinds.as_ref().is_none_or(|kinds| kinds.contains(&row.kind))
                    && wanted.from.is_none_or(|from| row.occurred_at >= from)
                    && wanted.until.is_none_or(|until| row.occurred_at < until)
            };
            let kept: Vec<_> = expected.iter().filter(kept).cloned().collect();
            let pages = |before| timeline::newest(pool, (ws, ticket), &wanted, before, 3);
            assert_eq!(all(pages).await, kept, "{wanted:?}");
        }
    }
    database.remove().await;
}

#[tokio::test]
async fn a_user_finds_their_own_drafts_newest_first_and_nobody_elses() {
    let database = Database::new().await;
    let mut log = database.log(&[]).await;
    for number in 0..7_u128 {
        let user = if number == 3 { BERT } else { ANNA };
        let started =
            DraftStarted { ticket: TicketId(id(number / 2)), user, kind: DraftKind::Reply };
        log.add::<DraftEvent>(id(90 + number), started);
    }
    database.append(&log.events, &[3]).await;
    database.catch_up().await;
    let (pool, ws) = (&database.pool, database.ws);
    let mine = all(|after| drafts::page(pool, ws, ANNA, after, 3)).await;
    assert_eq!(
        mine.iter().map(|row| row.draft).collect::<Vec<_>>(),
        [96, 95, 94, 92, 91, 90].map(id)
    );
    assert_eq!(drafts::count(pool, ws, ANNA).await.unwrap(), 6);
    let found = drafts::find(pool, ws, TicketId(id(1)), ANNA, DraftKind::Reply).await.unwrap();
    assert_eq!(found.map(|row| row.draft), Some(id(92)));
    assert_eq!(
        drafts::find(pool, ws, TicketId(id(1)), ANNA, DraftKind::Comment).await.unwrap(),
        None
    );
    let shown =
        drafts::on_tickets(pool, ws, ANNA, &[TicketId(id(1)), TicketId(id(3))]).await.unwrap();
    assert_eq!(shown.iter().map(|row| row.draft).collect::<Vec<_>>(), [96, 92].map(id));
    database.remove().await;
}

/// Filters that leave some lines out.
fn some_of(entries: &[EntryRow]) -> Vec<timeline::Wanted> {
    let Some(entry) = entries.get(entries.len() / 2) else { return Vec::new() };
    let every = timeline::Wanted::default;
    vec![
        timeline::Wanted { actor: Some(entry.actor.clone()), ..every() },
        timeline::Wanted { kinds: Some(vec![entry.kind.clone(), "x".to_owned()]), ..every() },
        timeline::Wanted { from: Some(entry.occurred_at), ..every() },
        timeline::Wanted { until: Some(entry.occurred_at), ..every() },
        timeline::Wanted { actor: Some("user:x".to_owned()), ..every() },
    ]
}
