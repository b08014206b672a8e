//! One commit: its hash from its rows, and its rows from each other.

use decider::WorkspaceId;

use super::event::EventRow;
use super::report::VerifyReport;
use super::rows::{ClaimRow, CommandRow, CommitRow};
use super::versions::Versions;
use crate::log::leaf::{ClaimRowInput, CommandRowInput, CommitHash, ZERO_HASH, commit_content};

/// No commit has more events: its command rows would not fit into a batch.
const EVENTS_MAX: i64 = 1 << 20;

/// Where the chain stands between two commits.
#[derive(Clone, Default)]
pub(in crate::log) struct Standing {
    pub no: i64,
    pub position: i64,
    pub number: i64,
    pub directory: i64,
    pub at: Option<i64>,
    /// The stored hash of the commit before; and, if it was not that of its content, the one it should have.
    pub hash: Vec<u8>,
    pub should_be: Option<Vec<u8>>,
}

impl Standing {
    /// Before the first commit.
    pub fn beginning() -> Self {
        Self { hash: ZERO_HASH.to_vec(), ..Self::default() }
    }

    /// Behind a commit that is trusted.
    pub fn behind(commit: &CommitRow) -> Self {
        Self {
            no: commit.no,
            position: commit.last_pos,
            number: commit.last_number,
            directory: commit.last_directory,
            at: Some(commit.at),
            hash: commit.hash.clone(),
            should_be: None,
        }
    }
}

/// The rows of one commit beside its events.
pub(in crate::log) struct Rows {
    pub commit: CommitRow,
    pub commands: Vec<CommandRow>,
    pub claims: Vec<ClaimRow>,
}

/// A commit whose events are being read.
pub(super) struct Open {
    rows: Rows,
    /// What its hash should be: with the digest as stored; and, where they differ, with that of its rows, and after the hash
    /// that the commit before should have.
    hashes: Vec<(Digest, CommitHash)>,
    next_pos: i64,
    command: usize,
    left: i64,
    findings_before: usize,
}

/// Which digest of commands and claims went into a hash.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Digest {
    /// The stored one, and it is that of the rows.
    OfRows,
    /// The stored one, though the rows have another.
    Stored,
    /// That of the rows, though another is stored.
    Other,
}

/// What a commit is judged with.
pub(super) struct Judge<'w> {
    pub ws: WorkspaceId,
    pub versions: &'w mut Versions,
    pub report: &'w mut VerifyReport,
}

impl Rows {
    /// Whether its positions can be those of one commit.
    pub fn is_sane(&self) -> bool {
        is_sane(&self.commit)
    }
}

/// Whether the positions of a commit can be those of one commit.
pub(super) fn is_sane(commit: &CommitRow) -> bool {
    commit.first_pos > 0 && (0..=EVENTS_MAX).contains(&commit.count())
}

impl Open {
    /// Begins with a commit: what it says about itself, and its commands and claims.
    pub fn begin(rows: Rows, before: &Standing, judge: &mut Judge<'_>) -> Self {
        let findings_before = judge.report.findings.len();
        let commit = &rows.commit;
        let mut wrong = |what| judge.report.found(commit.no, None, what);
        if commit.no != before.no.saturating_add(1) {
            wrong(if commit.no <= before.no {
                "its number is there twice"
            } else {
                "commits are missing before this one"
            });
        }
        if commit.first_pos != before.position.saturating_add(1) {
            wrong("its first position does not follow the commit before");
        }
        if !is_sane(commit) {
            wrong("its positions are impossible");
        }
        if before.at.is_some_and(|at| commit.at < at) {
            wrong("its time runs backwards");
        }
        if commit.last_number < before.number || commit.last_directory < before.directory {
            wrong("its counters run backwards");
        }
        let digest = rows.check(judge.report);
        let hashes = rows.hashes(before, &digest, judge.ws);
        let next_pos = commit.first_pos;
        let mut open = Self { rows, hashes, next_pos, command: 0, left: 0, findings_before };
        open.left = open.rows.commands.first().map_or(0, |command| i64::from(command.n));
        open
    }

    /// Whether an event is one of this commit.
    pub fn holds(&self, event: &EventRow) -> bool {
        self.rows.is_sane() && event.pos <= self.rows.commit.last_pos
    }

    /// The next event.
    pub fn event(&mut self, event: &EventRow, judge: &mut Judge<'_>) {
        let (no, pos) = (self.rows.commit.no, event.pos);
        judge.report.events += 1;
        let same_stream = judge.versions.follows(event.stream, event.version, (no, pos));
        if pos < self.rows.commit.first_pos {
            // Between two commits: the first position of this one is named already.
            return;
        }
        let owner = self.owner(event);
        let mut wrong = |what| judge.report.found(no, Some(pos), what);
        if pos > self.next_pos {
            wrong("events are missing before this one");
        } else if pos < self.next_pos {
            wrong("its position is there twice");
        }
        self.next_pos = pos.saturating_add(1);
        if !event.is_as_its_leaf {
            wrong("the event is not that of its leaf");
        }
        if event.at != self.rows.commit.at {
            wrong("its recording time is not that of its commit");
        }
        if !event.happened_on_a_date {
            wrong("the time it happened is no date");
        }
        if !same_stream {
            wrong("its version does not follow the one before in its stream");
        }
        if !owner {
            wrong("it belongs to another command than its commit says");
        }
        for (_, hash) in &mut self.hashes {
            hash.leaf(&event.leaf);
        }
    }

    /// Whether the command whose turn it is wrote this event.
    fn owner(&mut self, event: &EventRow) -> bool {
        while self.left <= 0 {
            self.command += 1;
            match self.rows.commands.get(self.command) {
                Some(command) => self.left = i64::from(command.n),
                None => return false,
            }
        }
        self.left -= 1;
        self.rows.commands.get(self.command).is_some_and(|command| command.command == event.command)
    }

    /// All its events were read: its hash must be theirs.
    pub fn end(self, before: &Standing, judge: &mut Judge<'_>) -> Standing {
        let Self { rows: Rows { commit, .. }, hashes, next_pos, findings_before, .. } = self;
        if is_sane(&commit) && next_pos < commit.last_pos.saturating_add(1) {
            judge.report.found(
                commit.no,
                Some(commit.last_pos),
                "events are missing up to this one",
            );
        }
        let named = judge.report.findings.len() > findings_before;
        let ended: Vec<(Digest, Vec<u8>)> =
            hashes.into_iter().map(|(digest, hash)| (digest, hash.finish().to_vec())).collect();
        let with = ended.iter().find(|(_, hash)| *hash == commit.hash).map(|(digest, _)| *digest);
        let wrong = match with {
            Some(Digest::OfRows) => None,
            Some(Digest::Stored) => Some("its command or claim rows were changed"),
            Some(Digest::Other) => Some("its digest of commands and claims was changed"),
            None => Some("its hash is not that of its content and of the commit before"),
        };
        if let Some(wrong) = wrong.filter(|_| !named) {
            judge.report.found(commit.no, None, wrong);
        }
        judge.report.commits += 1;
        let should_be = ended.into_iter().next().map(|(_, hash)| hash);
        Standing {
            no: commit.no,
            // From impossible positions the walk does not go on.
            position: if is_sane(&commit) { commit.last_pos } else { before.position },
            number: commit.last_number,
            directory: commit.last_directory,
            at: Some(commit.at),
            should_be: should_be.filter(|hash| *hash != commit.hash),
            hash: commit.hash,
        }
    }
}

impl Rows {
    /// Judges the command and claim rows by themselves and by their commit; answers their digest.
    fn check(&self, report: &mut VerifyReport) -> Vec<u8> {
        let no = self.commit.no;
        let mut command_rows = Vec::with_capacity(self.commands.len());
        let mut offset: i64 = 0;
        for (ord, row) in (1i32..).zip(&self.commands) {
            if row.ord != ord {
                report.found(no, None, "a command row is not in its place");
            }
            let n = u32::try_from(row.n).unwrap_or_else(|_| {
                report.found(no, None, "a command row counts less than no events");
                0
            });
            let first = self.commit.first_pos.saturating_add(offset - i64::from(n == 0));
            if row.first_pos != first {
                report.found(no, None, "a command row points to the wrong position");
            }
            command_rows.push(CommandRowInput {
                command: row.command,
                offset: u32::try_from(offset).unwrap_or(u32::MAX),
                events: n,
                body_hash: &row.body_hash,
            });
            offset += i64::from(n);
        }
        if is_sane(&self.commit) && offset != self.commit.count() {
            report.found(no, None, "its command rows count other events than it has");
        }
        let mut claim_rows = Vec::with_capacity(self.claims.len());
        for (ord, row) in (1i32..).zip(&self.claims) {
            if row.ord != ord {
                report.found(no, None, "a claim row is not in its place");
            }
            claim_rows.push(ClaimRowInput {
                scope: &row.scope,
                mac: &row.mac,
                seq: row.seq,
                holder: row.holder,
            });
        }
        report.commands += self.commands.len() as u64;
        report.claims += self.claims.len() as u64;
        commit_content(&command_rows, &claim_rows).to_vec()
    }

    fn hashes(
        &self,
        before: &Standing,
        digest: &[u8],
        ws: WorkspaceId,
    ) -> Vec<(Digest, CommitHash)> {
        let commit = &self.commit;
        let begin = |previous: &[u8], content: &[u8]| {
            CommitHash::begin(ws, &commit.input(previous, content), commit.count())
        };
        let mut hashes = Vec::with_capacity(1);
        for previous in std::iter::once(&before.hash).chain(&before.should_be) {
            if digest == commit.content {
                hashes.push((Digest::OfRows, begin(previous, digest)));
            } else {
                hashes.push((Digest::Stored, begin(previous, &commit.content)));
                hashes.push((Digest::Other, begin(previous, digest)));
            }
        }
        hashes
    }
}
