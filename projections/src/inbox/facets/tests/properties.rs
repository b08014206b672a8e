//! What holds for any history.

use access::{Reach, Scope, TicketSight};
use decider::Actor;
use events::user::Role;
use events::value::Owner;
use events::{TeamId, UserId};
use proptest::prelude::*;
use uuid::Uuid;

use super::history::{CLEO, Picture, filters, followed, histories, started};
use crate::inbox::facets::index::Index;
use crate::inbox::{
    Counts, DefaultView, Direction, Filter, Inbox, InboxRows, Sort, TicketRow, Visible,
};
use crate::tests::log::{ANNA, BERT, id};

const SORTS: [Sort; 4] = [Sort::Activity, Sort::Created, Sort::Number, Sort::Priority];

/// What a scan of the rows finds, in order.
fn scanned(
    rows: &InboxRows,
    (filter, visible): (&Filter, Visible),
    (sort, direction): (Sort, Direction),
) -> Vec<Uuid> {
    let shown = |row: &&TicketRow| visible.shows(row) && filter.matches(row);
    let mut found: Vec<&TicketRow> = rows.tickets.rows().into_iter().filter(shown).collect();
    found.sort_by_key(|row| match sort {
        Sort::Activity => (row.last_activity_at, 0, row.ticket),
        Sort::Created => (row.created_at, 0, row.ticket),
        Sort::Number => (row.number, 0, row.ticket),
        Sort::Priority => (row.priority.into(), row.last_activity_at, row.ticket),
    });
    if direction == Direction::Descending {
        found.reverse();
    }
    found.into_iter().map(|row| row.ticket).collect()
}

/// All pages of the index, `size` tickets each.
fn paged(
    index: &Index,
    rows: &InboxRows,
    (filter, visible): (&Filter, Visible),
    order: (Sort, Direction),
    size: usize,
) -> Vec<Uuid> {
    let mut set = index.matching(filter, visible).into_owned();
    if !filter.contacts.is_empty() {
        let wanted = Filter { contacts: filter.contacts.clone(), ..Filter::default() };
        let of_contacts = scanned(rows, (&wanted, Visible::Everything), order);
        set &= index.numbers_of(&of_contacts);
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = index.page(&set, filter, order, after, size);
        assert!(page.len() <= size);
        found.extend(page.iter().map(|found| found.place.id));
        after = page.last().map(|last| last.place);
        if page.len() < size {
            return found;
        }
    }
}

fn visible() -> impl Strategy<Value = Visible> {
    prop_oneof![
        3 => Just(Visible::Everything),
        1 => Just(Visible::Nothing),
        2 => prop::sample::select(vec![ANNA, BERT, CLEO]).prop_map(Visible::OwnedBy),
    ]
}

fn sight(row: &TicketRow) -> TicketSight {
    let owner = Owner { user: row.owner_user.map(UserId), team: row.owner_team.map(TeamId) };
    TicketSight { owner: (owner != Owner { user: None, team: None }).then_some(owner) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_page_is_what_a_scan_of_the_rows_finds_v04_v05(
        log in histories(90),
        sizes in prop::collection::vec(1..20_usize, 1..4),
        asked in prop::collection::vec((filters(), visible(), 1..9_usize), 6),
    ) {
        let rows = log.fold::<Inbox>();
        let index = followed(Index::default(), &log.events, &sizes);
        for (filter, visible, size) in &asked {
            for sort in SORTS {
                for direction in [Direction::Ascending, Direction::Descending] {
                    let (what, order) = ((filter, *visible), (sort, direction));
                    let expected = scanned(&rows, what, order);
                    prop_assert_eq!(
                        paged(&index, &rows, what, order, *size), expected,
                        "{:?} {:?} {:?}", filter, visible, order
                    );
                }
            }
        }
    }

    #[test]
    fn counts_are_what_a_scan_of_the_rows_counts_v06(
        log in histories(90),
        visible in visible(),
        user in prop::sample::select(vec![ANNA, BERT, CLEO]),
        most in prop_oneof![Just(1_000_u32), 1..4_u32],
    ) {
        // Who sees only their own tickets asks for their own counts.
        let visible = if let Visible::OwnedBy(_) = visible { Visible::OwnedBy(user) } else { visible };
        let rows = log.fold::<Inbox>();
        let index = followed(Index::default(), &log.events, &[7]);
        let closed = |row: &TicketRow| {
            rows.statuses.rows().iter().any(|s| s.status == row.status && s.category == "closed")
        };
        let count = |test: &dyn Fn(&TicketRow) -> bool| {
            let seen = |row: &&&TicketRow| visible.shows(row) && test(row);
            (rows.tickets.rows().iter().filter(seen).count() as u32).min(most)
        };
        let called = |row: &TicketRow| {
            rows.mentions.rows().iter().any(|m| (m.user_id, m.ticket) == (user.0, row.ticket))
        };
        let unowned = |row: &TicketRow| row.owner_user.is_none() && row.owner_team.is_none();
        prop_assert_eq!(index.counts(user, visible, most), Counts {
            unassigned: count(&|row| !closed(row) && unowned(row)),
            mine: count(&|row| !closed(row) && row.owner_user == Some(user.0)),
            mentions: count(&|row| called(row)),
            open: count(&|row| !closed(row)),
            closed: count(&|row| closed(row)),
        });
    }

    #[test]
    fn started_from_rows_anywhere_and_followed_is_followed_from_the_beginning(
        log in histories(90),
        cut in any::<prop::sample::Index>(),
        sizes in prop::collection::vec(1..20_usize, 1..4),
    ) {
        let whole = Picture::of(&followed(Index::default(), &log.events, &sizes));
        let (before, after) = log.events.split_at(cut.index(log.events.len()));
        let rows = event_store::projection::fold_in_memory::<Inbox>(before).unwrap();
        let index = followed(started(&rows), after, &sizes);
        prop_assert_eq!(Picture::of(&index), Picture::of(&started(&log.fold::<Inbox>())));
        prop_assert_eq!(Picture::of(&index), whole);
    }

    #[test]
    fn nobody_finds_a_ticket_their_scope_does_not_see_x03(
        log in histories(90),
        user in prop::sample::select(vec![ANNA, BERT, CLEO, UserId(id(0xd))]),
        role in prop::sample::select(vec![
            Role::SuperAdmin, Role::AccountAdmin, Role::Agent, Role::LightAgent,
        ]),
        reach in prop::sample::select(vec![Reach::Nothing, Reach::Owned, Reach::Everything]),
    ) {
        let scope = Scope::of(role, user).within(reach);
        let visible = Visible::of(&scope, Actor::user(user.0));
        let rows = log.fold::<Inbox>();
        let index = followed(Index::default(), &log.events, &[5]);
        let order = (Sort::Number, Direction::Ascending);
        let found = paged(&index, &rows, (&Filter::default(), visible), order, 4);
        let mut seen: Vec<&TicketRow> =
            rows.tickets.rows().into_iter().filter(|row| scope.sees(&sight(row))).collect();
        seen.sort_by_key(|row| (row.number, row.ticket));
        prop_assert_eq!(found, seen.iter().map(|row| row.ticket).collect::<Vec<_>>());
        for row in rows.tickets.rows() {
            prop_assert_eq!(visible.shows(row), scope.sees(&sight(row)));
        }
    }

    #[test]
    fn a_ticket_that_goes_leaves_no_trace(log in histories(60), gone in any::<prop::sample::Index>()) {
        let rows = log.fold::<Inbox>();
        let tickets: Vec<Uuid> = rows.tickets.rows().iter().map(|row| row.ticket).collect();
        prop_assume!(!tickets.is_empty());
        let gone = tickets[gone.index(tickets.len())];
        let mut index = started(&rows);
        index.remove(gone);
        prop_assert_eq!(index.kept(gone), None);
        let all = Filter::default();
        for sort in SORTS {
            let order = (sort, Direction::Ascending);
            let mut expected = scanned(&rows, (&all, Visible::Everything), order);
            expected.retain(|ticket| *ticket != gone);
            prop_assert_eq!(paged(&index, &rows, (&all, Visible::Everything), order, 7), expected);
        }
        index.put(&crate::inbox::facets::kept::Kept::of(
            rows.tickets.rows().into_iter().find(|row| row.ticket == gone).unwrap(),
        ));
        for user in [ANNA, BERT, CLEO] {
            for row in rows.mentions.rows().iter().filter(|row| row.user_id == user.0) {
                index.mention(row.user_id, row.ticket);
            }
        }
        prop_assert_eq!(Picture::of(&index), Picture::of(&started(&rows)));
    }
}

#[test]
fn a_default_view_without_any_status_of_its_kind_shows_nothing_v01() {
    let index = Index::default();
    for view in [DefaultView::Open, DefaultView::Closed, DefaultView::Mine] {
        assert_eq!(index.filter_of(view, ANNA), None, "{view:?}");
    }
    assert_eq!(index.counts(ANNA, Visible::Everything, 1_000), Counts::default());
}
