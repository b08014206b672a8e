//! The newest notes of one workspace, shared by all its connections.

use std::collections::VecDeque;
use std::sync::Arc;

use decider::LogPosition;
use event_store::log::Bookmark;

use super::note::Note;

/// The newest notes, without holes.
#[derive(Default)]
pub struct Ring {
    notes: VecDeque<Arc<Note>>,
    /// What came after this position, up to `end`, is here.
    start: LogPosition,
    end: Bookmark,
    /// What came after this position says who sees its ticket.
    sighted: Option<LogPosition>,
    kept_max: usize,
}

impl Ring {
    /// An empty one that begins after a position and keeps so many notes.
    pub fn after_position(position: LogPosition, kept_max: usize) -> Self {
        Self { start: position, end: Bookmark::unmarked(position), kept_max, ..Self::default() }
    }

    /// Takes in what came up to `end`; `sighted` tells whether it says who sees its tickets.
    pub fn push(&mut self, notes: Vec<Arc<Note>>, end: Bookmark, sighted: bool) {
        self.sighted = sighted.then(|| self.sighted.unwrap_or(self.end.position));
        self.end = end;
        self.notes.extend(notes);
        while self.notes.len() > self.kept_max
            && let Some(dropped) = self.notes.pop_front()
        {
            self.start = dropped.last.position;
        }
    }

    /// At most `max` notes after a position, and how far they reach; none when they are no longer, or not yet, here.
    pub fn after(
        &self,
        reached: Bookmark,
        limited: bool,
        max: usize,
    ) -> Option<(Vec<Arc<Note>>, Bookmark)> {
        let first = if limited { self.sighted?.max(self.start) } else { self.start };
        if reached.position < first {
            return None;
        }
        let skip = self.notes.partition_point(|note| note.last.position <= reached.position);
        let notes: Vec<_> = self.notes.range(skip..).take(max).cloned().collect();
        let reached = match notes.last() {
            Some(last) if notes.len() == max => last.last,
            Some(_) | None if reached.position > self.end.position => reached,
            Some(_) | None => self.end,
        };
        Some((notes, reached))
    }
}
