//! Proving a copy line by line, without a database: what comes out are whole commits that follow each other.

use decider::WorkspaceId;
use vault::KeyRow;

use super::fault::Fault;
use super::gather::Gathered;
use super::line::{Begin, End, Line, Totals};
use crate::log::leaf::workspace_seal;
use crate::log::verify::Chain;

/// A copy as far as it was read.
pub(super) struct Proof {
    ws: WorkspaceId,
    pub begin: Begin,
    pub chain: Chain,
    open: Option<Gathered>,
    in_keys: bool,
}

/// What a line brought.
pub(super) struct Step {
    /// The commit before it, which is whole and proven now.
    pub commit: Option<Gathered>,
    pub then: Then,
}

/// What the line itself is.
pub(super) enum Then {
    /// A row of a commit that is not whole yet.
    More,
    /// A row of the key ring.
    Key(KeyRow),
    /// The last line, which agrees with everything before it.
    End(End),
}

/// What is wrong, and in which line if not in the one read last.
pub(super) struct At(pub Option<u64>, pub Fault);

impl From<Fault> for At {
    fn from(fault: Fault) -> Self {
        Self(None, fault)
    }
}

impl Proof {
    /// Of what follows a first line.
    pub fn of(begin: Begin) -> Result<Self, Fault> {
        let ws = WorkspaceId(begin.workspace);
        if begin.seal.0 != workspace_seal(ws, begin.made_at, begin.closed_at) {
            return Err(Fault::Workspace);
        }
        Ok(Self { ws, begin, chain: Chain::behind(ws, None), open: None, in_keys: false })
    }

    /// The next line with its number; `read` is the sum and the number of rows of the lines before it.
    pub fn line(
        &mut self,
        (number, line): (u64, Line),
        read: ([u8; 32], Totals),
    ) -> Result<Step, At> {
        let mut step = Step { commit: None, then: Then::More };
        match line {
            Line::Commit(commit) if !self.in_keys => {
                step.commit = self.close()?;
                self.open = Some(Gathered::begin(number, commit));
            }
            Line::Command(command) => self.gathering()?.command(command)?,
            Line::Claim(claim) => self.gathering()?.claim(claim)?,
            Line::Event(event) => {
                let ws = self.ws;
                self.gathering()?.event(number, ws, *event)?;
            }
            Line::Vault(row) if self.begin.keys => {
                step.commit = self.close()?;
                self.in_keys = true;
                step.then = Then::Key(row);
            }
            Line::End(end) => {
                step.commit = self.close()?;
                self.agree(&end, read)?;
                step.then = Then::End(end);
            }
            Line::Begin(_) | Line::Commit(_) | Line::Vault(_) => return Err(Fault::Order.into()),
        }
        Ok(step)
    }

    fn gathering(&mut self) -> Result<&mut Gathered, Fault> {
        self.open.as_mut().ok_or(Fault::Order)
    }

    /// The commit has no more lines.
    fn close(&mut self) -> Result<Option<Gathered>, At> {
        let commit = self.open.take();
        if let Some(commit) = &commit {
            commit.judge(&mut self.chain).map_err(|(line, fault)| At(Some(line), fault))?;
        }
        Ok(commit)
    }

    /// The last line must agree with everything before it.
    fn agree(&self, end: &End, (digest, rows): ([u8; 32], Totals)) -> Result<(), Fault> {
        let until = &self.begin.until;
        let stands = (until.commit, until.position, &until.hash.0[..]);
        if end.until != *until || self.chain.stands() != stands {
            return Err(Fault::End("the log ends elsewhere"));
        }
        if end.rows != rows {
            return Err(Fault::End("the number of rows is another one"));
        }
        if end.digest.0 != digest {
            return Err(Fault::End("the sum of all lines is another one"));
        }
        Ok(())
    }
}
