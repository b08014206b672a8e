//! The lines of one commit, gathered until it can be judged as a whole.

use decider::{LogPosition, WorkspaceId};

use super::fault::Fault;
use super::line::{ClaimLine, CommandLine, CommitLine, EventLine};
use crate::log::reader::unsigned;
use crate::log::verify::{Chain, CommitRow, EventRow, Finding, Rows};

/// So many bytes of one commit are held in memory: far more than is ever written as one.
pub(super) const COMMIT_BYTES_MAX: usize = 256 << 20;

/// A commit with everything that belongs to it.
pub(super) struct Gathered {
    /// Its own line, and that of its first event.
    lines: (u64, u64),
    pub commit: CommitLine,
    pub commands: Vec<CommandLine>,
    pub claims: Vec<ClaimLine>,
    pub events: Vec<EventLine>,
    judged: Vec<EventRow>,
    bytes: usize,
}

impl Gathered {
    pub fn begin(line: u64, commit: CommitLine) -> Self {
        Self {
            lines: (line, 0),
            commit,
            commands: Vec::new(),
            claims: Vec::new(),
            events: Vec::new(),
            judged: Vec::new(),
            bytes: 0,
        }
    }

    /// The bytes it takes, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A command; commands come before everything else.
    pub fn command(&mut self, command: CommandLine) -> Result<(), Fault> {
        if !self.claims.is_empty() || !self.events.is_empty() {
            return Err(Fault::Order);
        }
        self.commands.push(command);
        self.grow(200)
    }

    /// A claim; claims come before events.
    pub fn claim(&mut self, claim: ClaimLine) -> Result<(), Fault> {
        if !self.events.is_empty() {
            return Err(Fault::Order);
        }
        self.claims.push(claim);
        self.grow(200)
    }

    /// An event, which must be that of its leaf.
    pub fn event(&mut self, line: u64, ws: WorkspaceId, event: EventLine) -> Result<(), Fault> {
        if self.events.is_empty() {
            self.lines.1 = line;
        }
        let judged = event.judged(ws);
        if !judged.is_as_its_leaf {
            return Err(Fault::Damaged(Finding {
                commit: unsigned(self.commit.no),
                position: Some(LogPosition(unsigned(event.pos))),
                what: "the event is not that of its leaf",
            }));
        }
        let bytes = event.payload.0.len() + 500;
        self.events.push(event);
        self.judged.push(judged);
        self.grow(bytes)
    }

    /// Judges it as what follows the chain; otherwise says in which line something is wrong, and what.
    pub fn judge(&self, chain: &mut Chain) -> Result<(), (u64, Fault)> {
        let no = self.commit.no;
        chain.begin(Rows {
            commit: CommitRow::from(&self.commit),
            commands: (1..).zip(&self.commands).map(|(ord, line)| line.row(no, ord)).collect(),
            claims: (1..).zip(&self.claims).map(|(ord, line)| line.row(no, ord)).collect(),
        });
        self.judged.iter().for_each(|event| chain.event(event));
        chain.end().map_err(|finding| (self.line_of(&finding), Fault::Damaged(finding)))
    }

    fn line_of(&self, finding: &Finding) -> u64 {
        let at = |position: LogPosition| {
            let index = self.events.iter().position(|event| unsigned(event.pos) == position.0);
            index.map(|index| self.lines.1 + index as u64)
        };
        finding.position.and_then(at).unwrap_or(self.lines.0)
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Fault> {
        self.bytes += bytes;
        if self.bytes > COMMIT_BYTES_MAX {
            return Err(Fault::TooLong { max: COMMIT_BYTES_MAX });
        }
        Ok(())
    }
}
