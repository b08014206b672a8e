//! The index of one workspace: tickets are numbered; each value of a facet has a bitmap of them, each order a list.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use event_store::projection::{Checkpoint, Quarantine};
use hashbrown::HashTable;
use roaring::RoaringBitmap;
use uuid::Uuid;

use super::facet::{Code, Facet, bytes_of};
use super::kept::{Entry, Kept};
use super::order::{Order, Place};
use crate::inbox::{PipelineRow, Sort, StatusRow, TicketRow};

/// A workspace's tickets by their values and in their orders.
pub(super) struct Index {
    entries: Vec<Entry>,
    /// Finds the number of a ticket by its id, which stands in its entry.
    numbers: HashTable<u32>,
    hasher: RandomState,
    /// Tickets that are there; a number is not given twice.
    pub(super) all: RoaringBitmap,
    /// Pipeline and status.
    pub(super) places: Facet<(Uuid, Uuid)>,
    /// User and team.
    pub(super) owners: Facet<(Option<Uuid>, Option<Uuid>)>,
    pub(super) priorities: Facet<i16>,
    pub(super) categories: Facet<Option<String>>,
    pub(super) sources: Facet<String>,
    pub(super) tags: Facet<String>,
    tags_of: HashMap<u32, Box<[Code]>>,
    /// Users who were called by name, with the tickets.
    pub(super) mentions: HashMap<Uuid, RoaringBitmap>,
    pub(super) statuses: HashMap<Uuid, StatusRow>,
    pub(super) pipelines: HashMap<Uuid, PipelineRow>,
    orders: Orders,
    /// How far it has folded the log.
    pub(super) checkpoint: Checkpoint,
    /// The streams it leaves out, as the tables do.
    pub(super) without: Quarantine,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            numbers: HashTable::new(),
            hasher: RandomState::new(),
            all: RoaringBitmap::new(),
            places: Facet::default(),
            owners: Facet::default(),
            priorities: Facet::default(),
            categories: Facet::default(),
            sources: Facet::default(),
            tags: Facet::default(),
            tags_of: HashMap::new(),
            mentions: HashMap::new(),
            statuses: HashMap::new(),
            pipelines: HashMap::new(),
            orders: Orders::default(),
            checkpoint: Checkpoint::START,
            without: Quarantine::default(),
        }
    }
}

#[derive(Default)]
struct Orders {
    activity: Order,
    created: Order,
    number: Order,
    priority: Order,
}

const SORTS: [Sort; 4] = [Sort::Activity, Sort::Created, Sort::Number, Sort::Priority];

impl Orders {
    const fn of(&self, sort: Sort) -> &Order {
        match sort {
            Sort::Activity => &self.activity,
            Sort::Created => &self.created,
            Sort::Number => &self.number,
            Sort::Priority => &self.priority,
        }
    }

    const fn of_mut(&mut self, sort: Sort) -> &mut Order {
        match sort {
            Sort::Activity => &mut self.activity,
            Sort::Created => &mut self.created,
            Sort::Number => &mut self.number,
            Sort::Priority => &mut self.priority,
        }
    }
}

impl Sort {
    /// Where a row stands in this order.
    pub(super) const fn place(self, row: &TicketRow) -> Place {
        match self {
            Self::Activity => (row.last_activity_at, 0, row.ticket),
            Self::Created => (row.created_at, 0, row.ticket),
            Self::Number => (row.number, 0, row.ticket),
            Self::Priority => (row.priority as i64, row.last_activity_at, row.ticket),
        }
    }
}

/// Where an entry stands in an order.
pub(super) const fn place_of(entry: &Entry, sort: Sort) -> Place {
    match sort {
        Sort::Activity => (entry.last_activity_at, 0, entry.ticket),
        Sort::Created => (entry.created_at, 0, entry.ticket),
        Sort::Number => (entry.number, 0, entry.ticket),
        Sort::Priority => (entry.priority as i64, entry.last_activity_at, entry.ticket),
    }
}

impl Index {
    /// Takes a ticket in as it stands now.
    pub(super) fn put(&mut self, kept: &Kept) {
        match self.number(kept.ticket) {
            None => {
                let number = self.push(kept);
                for sort in SORTS {
                    self.order_in(sort, number);
                }
            }
            Some(number) => self.change(number, kept),
        }
    }

    /// Takes a new ticket in without a place in the orders: for many at once, before [`Self::sort`].
    pub(super) fn push(&mut self, kept: &Kept) -> u32 {
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let entry = self.encode(kept);
        if self.entries.len() == self.entries.capacity() {
            // By an eighth, not by as much again.
            self.entries.reserve_exact(self.entries.len() / 8 + 64);
        }
        self.entries.push(entry);
        let (entries, hasher) = (&self.entries, &self.hasher);
        let rehash = |number: &u32| hash(hasher, entries, *number);
        self.numbers.insert_unique(hasher.hash_one(kept.ticket), number, rehash);
        self.all.insert(number);
        self.put_values(number, &entry);
        self.put_tags(number, &kept.tags);
        number
    }

    /// Puts all tickets in order.
    pub(super) fn sort(&mut self) {
        for sort in SORTS {
            let entries = &self.entries;
            let mut numbers: Vec<u32> = self.all.iter().collect();
            let place = |number: &u32| place_at(entries, *number, sort);
            numbers.sort_unstable_by_key(place);
            *self.orders.of_mut(sort) = Order::of_sorted(&numbers);
        }
    }

    /// Takes a ticket away.
    pub(super) fn remove(&mut self, ticket: Uuid) {
        let Some(number) = self.number(ticket) else { return };
        for sort in SORTS {
            self.order_out(sort, number);
        }
        self.take_values(number);
        self.put_tags(number, &[]);
        self.all.remove(number);
        for tickets in self.mentions.values_mut() {
            tickets.remove(number);
        }
        let entries = &self.entries;
        let is_it = |known: &u32| *known == number;
        let hashed = hash(&self.hasher, entries, number);
        if let Ok(found) = self.numbers.find_entry(hashed, is_it) {
            found.remove();
        }
    }

    /// A user was called by name on a ticket.
    pub(super) fn mention(&mut self, user: Uuid, ticket: Uuid) {
        if let Some(number) = self.number(ticket) {
            self.mentions.entry(user).or_default().insert(number);
        }
    }

    /// What is kept of a ticket.
    pub(super) fn kept(&self, ticket: Uuid) -> Option<Kept> {
        let number = self.number(ticket)?;
        let entry = self.entry(number)?;
        let (pipeline, status) = *self.places.value(entry.place)?;
        let (owner_user, owner_team) = *self.owners.value(entry.owner)?;
        let tags = self.tags_of.get(&number).map_or(&[][..], |tags| tags);
        Some(Kept {
            ticket,
            number: entry.number,
            pipeline,
            status,
            priority: entry.priority,
            category: self.categories.value(entry.category)?.clone(),
            source: self.sources.value(entry.source)?.clone(),
            owner_user,
            owner_team,
            tags: tags.iter().filter_map(|code| self.tags.value(*code).cloned()).collect(),
            created_at: entry.created_at,
            last_activity_at: entry.last_activity_at,
            version: entry.version,
        })
    }

    /// The number of a ticket.
    pub(super) fn number(&self, ticket: Uuid) -> Option<u32> {
        let is_it = |number: &u32| self.entry(*number).is_some_and(|entry| entry.ticket == ticket);
        self.numbers.find(self.hasher.hash_one(ticket), is_it).copied()
    }

    /// The entry with a number.
    pub(super) fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(number as usize)
    }

    /// An order, and where a ticket stands in it.
    pub(super) fn order(&self, sort: Sort) -> (&Order, impl Fn(u32) -> Place) {
        (self.orders.of(sort), move |number| place_at(&self.entries, number, sort))
    }

    /// How many tickets there are.
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.all.len()).unwrap_or(usize::MAX)
    }

    /// Bytes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let facets = self.places.bytes(|_| 0)
            + self.owners.bytes(|_| 0)
            + self.priorities.bytes(|_| 0)
            + self.categories.bytes(|word| word.as_ref().map_or(0, String::capacity))
            + self.sources.bytes(String::capacity)
            + self.tags.bytes(String::capacity);
        let tags = self.tags_of.capacity() * (size_of::<(u32, Box<[Code]>)>() + 1)
            + self.tags_of.values().map(|tags| tags.len() * 4 + 16).sum::<usize>();
        let mentions: usize = self.mentions.values().map(|set| bytes_of(set) + 64).sum();
        let orders: usize = SORTS.iter().map(|sort| self.orders.of(*sort).bytes()).sum();
        self.entries.capacity() * size_of::<Entry>()
            + self.numbers.allocation_size()
            + bytes_of(&self.all)
            + facets
            + tags
            + mentions
            + orders
    }

    fn change(&mut self, number: u32, kept: &Kept) {
        let entry = self.encode(kept);
        let Some(before) = self.entry(number).copied() else { return };
        let moved = |sort: &Sort| place_of(&before, *sort) != place_of(&entry, *sort);
        let moved: Vec<Sort> = SORTS.into_iter().filter(moved).collect();
        for sort in &moved {
            self.order_out(*sort, number);
        }
        self.take_values(number);
        self.entries[number as usize] = entry;
        self.put_values(number, &entry);
        self.put_tags(number, &kept.tags);
        for sort in moved {
            self.order_in(sort, number);
        }
    }

    fn encode(&mut self, kept: &Kept) -> Entry {
        Entry {
            ticket: kept.ticket,
            number: kept.number,
            created_at: kept.created_at,
            last_activity_at: kept.last_activity_at,
            version: kept.version,
            place: self.places.code(&(kept.pipeline, kept.status)),
            owner: self.owners.code(&(kept.owner_user, kept.owner_team)),
            category: self.categories.code(&kept.category),
            source: self.sources.code(&kept.source),
            priority: kept.priority,
        }
    }

    fn put_values(&mut self, number: u32, entry: &Entry) {
        self.places.insert(entry.place, number);
        self.owners.insert(entry.owner, number);
        self.categories.insert(entry.category, number);
        self.sources.insert(entry.source, number);
        let priority = self.priorities.code(&entry.priority);
        self.priorities.insert(priority, number);
    }

    fn take_values(&mut self, number: u32) {
        let Some(entry) = self.entry(number).copied() else { return };
        self.places.remove(entry.place, number);
        self.owners.remove(entry.owner, number);
        self.categories.remove(entry.category, number);
        self.sources.remove(entry.source, number);
        let priority = self.priorities.code(&entry.priority);
        self.priorities.remove(priority, number);
    }

    fn put_tags(&mut self, number: u32, tags: &[String]) {
        let codes: Box<[Code]> = tags.iter().map(|tag| self.tags.code(tag)).collect();
        if self.tags_of.get(&number).map_or(&[][..], |known| known) == &*codes {
            return;
        }
        for code in self.tags_of.remove(&number).unwrap_or_default() {
            self.tags.remove(code, number);
        }
        codes.iter().for_each(|code| self.tags.insert(*code, number));
        if !codes.is_empty() {
            self.tags_of.insert(number, codes);
        }
    }

    fn order_in(&mut self, sort: Sort, number: u32) {
        let entries = &self.entries;
        self.orders.of_mut(sort).insert(number, |number| place_at(entries, number, sort));
    }

    fn order_out(&mut self, sort: Sort, number: u32) {
        let entries = &self.entries;
        self.orders.of_mut(sort).remove(number, |number| place_at(entries, number, sort));
    }
}

/// A number that no entry has stands nowhere; orders hold none.
fn place_at(entries: &[Entry], number: u32, sort: Sort) -> Place {
    entries.get(number as usize).map_or((0, 0, Uuid::nil()), |entry| place_of(entry, sort))
}

fn hash(hasher: &RandomState, entries: &[Entry], number: u32) -> u64 {
    hasher.hash_one(entries.get(number as usize).map_or(Uuid::nil(), |entry| entry.ticket))
}
