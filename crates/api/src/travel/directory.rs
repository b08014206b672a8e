//! Users, pipelines, properties and channels as they were.

use std::collections::HashMap;

use commands::Directory;
use decider::{Directory as _, LogPosition, StoredEvent, Timestamp, Version};
use projections::effect::happened_at;
use uuid::Uuid;

use super::at::At;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;

/// The directory at an earlier place.
#[derive(Default)]
pub struct DirectoryThen {
    /// What was known.
    pub directory: Directory,
    /// Version, position and time of the newest event of each stream.
    newest: HashMap<Uuid, (Version, (LogPosition, Timestamp))>,
}

impl DirectoryThen {
    /// The version that a stream had.
    #[must_use]
    pub fn version(&self, stream: Uuid) -> Version {
        self.newest.get(&stream).map_or(0, |(version, _)| *version)
    }

    /// The newest event of a stream, and when it was recorded.
    #[must_use]
    pub fn newest(&self, stream: Uuid) -> (LogPosition, Timestamp) {
        self.newest.get(&stream).map(|(_, newest)| *newest).unwrap_or_default()
    }

    /// The newest event of all.
    #[must_use]
    pub fn newest_of_all(&self) -> (LogPosition, Timestamp) {
        self.newest.values().map(|(_, newest)| *newest).max().unwrap_or_default()
    }
}

/// Additions to what is there already.
const ADDITIONS: [&str; 2] = ["StatusAdded", "ChoiceAdded"];

/// Folds the directory up to a place. It is small, and its events are found by the commits that hold one.
pub async fn directory_at(app: &App, caller: &Caller, at: At) -> Result<DirectoryThen, ApiError> {
    let mut then = DirectoryThen::default();
    for event in &directory_events(app, caller).await? {
        if is_included(at, event) {
            then.directory.fold(event).map_err(ApiError::failed)?;
            let newest = (event.position, event.at);
            then.newest.insert(event.stream, (event.version, newest));
        }
    }
    Ok(then)
}

/// The directory that names are taken from: as it was at all the places given, and what came later as it was in the beginning.
/// History that was imported stands in pipelines and with users that are younger than itself.
pub async fn names_at(app: &App, caller: &Caller, places: &[At]) -> Result<Directory, ApiError> {
    let mut directory = Directory::default();
    for event in &directory_events(app, caller).await? {
        let adds = event.version == 1 || ADDITIONS.contains(&event.type_name.as_str());
        if adds || places.iter().all(|at| is_included(*at, event)) {
            directory.fold(event).map_err(ApiError::failed)?;
        }
    }
    Ok(directory)
}

async fn directory_events(app: &App, caller: &Caller) -> Result<Vec<StoredEvent>, ApiError> {
    let kinds = app.handler().directory_kinds();
    Ok(app.reader().directory_after(caller.ws, LogPosition(0), kinds).await?)
}

fn is_included(at: At, event: &StoredEvent) -> bool {
    match at {
        At::Position(position) => event.position <= position,
        At::Instant(instant) => happened_at(event) <= instant,
    }
}
