//! The header block of a mail or of one of its parts, unfolded and in UTF-8.

use super::decode;

/// Only a block with one of these is the header of a mail: any text may contain a colon.
const MAIL_FIELDS: [&str; 14] = [
    "bcc",
    "cc",
    "content-type",
    "date",
    "delivered-to",
    "from",
    "message-id",
    "mime-version",
    "received",
    "reply-to",
    "return-path",
    "sender",
    "subject",
    "to",
];

#[derive(Debug, Default)]
pub struct Headers {
    /// Names in lower case.
    fields: Vec<(String, String)>,
    /// Where the body begins in what was read.
    pub body_at: usize,
}

impl Headers {
    pub fn read(raw: &[u8]) -> Self {
        let mut block = RawBlock::default();
        let mut at = 0;
        while at < raw.len() {
            let line = line_at(raw, at);
            let next = at + line.len();
            let line = without_line_end(line);
            if line.is_empty() {
                at = next;
                break;
            }
            if !block.take(line) && !block.take_broken(line, &raw[next..]) {
                break;
            }
            at = next;
        }
        block.into_headers(at)
    }

    pub fn first(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn are_of_a_mail(&self) -> bool {
        self.fields.iter().any(|(name, _)| MAIL_FIELDS.contains(&name.as_str()))
    }
}

#[derive(Debug, Default)]
struct RawBlock {
    fields: Vec<(String, Vec<u8>)>,
}

impl RawBlock {
    /// Takes a field, a folded line, or a `From ` line that was left at the top.
    fn take(&mut self, line: &[u8]) -> bool {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some((_, value)) = self.fields.last_mut() {
                value.extend_from_slice(line);
            }
            return true;
        }
        let Some((name, value)) = field(line) else {
            return self.fields.is_empty()
                && (line.starts_with(b"From ") || line.starts_with(b">From "));
        };
        self.fields.push((name, value.to_vec()));
        true
    }

    /// A line that is no header and is followed by one belongs to the field before: someone folded without indenting.
    /// Anything else begins the body, the empty line having been forgotten.
    fn take_broken(&mut self, line: &[u8], after: &[u8]) -> bool {
        let next = without_line_end(line_at(after, 0));
        let followed = field(next).is_some_and(|(name, _)| {
            MAIL_FIELDS.contains(&name.as_str())
                || name.starts_with("content-")
                || name.starts_with("x-")
        });
        match self.fields.last_mut() {
            Some((_, value)) if followed => {
                value.push(b' ');
                value.extend_from_slice(line);
                true
            }
            _ => false,
        }
    }

    fn into_headers(self, body_at: usize) -> Headers {
        let declared = self
            .fields
            .iter()
            .find(|(name, _)| name == "content-type")
            .and_then(|(_, value)| decode::charset_in(value));
        let fields = self
            .fields
            .into_iter()
            .map(|(name, value)| (name, decode::header_text(value, declared.as_deref())))
            .collect();
        Headers { fields, body_at }
    }
}

fn field(line: &[u8]) -> Option<(String, &[u8])> {
    let length = line.iter().take_while(|byte| byte.is_ascii_graphic() && **byte != b':').count();
    let spaces = line[length..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if length == 0 || line.get(length + spaces) != Some(&b':') {
        return None;
    }
    let name = String::from_utf8_lossy(&line[..length]).to_ascii_lowercase();
    Some((name, &line[length + spaces + 1..]))
}

pub fn line_at(raw: &[u8], at: usize) -> &[u8] {
    let rest = raw.get(at..).unwrap_or_default();
    rest.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default()
}

pub fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
