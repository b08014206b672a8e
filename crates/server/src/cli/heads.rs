//! Signed heads of the log that are kept outside the database: a file of them, one in a line, and what they prove.

use std::path::{Path, PathBuf};

use decider::WorkspaceId;
use event_store::log::{HeadRefusal, KnownHead, SignedHead};
use vault::{PublicKey, Vault};

use super::CliError;

/// A line of a file of heads.
pub struct Line {
    path: PathBuf,
    number: usize,
    /// What it says.
    pub head: SignedHead,
}

/// A line of a file of heads that proves nothing.
#[derive(Debug, thiserror::Error)]
#[error("line {number} of {path} is refused, and nothing was verified")]
pub struct RefusedHead {
    path: String,
    number: usize,
    #[source]
    refusal: HeadRefusal,
}

/// Reads a file of heads; `-` is stdin. Empty lines and lines that begin with `#` say nothing.
pub fn read(path: &Path) -> Result<Vec<Line>, CliError> {
    let file = |source| CliError::File { path: path.display().to_string(), source };
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).map_err(CliError::Terminal)?
    } else {
        std::fs::read_to_string(path).map_err(file)?
    };
    let lines = (1..).zip(text.lines().map(str::trim));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            let head = SignedHead::of_line(line);
            let head = head.map_err(|refusal| refused(path, number, refusal))?;
            Ok(Line { path: path.to_owned(), number, head })
        })
        .collect()
}

/// What lines prove about their workspaces, when they are signed with a key of the key file, or with one of those named.
pub fn proven(
    lines: &[Line],
    vault: &Vault,
    named: &[PublicKey],
) -> Result<Vec<(WorkspaceId, KnownHead)>, CliError> {
    let check = |line: &Line| {
        let ws = WorkspaceId(line.head.workspace);
        let own = || vault.public_keys(ws).into_iter().map(|(_, key)| key).collect();
        let trusted: Vec<PublicKey> = if named.is_empty() { own() } else { named.to_vec() };
        let known = line.head.check(ws, &trusted);
        known.map(|known| (ws, known)).map_err(|refusal| refused(&line.path, line.number, refusal))
    };
    lines.iter().map(check).collect()
}

/// Refuses lines of other workspaces than the one that was named.
pub fn all_of(lines: &[Line], ws: WorkspaceId) -> Result<(), CliError> {
    let other = lines.iter().find(|line| line.head.workspace != ws.0);
    other.map_or(Ok(()), |line| {
        let (commit, of) = (line.head.commit, line.head.workspace);
        Err(refused(&line.path, line.number, HeadRefusal::OtherWorkspace { commit, of }))
    })
}

fn refused(path: &Path, number: usize, refusal: HeadRefusal) -> CliError {
    CliError::Head(RefusedHead { path: path.display().to_string(), number, refusal })
}
