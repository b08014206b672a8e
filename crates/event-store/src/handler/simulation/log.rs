//! The log in memory: what `es.append` promises, written down a second time.

use std::collections::HashMap;

use decider::{CommandId, LogPosition, StoredEvent, Timestamp, Version, WorkspaceId};
use uuid::Uuid;

use crate::log::{
    AppendBatch, Appended, BadClaim, Base, ClaimRow, CommandRow, CommitInput, Duplicate, Head,
    Problems, commit_hash,
};

/// A commit and the commands in it.
pub struct Written {
    pub head: Head,
    pub commands: Vec<CommandId>,
    content: [u8; 32],
    node: Uuid,
}

/// A key that exists already: nothing was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken(pub &'static str);

/// The tables of one workspace.
#[derive(Default)]
pub struct Log {
    pub commits: Vec<Written>,
    pub events: Vec<StoredEvent>,
    pub commands: HashMap<CommandId, CommandRow>,
    versions: HashMap<Uuid, Version>,
    claims: HashMap<(&'static str, Vec<u8>), ClaimRow>,
}

impl Log {
    pub fn head(&self) -> Head {
        self.commits.last().map_or(Head::EMPTY, |written| written.head)
    }

    pub fn version(&self, stream: Uuid) -> Version {
        self.versions.get(&stream).copied().unwrap_or(0)
    }

    pub fn claim(&self, scope: &'static str, mac: &[u8]) -> ClaimRow {
        self.claims.get(&(scope, mac.to_vec())).copied().unwrap_or_default()
    }

    /// The function of the database, step by step.
    pub fn append(
        &mut self,
        ws: WorkspaceId,
        (node, now): (Uuid, Timestamp),
        base: &Base,
        batch: &AppendBatch,
    ) -> Result<Appended, Taken> {
        let head = self.head();
        let (ahead, behind) = base.behind.map_or((0, None), |(n, content)| (n, Some(content)));
        let after = base.head.commit + ahead;
        if head.commit < after {
            return Ok(Appended::Early);
        }
        if let (Some(newest), Some(content)) = (self.commits.last(), behind)
            && (newest.content, newest.node) != (content, node)
        {
            return Ok(Appended::Stale(head));
        }
        let same = behind.is_some() || head.hash == base.head.hash;
        let sure = base.sure && head.commit == after && same;
        if !sure {
            let duplicates = self.duplicates(batch);
            if !duplicates.is_empty() {
                return Ok(Appended::Refused(Problems { duplicates, ..Problems::default() }));
            }
        }
        let numbers_moved = batch.numbers > 0 && head.number != base.head.number;
        if head.directory != base.head.directory || numbers_moved {
            return Ok(Appended::Stale(head));
        }
        if !sure {
            let problems = self.unmet_guards(batch);
            if problems != Problems::default() {
                return Ok(Appended::Refused(problems));
            }
        }
        self.check_keys(batch)?;
        Ok(Appended::Written(self.write(ws, (node, now), batch)))
    }

    fn duplicates(&self, batch: &AppendBatch) -> Vec<Duplicate> {
        let known = batch.commands.iter().enumerate().filter_map(|(index, (id, hash, ..))| {
            let row = self.commands.get(&CommandId(*id))?;
            Some(Duplicate {
                index,
                first_pos: row.first_pos,
                events: row.events,
                same_body: row.body_hash == *hash,
            })
        });
        known.collect()
    }

    fn unmet_guards(&self, batch: &AppendBatch) -> Problems {
        let mut streams: Vec<(Uuid, Version)> = batch
            .guards
            .iter()
            .map(|(stream, version)| (*stream, *version, self.version(*stream)))
            .filter(|(_, assumed, actual)| i64::from(*assumed) != i64::from(*actual))
            .map(|(stream, _, actual)| (stream, actual))
            .collect();
        streams.sort_unstable();
        let claims = batch
            .claim_guards
            .iter()
            .enumerate()
            .map(|(index, (scope, mac, seq))| (index, *seq, self.claim(scope, mac)))
            .filter(|(_, seq, actual)| *seq != actual.seq)
            .map(|(index, _, actual)| BadClaim { index, actual })
            .collect();
        Problems { streams, claims, ..Problems::default() }
    }

    /// The unique keys of the tables, and that versions follow one another, which nothing in the database would notice.
    fn check_keys(&self, batch: &AppendBatch) -> Result<(), Taken> {
        if batch.commands.iter().any(|(id, ..)| self.commands.contains_key(&CommandId(*id))) {
            return Err(Taken("command_pkey"));
        }
        let mut versions: HashMap<Uuid, Version> = HashMap::new();
        for event in batch.pending() {
            let version =
                versions.entry(event.stream).or_insert_with(|| self.version(event.stream));
            if event.version <= *version {
                return Err(Taken("event_ws_stream_version_key"));
            }
            assert_eq!(event.version, *version + 1, "a version is left out");
            *version = event.version;
        }
        let mut seqs: HashMap<(&str, &[u8]), i32> = HashMap::new();
        for (scope, mac, seq, _) in &batch.claims {
            let known = seqs.entry((scope, mac)).or_insert_with(|| self.claim(scope, mac).seq);
            if seq <= known {
                return Err(Taken("claim_pkey"));
            }
            assert_eq!(*seq, *known + 1, "a change of a natural key is left out");
            *known = *seq;
        }
        Ok(())
    }

    fn write(
        &mut self,
        ws: WorkspaceId,
        (node, now): (Uuid, Timestamp),
        batch: &AppendBatch,
    ) -> Head {
        let (before, content) = (self.head(), batch.content());
        let position = before.position.0 + batch.len() as u64;
        let mut head = Head {
            commit: before.commit + 1,
            position: LogPosition(position),
            number: before.number + u64::try_from(batch.numbers).unwrap(),
            directory: match u64::try_from(batch.directory_offset).unwrap() {
                0 => before.directory,
                offset => LogPosition(before.position.0 + offset),
            },
            at: now.max(before.at),
            hash: before.hash,
        };
        let leaves: Vec<Vec<u8>> = batch.events.iter().map(|row| row.leaf.to_vec()).collect();
        let signed = |number: u64| i64::try_from(number).unwrap();
        let commit = CommitInput {
            no: signed(head.commit),
            first_pos: signed(before.position.0 + 1),
            last_number: signed(head.number),
            last_directory: signed(head.directory.0),
            node,
            at: head.at.as_micros(),
            previous: &before.hash,
            content: &content,
        };
        head.hash = commit_hash(ws, &commit, &leaves);
        for (position, event) in (before.position.0 + 1..).zip(batch.pending()) {
            let mut stored = event.clone();
            stored.position = LogPosition(position);
            stored.at = head.at;
            self.versions.insert(stored.stream, stored.version);
            self.events.push(stored);
        }
        for (id, hash, offset, n) in &batch.commands {
            let offset = before.position.0 + u64::try_from(*offset).unwrap();
            let row = CommandRow {
                first_pos: LogPosition(offset + u64::from(*n > 0)),
                events: u32::try_from(*n).unwrap(),
                body_hash: hash.clone(),
            };
            self.commands.insert(CommandId(*id), row);
        }
        for (scope, mac, seq, holder) in &batch.claims {
            let row = ClaimRow { seq: *seq, holder: *holder };
            self.claims.insert((scope, mac.clone()), row);
        }
        let commands = batch.commands.iter().map(|(id, ..)| CommandId(*id)).collect();
        self.commits.push(Written { head, commands, content, node });
        head
    }
}
