//! Random histories with every value that lists are filtered by, random filters, and an index as something to compare.

use std::collections::{BTreeMap, BTreeSet};

use decider::{StoredEvent, Timestamp};
use events::pipeline::{PipelineCreated, StatusCategory, StatusDefinition};
use events::ticket::{CommentAdded, OwnerChanged, TagsChanged, TicketCreated};
use events::value::{Owner, OwnerChangeReason, Priority, TicketSource};
use events::{CommentId, PipelineEvent, StatusId, TeamId, TicketId, UserId};
use proptest::prelude::*;
use proptest::sample::subsequence;
use roaring::RoaringBitmap;
use uuid::Uuid;

use crate::inbox::facets::index::Index;
use crate::inbox::facets::kept::Kept;
use crate::inbox::{Filter, InboxRows, PipelineRow, Sort, StatusRow};
use crate::tests::history::{Step, play, steps};
use crate::tests::log::{ANNA, BERT, DAY, Log, created, id, sealed};

/// A user who owns nothing at first, two teams, a second pipeline.
pub const CLEO: UserId = UserId(id(0xc));
const TEAMS: [TeamId; 2] = [TeamId(id(0x70)), TeamId(id(0x71))];
const OTHER_PIPELINE: u128 = 200;
const TAGS: [&str; 4] = ["vip", "back\\slash", "rare", "never"];

/// What happens beside the usual: which ticket, what, with which value.
type Extra = (u8, u8, u8);

pub fn histories(most: usize) -> impl Strategy<Value = Log> {
    let extras = prop::collection::vec((0..30_u8, 0..6_u8, 0..6_u8), 0..most);
    (steps(most), extras).prop_map(|(steps, extras)| log_of(&steps, &extras))
}

pub fn log_of(steps: &[Step], extras: &[Extra]) -> Log {
    let mut log = Log::new();
    play(&mut log, steps);
    live_on(&mut log, extras);
    log
}

/// What [`play`] leaves out: teams, sources, a second pipeline, equal times, users who are called on many tickets.
pub fn live_on(log: &mut Log, extras: &[Extra]) {
    let status = StatusDefinition {
        id: StatusId(id(201)),
        name: "Other".to_owned(),
        category: StatusCategory::Open,
        required_properties: Vec::new(),
    };
    let created_pipeline = PipelineCreated { name: "Other".to_owned(), statuses: vec![status] };
    log.add::<PipelineEvent>(id(OTHER_PIPELINE), created_pipeline);
    let mut tickets: Vec<TicketId> = tickets_in(&log.events);
    for (number, (target, what, detail)) in extras.iter().enumerate() {
        let detail = u128::from(*detail);
        if *what == 0 || tickets.is_empty() {
            let ticket = TicketId(id(90_000 + number as u128));
            let sources = [TicketSource::Email, TicketSource::Manual, TicketSource::Import];
            let source = sources[detail as usize % 3];
            let event = TicketCreated { source, ..created(9_000 + number as u64, (200, 201)) };
            log.add_at::<events::TicketEvent>(ticket, DAY * (detail as i64 % 3), event);
            tickets.push(ticket);
            continue;
        }
        let ticket = tickets[usize::from(*target) % tickets.len()];
        let at = DAY * (3 + detail as i64 % 2);
        match what {
            1 | 2 => log.add_at::<events::TicketEvent>(ticket, at, owned(detail)),
            3 | 4 => {
                let tag = |n: u128| vec![TAGS[n as usize % 3].to_owned()];
                let event = TagsChanged { added: tag(detail), removed: tag(detail + 1) };
                log.add_at::<events::TicketEvent>(ticket, at, event)
            }
            _ => log.ticket(ticket, called(number as u128)),
        };
    }
}

fn tickets_in(events: &[StoredEvent]) -> Vec<TicketId> {
    let tickets = events.iter().filter(|event| event.kind == "ticket").map(|event| event.stream);
    tickets.collect::<BTreeSet<Uuid>>().into_iter().map(TicketId).collect()
}

fn owned(detail: u128) -> OwnerChanged {
    let to = match detail {
        0 => None,
        1 => Some(Owner { user: None, team: Some(TEAMS[0]) }),
        2 => Some(Owner { user: Some(ANNA), team: Some(TEAMS[1]) }),
        3 => Some(Owner { user: Some(CLEO), team: Some(TEAMS[0]) }),
        _ => Some(Owner::user(CLEO)),
    };
    OwnerChanged { from: None, to, reason: OwnerChangeReason::Manual, note: None }
}

fn called(number: u128) -> CommentAdded {
    let text = sealed(&decider::KeyScope::content(id(number), Vec::new()), "Look");
    CommentAdded {
        comment: CommentId(id(80_000 + number)),
        text: text.clone(),
        html: None,
        preview: text,
        mentions: vec![CLEO],
        attachments: Vec::new(),
    }
}

/// Some of these values, often none.
fn some<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = Vec<T>> {
    let most = values.len();
    prop_oneof![3 => Just(Vec::new()), 2 => subsequence(values, 1..=most)]
}

fn period() -> impl Strategy<Value = Option<std::ops::RangeInclusive<Timestamp>>> {
    let instants = [i64::MIN, 0, DAY, DAY + 600_000_000, DAY * 3, DAY * 4, i64::MAX];
    let at = move |index: usize| Timestamp::from_micros(instants[index]);
    prop_oneof![
        3 => Just(None),
        2 => (0..7_usize, 0..7_usize).prop_map(move |(from, to)| Some(at(from)..=at(to))),
    ]
}

pub fn filters() -> impl Strategy<Value = Filter> {
    let places = (
        some([101, 102, 103, 201, 999].map(|n| StatusId(id(n))).to_vec()),
        some(vec![id(100).into(), id(OTHER_PIPELINE).into()]),
    );
    let owners = (
        some(vec![ANNA, BERT, CLEO, UserId(id(0xd))]),
        some(TEAMS.to_vec()),
        prop_oneof![2 => Just(None), 1 => any::<bool>().prop_map(Some)],
    );
    let words = (
        some(vec![Priority::None, Priority::Low, Priority::High, Priority::Urgent]),
        some(TAGS.map(str::to_owned).to_vec()),
        some(["c0", "c1", "c5", "none"].map(str::to_owned).to_vec()),
        some(vec![TicketSource::Email, TicketSource::Manual]),
        some((500..504).map(|n| id(n).into()).collect()),
    );
    (places, owners, words, period(), period()).prop_map(
        |((statuses, pipelines), (owners, teams, owned), words, created, activity)| {
            let (priorities, tags, categories, sources, contacts) = words;
            Filter {
                statuses,
                pipelines,
                owners,
                teams,
                owned,
                priorities,
                tags,
                categories,
                sources,
                contacts,
                created,
                activity,
            }
        },
    )
}

/// An index that has read nothing and folds these events in batches of such sizes.
pub fn followed(mut index: Index, events: &[StoredEvent], sizes: &[usize]) -> Index {
    let (mut rest, mut sizes) = (events, sizes.iter().cycle());
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |size| (*size).clamp(1, rest.len()));
        let (now, later) = rest.split_at(size);
        let changed = index.fold(&now.iter().collect::<Vec<_>>()).unwrap();
        index.take_in(&changed);
        rest = later;
    }
    index
}

/// An index read from rows, as from the tables.
pub fn started(rows: &InboxRows) -> Index {
    let mut index = Index::default();
    for row in rows.statuses.rows() {
        index.statuses.insert(row.status, row.clone());
    }
    for row in rows.pipelines.rows() {
        index.pipelines.insert(row.pipeline, row.clone());
    }
    for row in rows.tickets.rows() {
        index.push(&Kept::of(row));
    }
    for row in rows.mentions.rows() {
        index.mention(row.user_id, row.ticket);
    }
    index.sort();
    index
}

/// Everything an index says, without its numbers.
#[derive(Debug, PartialEq)]
pub struct Picture {
    tickets: BTreeMap<Uuid, Kept>,
    orders: Vec<Vec<Uuid>>,
    values: BTreeMap<String, BTreeSet<Uuid>>,
    statuses: BTreeMap<Uuid, StatusRow>,
    pipelines: BTreeMap<Uuid, PipelineRow>,
}

impl Picture {
    pub fn of(index: &Index) -> Self {
        let ticket = |number: u32| index.entry(number).unwrap().ticket;
        let set = |tickets: &RoaringBitmap| tickets.iter().map(ticket).collect::<BTreeSet<_>>();
        let mut values = BTreeMap::new();
        let mut note = |what: String, tickets: &RoaringBitmap| values.insert(what, set(tickets));
        index.places.iter().for_each(|(value, on)| drop(note(format!("place {value:?}"), on)));
        index.owners.iter().for_each(|(value, on)| drop(note(format!("owner {value:?}"), on)));
        index.priorities.iter().for_each(|(value, on)| drop(note(format!("rank {value}"), on)));
        index.categories.iter().for_each(|(value, on)| drop(note(format!("cat {value:?}"), on)));
        index.sources.iter().for_each(|(value, on)| drop(note(format!("from {value}"), on)));
        index.tags.iter().for_each(|(value, on)| drop(note(format!("tag {value}"), on)));
        index.mentions.iter().for_each(|(user, on)| drop(note(format!("called {user}"), on)));
        let order = |sort| index.order(sort).0.all().tickets().map(ticket).collect();
        let all = set(&index.all);
        let kept = |ticket: &Uuid| (*ticket, index.kept(*ticket).unwrap());
        Self {
            tickets: all.iter().map(kept).collect(),
            orders: [Sort::Activity, Sort::Created, Sort::Number, Sort::Priority]
                .map(order)
                .to_vec(),
            values,
            statuses: index.statuses.clone().into_iter().collect(),
            pipelines: index.pipelines.clone().into_iter().collect(),
        }
    }
}
