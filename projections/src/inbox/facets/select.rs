//! Which tickets a filter means, as a bitmap, and the page of them in an order.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::Hash;
use std::ops::RangeInclusive;

use events::pipeline::StatusCategory;
use events::{StatusId, UserId};
use roaring::{MultiOps, RoaringBitmap};
use uuid::Uuid;

use super::facet::Facet;
use super::index::{Index, place_of};
use super::order::{Place, Run};
use crate::cursor::Cursor;
use crate::inbox::fold::priority_number;
use crate::inbox::{Counts, DefaultView, Direction, Filter, Sort, Visible, category_word};
use crate::kinds::word;

/// How many of the best so far are looked through at once when a page is picked.
const PICKED_MAX: usize = 4_096;

/// A ticket of a page: where it stands, and as of which of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) place: Cursor,
    pub(super) version: i32,
}

/// A condition on a time: the order it is about, and from when to when.
type Period = (Sort, RangeInclusive<i64>);

impl Index {
    /// The tickets that match everything in a filter but its times and contacts, of those somebody may see.
    pub(super) fn matching(&self, filter: &Filter, visible: Visible) -> Cow<'_, RoaringBitmap> {
        if visible == Visible::Nothing {
            return Cow::Owned(RoaringBitmap::new());
        }
        let mut sets: Vec<Cow<'_, RoaringBitmap>> = Vec::new();
        let (statuses, pipelines) = (ids(&filter.statuses), ids(&filter.pipelines));
        if !(statuses.is_empty() && pipelines.is_empty()) {
            let meant =
                |place: &(Uuid, Uuid)| among(&pipelines, &place.0) && among(&statuses, &place.1);
            sets.push(self.of_those(&self.places, meant));
        }
        sets.extend(self.owned_by(filter, visible.only_owner()));
        if !filter.priorities.is_empty() {
            let meant: HashSet<i16> =
                filter.priorities.iter().map(|priority| priority_number(*priority)).collect();
            sets.push(self.of_those(&self.priorities, |priority| meant.contains(priority)));
        }
        if !filter.categories.is_empty() {
            let meant: HashSet<&String> = filter.categories.iter().collect();
            let test =
                |word: &Option<String>| word.as_ref().is_some_and(|word| meant.contains(word));
            sets.push(self.of_those(&self.categories, test));
        }
        if !filter.sources.is_empty() {
            let meant: HashSet<String> = filter.sources.iter().map(word).collect();
            sets.push(self.of_those(&self.sources, |source| meant.contains(source)));
        }
        if !filter.tags.is_empty() {
            let tagged = filter.tags.iter().filter_map(|tag| self.tags.with(tag)).collect();
            sets.push(union(tagged));
        }
        intersection(sets).unwrap_or(Cow::Borrowed(&self.all))
    }

    /// Who is responsible, and who may see it, is one question about the same values.
    fn owned_by(&self, filter: &Filter, only: Option<Uuid>) -> Option<Cow<'_, RoaringBitmap>> {
        let (users, teams) = (ids(&filter.owners), ids(&filter.teams));
        if only.is_none() && users.is_empty() && teams.is_empty() && filter.owned.is_none() {
            return None;
        }
        let one_of = |wanted: &HashSet<Uuid>, id: &Option<Uuid>| {
            wanted.is_empty() || id.is_some_and(|id| wanted.contains(&id))
        };
        Some(self.of_those(&self.owners, |(user, team)| {
            only.is_none_or(|only| *user == Some(only))
                && one_of(&users, user)
                && one_of(&teams, team)
                && filter.owned.is_none_or(|owned| owned == (user.is_some() || team.is_some()))
        }))
    }

    /// The tickets whose value passes a test, of a facet in which each has exactly one.
    fn of_those<'a, K: Clone + Eq + Hash>(
        &'a self,
        facet: &'a Facet<K>,
        test: impl Fn(&K) -> bool,
    ) -> Cow<'a, RoaringBitmap> {
        let others = facet.of_those(|value| !test(value));
        let meant = facet.of_those(&test);
        if meant.len() > others.len() + 1 {
            return Cow::Owned(&self.all - union(others).as_ref());
        }
        union(meant)
    }

    /// A page of a set of tickets, `wanted` long at most. Walks along the order while that may be cheaper, else picks the best
    /// out of the fewest that can match: never more than twice the work of the better way.
    pub(super) fn page(
        &self,
        set: &RoaringBitmap,
        filter: &Filter,
        (sort, direction): (Sort, Direction),
        after: Option<Cursor>,
        wanted: usize,
    ) -> Vec<Found> {
        let periods = periods(filter);
        let after = after.map(|cursor| place_after(cursor, sort));
        let runs: Vec<(Sort, Run<'_>)> =
            periods.iter().map(|(sort, range)| (*sort, self.during(*sort, range))).collect();
        let fewest = runs.iter().min_by_key(|(_, run)| run.len());
        let matching = usize::try_from(set.len()).unwrap_or(usize::MAX);
        let budget = fewest.map_or(matching, |(_, run)| run.len().min(matching));
        let passes = |number: u32| set.contains(number) && self.is_during(number, &periods);
        let (order, place) = self.order(sort);
        let mut run = match after {
            Some(after) => order.beyond(after, direction, &place),
            None => order.all(),
        };
        for (_, other) in runs.iter().filter(|(about, _)| *about == sort) {
            run = run.within(other);
        }
        if let Some(found) = walk(&run, direction, budget, wanted, passes) {
            return found.into_iter().filter_map(|number| self.found(number, sort)).collect();
        }
        let candidates: Box<dyn Iterator<Item = u32> + '_> = match fewest {
            Some((_, run)) if run.len() < matching => Box::new(run.tickets()),
            Some(_) | None => Box::new(set.iter()),
        };
        let behind = |place: &Place| after.is_none_or(|after| comes(*place, after, direction));
        let places =
            candidates.filter(|number| passes(*number)).map(|number| (place(number), number));
        pick(places.filter(|(place, _)| behind(place)), direction, wanted)
            .into_iter()
            .filter_map(|number| self.found(number, sort))
            .collect()
    }

    /// The filter of a default view; none when no ticket can be in it, or it is sorted by something the index does not keep.
    pub(super) fn filter_of(&self, view: DefaultView, user: UserId) -> Option<Filter> {
        let closed = category_word(StatusCategory::Closed);
        let meant = self
            .statuses
            .values()
            .filter(|status| (status.category == closed) == (view == DefaultView::Closed));
        let statuses: Vec<StatusId> = meant.map(|status| StatusId(status.status)).collect();
        let all = Filter { statuses, ..Filter::default() };
        if all.statuses.is_empty() {
            return None;
        }
        match view {
            DefaultView::Unassigned => Some(Filter { owned: Some(false), ..all }),
            DefaultView::Mine => Some(Filter { owners: vec![user], ..all }),
            DefaultView::Open | DefaultView::Closed => Some(all),
            DefaultView::Mentions => None,
        }
    }

    /// How many tickets the default views hold: exactly, but no number is above `most`.
    pub(super) fn counts(&self, user: UserId, visible: Visible, most: u32) -> Counts {
        let bounded = |count: u64| u32::try_from(count).unwrap_or(u32::MAX).min(most);
        let count = |view| {
            let filter = self.filter_of(view, user);
            bounded(filter.map_or(0, |filter| self.matching(&filter, visible).len()))
        };
        let seen = self.matching(&Filter::default(), visible);
        let mentions = self.mentions.get(&user.0).map_or(0, |set| set.intersection_len(&seen));
        Counts {
            unassigned: count(DefaultView::Unassigned),
            mine: count(DefaultView::Mine),
            mentions: bounded(mentions),
            open: count(DefaultView::Open),
            closed: count(DefaultView::Closed),
        }
    }

    /// The tickets with these ids, as far as they are known.
    pub(super) fn numbers_of(&self, tickets: &[Uuid]) -> RoaringBitmap {
        tickets.iter().filter_map(|ticket| self.number(*ticket)).collect()
    }

    fn during(&self, sort: Sort, range: &RangeInclusive<i64>) -> Run<'_> {
        let (order, place) = self.order(sort);
        let first = (*range.start(), i64::MIN, Uuid::nil());
        let last = (*range.end(), i64::MAX, Uuid::max());
        order.between((first, last), place)
    }

    fn is_during(&self, number: u32, periods: &[Period]) -> bool {
        periods.is_empty()
            || self.entry(number).is_some_and(|entry| {
                periods.iter().all(|(sort, range)| range.contains(&place_of(entry, *sort).0))
            })
    }

    fn found(&self, number: u32, sort: Sort) -> Option<Found> {
        let entry = self.entry(number)?;
        let (first, second, id) = place_of(entry, sort);
        Some(Found { place: Cursor { first, second, id }, version: entry.version })
    }
}

fn walk(
    run: &Run<'_>,
    direction: Direction,
    budget: usize,
    wanted: usize,
    passes: impl Fn(u32) -> bool,
) -> Option<Vec<u32>> {
    let (mut tickets, mut found) = (run.tickets(), Vec::with_capacity(wanted));
    for _ in 0..=budget {
        let next = match direction {
            Direction::Descending => tickets.next_back(),
            Direction::Ascending => tickets.next(),
        };
        let Some(number) = next else { return Some(found) };
        if passes(number) {
            found.push(number);
            if found.len() >= wanted {
                return Some(found);
            }
        }
    }
    None
}

/// The first in a direction, in order.
fn pick(
    places: impl Iterator<Item = (Place, u32)>,
    direction: Direction,
    wanted: usize,
) -> Vec<u32> {
    let by_place = |a: &(Place, u32), b: &(Place, u32)| match direction {
        Direction::Descending => b.0.cmp(&a.0),
        Direction::Ascending => a.0.cmp(&b.0),
    };
    let mut best: Vec<(Place, u32)> = Vec::new();
    for place in places {
        best.push(place);
        if best.len() >= PICKED_MAX + wanted {
            best.select_nth_unstable_by(wanted, by_place);
            best.truncate(wanted);
        }
    }
    best.sort_unstable_by(by_place);
    best.truncate(wanted);
    best.into_iter().map(|(_, number)| number).collect()
}

/// Whether a place comes behind another one in a direction.
fn comes(place: Place, after: Place, direction: Direction) -> bool {
    match direction {
        Direction::Descending => place < after,
        Direction::Ascending => place > after,
    }
}

/// Only one order sorts by a second column.
pub(super) const fn place_after(cursor: Cursor, sort: Sort) -> Place {
    let second = match sort {
        Sort::Priority => cursor.second,
        Sort::Activity | Sort::Created | Sort::Number => 0,
    };
    (cursor.first, second, cursor.id)
}

fn periods(filter: &Filter) -> Vec<Period> {
    let of = |sort, range: &Option<RangeInclusive<decider::Timestamp>>| {
        let range = range.as_ref()?;
        Some((sort, range.start().as_micros()..=range.end().as_micros()))
    };
    let periods = [of(Sort::Created, &filter.created), of(Sort::Activity, &filter.activity)];
    periods.into_iter().flatten().collect()
}

fn ids<T: Copy + Into<Uuid>>(ids: &[T]) -> HashSet<Uuid> {
    ids.iter().map(|id| (*id).into()).collect()
}

/// No condition holds for all.
fn among(wanted: &HashSet<Uuid>, id: &Uuid) -> bool {
    wanted.is_empty() || wanted.contains(id)
}

fn union(sets: Vec<&RoaringBitmap>) -> Cow<'_, RoaringBitmap> {
    match sets[..] {
        [only] => Cow::Borrowed(only),
        _ => Cow::Owned(sets.into_iter().union()),
    }
}

/// What all sets have in common, the smallest first; none when there are no sets.
fn intersection(mut sets: Vec<Cow<'_, RoaringBitmap>>) -> Option<Cow<'_, RoaringBitmap>> {
    sets.sort_unstable_by_key(|set| set.len());
    let mut sets = sets.into_iter();
    let mut common = sets.next()?;
    for set in sets {
        common = match common {
            Cow::Borrowed(borrowed) => Cow::Owned(borrowed & set.as_ref()),
            Cow::Owned(mut owned) => {
                owned &= set.as_ref();
                Cow::Owned(owned)
            }
        };
    }
    Some(common)
}
