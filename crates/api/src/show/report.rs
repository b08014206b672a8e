//! Numbers of tickets as they are shown: by what they are counted, with names.

use std::collections::BTreeMap;
use std::str::FromStr;

use commands::Directory;
use events::pipeline::StatusCategory;
use events::value::{Priority, TicketSource};
use events::{StatusId, UserId};
use projections::tally::{Count, Dimension, priority_value, source_value};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::people::{People, Wanted};
use super::words::word;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::opened::Shown;
use crate::travel::Names;

/// What tickets can be counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountedBy {
    /// Pipeline.
    Pipeline,
    /// Status.
    Status,
    /// What the status means: `open`, `waiting` or `closed`.
    StatusCategory,
    /// The user who is responsible.
    Owner,
    /// The team that is responsible.
    Team,
    /// How urgent.
    Priority,
    /// How the ticket came to be, and so by which kind of channel.
    Source,
    /// The channel it came in by.
    Channel,
}

impl CountedBy {
    /// Everything.
    pub const ALL: [Self; 8] = [
        Self::Pipeline,
        Self::Status,
        Self::StatusCategory,
        Self::Owner,
        Self::Team,
        Self::Priority,
        Self::Source,
        Self::Channel,
    ];

    /// What is counted for it.
    pub const fn dimension(self) -> Dimension {
        match self {
            Self::Pipeline => Dimension::Pipeline,
            Self::Status | Self::StatusCategory => Dimension::Status,
            Self::Owner => Dimension::Owner,
            Self::Team => Dimension::Team,
            Self::Priority => Dimension::Priority,
            Self::Source => Dimension::Source,
            Self::Channel => Dimension::Channel,
        }
    }
}

impl FromStr for CountedBy {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|by| word(by) == text).ok_or(())
    }
}

/// The tickets of one value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Group {
    /// The value: an id, or a word; null for tickets that have none.
    pub value: Option<String>,
    /// Its name then, where it has one.
    pub name: Option<Shown<String>>,
    /// How many.
    pub tickets: i64,
}

/// Tickets counted by something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Breakdown {
    /// By what.
    pub by: CountedBy,
    /// Each value that a ticket had, and how many had it; the most first. Their sum is the number of all tickets.
    pub groups: Vec<Group>,
}

/// How many there are of all: each ticket is in one pipeline.
pub fn total(counts: &[Count]) -> i64 {
    let pipelines = counts.iter().filter(|count| count.dimension == Dimension::Pipeline);
    pipelines.map(|count| count.tickets).sum()
}

/// Shows counts with the names of the time.
pub async fn show(
    app: &App,
    caller: &Caller,
    names: &Names,
    (counts, by): (&[Count], &[CountedBy]),
) -> Result<Vec<Breakdown>, ApiError> {
    let mut wanted = Wanted::default();
    let owners = counts.iter().filter(|count| count.dimension == Dimension::Owner);
    owners.for_each(|count| wanted.user(count.value));
    let people = wanted.find_current(app, caller, names).await?;
    let teller = Teller { people: &people, directory: &names.directory, total: total(counts) };
    Ok(by.iter().map(|by| teller.breakdown(*by, counts)).collect())
}

struct Teller<'a> {
    people: &'a People,
    directory: &'a Directory,
    total: i64,
}

impl Teller<'_> {
    fn breakdown(&self, by: CountedBy, counts: &[Count]) -> Breakdown {
        let counts = counts.iter().filter(|count| count.dimension == by.dimension());
        let mut sums: BTreeMap<Option<String>, i64> = BTreeMap::new();
        let mut rest = self.total;
        let mut names = BTreeMap::new();
        for count in counts {
            let (value, name) = self.told(by, count.value);
            names.insert(value.clone(), name);
            *sums.entry(Some(value)).or_default() += count.tickets;
            rest -= count.tickets;
        }
        if rest != 0 {
            sums.insert(None, rest);
        }
        let groups = sums.into_iter().map(|(value, tickets)| {
            let name = value.as_ref().and_then(|value| names.get(value).cloned().flatten());
            Group { value, name, tickets }
        });
        let mut groups: Vec<Group> = groups.filter(|group| group.tickets != 0).collect();
        groups.sort_by(|a, b| b.tickets.cmp(&a.tickets).then_with(|| a.value.cmp(&b.value)));
        if by == CountedBy::Priority {
            // Without a rank is a word of its own.
            let none = groups.iter_mut().filter(|group| group.value.is_none());
            none.for_each(|group| group.value = Some(word(&Priority::None)));
        }
        Breakdown { by, groups }
    }

    /// A value as text, and its name.
    fn told(&self, by: CountedBy, value: Uuid) -> (String, Option<Shown<String>>) {
        let open = |name: &String| Some(Shown::Open(name.clone()));
        match by {
            CountedBy::Pipeline => {
                let known = self.directory.pipeline(value.into());
                (value.to_string(), known.and_then(|known| open(&known.name)))
            }
            CountedBy::Status => {
                (value.to_string(), self.status(value).and_then(|(name, _)| open(name)))
            }
            CountedBy::StatusCategory => {
                let category = self.status(value).map_or(StatusCategory::Open, |known| known.1);
                (word(&category), None)
            }
            CountedBy::Owner => (value.to_string(), self.people.user(UserId(value).0).name),
            CountedBy::Team => (value.to_string(), None),
            CountedBy::Priority => (priority_word(value), None),
            CountedBy::Source => (source_word(value), None),
            CountedBy::Channel => {
                let known = self.directory.channel(value.into());
                (value.to_string(), known.and_then(|known| open(&known.name)))
            }
        }
    }

    fn status(&self, value: Uuid) -> Option<(&String, StatusCategory)> {
        let mut pipelines = self.directory.pipelines();
        let known = pipelines.find_map(|(_, pipeline)| pipeline.status(StatusId(value)))?;
        Some((&known.name, known.category))
    }
}

fn priority_word(value: Uuid) -> String {
    let known = [Priority::Low, Priority::Medium, Priority::High, Priority::Urgent];
    let found = known.iter().find(|priority| priority_value(**priority) == Some(value));
    found.map(word).unwrap_or_default()
}

fn source_word(value: Uuid) -> String {
    use TicketSource::{Api, Call, Chat, Email, Form, Import, Manual};
    let known = [Manual, Api, Import, Email, Form, Chat, Call];
    known.iter().find(|source| source_value(**source) == value).map(word).unwrap_or_default()
}
