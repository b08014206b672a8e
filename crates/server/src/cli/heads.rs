//! Heads of the log that are kept outside the database: `number:hash`, alone, behind a workspace, or as `log head --json` tells them.

use std::path::Path;

use decider::WorkspaceId;
use event_store::log::{KnownHead, ParseHeadError};
use serde::Deserialize;
use uuid::Uuid;

use super::CliError;

/// A head, and of which workspace it is, if that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The workspace.
    pub ws: Option<WorkspaceId>,
    /// The head.
    pub head: KnownHead,
}

/// A head as `log head --json` and the API tell it.
#[derive(Deserialize)]
struct Told {
    workspace: Option<Uuid>,
    commit: u64,
    hash: String,
}

/// Reads a file of heads, one in a line.
pub fn read(path: &Path) -> Result<Vec<Kept>, CliError> {
    let file = |source| CliError::File { path: path.display().to_string(), source };
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).map_err(CliError::Terminal)?
    } else {
        std::fs::read_to_string(path).map_err(file)?
    };
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| parse(line).ok_or(CliError::Usage(FORM))).collect()
}

const FORM: &str =
    "a line of the file of heads is none: it takes lines as `ledgerdesk log head` writes them";

/// A head of the command line.
pub fn parse_argument(text: &str) -> Result<Kept, ParseHeadError> {
    parse(text.trim()).ok_or(ParseHeadError)
}

/// One head; none when the text is something else.
fn parse(line: &str) -> Option<Kept> {
    if line.starts_with('{') {
        let told: Told = serde_json::from_str(line).ok()?;
        let head = format!("{}:{}", told.commit, told.hash).parse().ok()?;
        return Some(Kept { ws: told.workspace.map(WorkspaceId), head });
    }
    let mut words = line.split_whitespace();
    let first = words.next()?;
    if let Ok(head) = first.parse() {
        return words.next().is_none().then_some(Kept { ws: None, head });
    }
    let ws = Uuid::parse_str(first).ok()?;
    Some(Kept { ws: Some(WorkspaceId(ws)), head: words.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_are_told() {
        let (ws, digits) = (Uuid::from_u128(5), "ab".repeat(32));
        let head = KnownHead { commit: 12, hash: [0xab; 32] };
        let of = Some(WorkspaceId(ws));
        for (line, kept) in [
            (format!("12:{digits}"), Some(Kept { ws: None, head })),
            (format!("{ws} 12:{digits} 2026-11-22T06:00:00Z"), Some(Kept { ws: of, head })),
            (
                format!("{{\"commit\":12,\"hash\":\"{digits}\",\"at\":\"\"}}"),
                Some(Kept { ws: None, head }),
            ),
            (
                format!("{{\"workspace\":\"{ws}\",\"commit\":12,\"hash\":\"{digits}\"}}"),
                Some(Kept { ws: of, head }),
            ),
            (format!("12:{digits} more"), None),
            (format!("{ws}"), None),
            (format!("{ws} 12"), None),
            ("{}".to_owned(), None),
        ] {
            assert_eq!(parse(&line), kept, "{line}");
        }
    }
}
