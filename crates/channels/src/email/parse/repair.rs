//! Header blocks that mailers have broken, put right before the library reads them: it skips a line that is no header,
//! and would lose a subject's second line, or the beginning of a body.

use std::borrow::Cow;

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

pub fn is_mail_field(name: &str) -> bool {
    MAIL_FIELDS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// The same mail with its header block in order: a line folded without indenting is indented, a forgotten empty line
/// stands before the body, and the last line ends.
pub fn header_block(raw: &[u8]) -> Cow<'_, [u8]> {
    let mut changed: Option<Vec<u8>> = None;
    let (mut at, mut fields) = (0, 0_usize);
    while at < raw.len() {
        let line = line_at(raw, at);
        let content = line.trim_ascii_end();
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if content.is_empty() && !folded {
            return with_rest(changed, raw, at);
        }
        if field(line).is_some() {
            fields += 1;
        } else if !folded && !is_envelope(line, fields) {
            let done = changed.get_or_insert_with(|| raw[..at].to_vec());
            if fields == 0 || !opens_mail_field(line_at(raw, at + line.len())) {
                done.push(b'\n');
                return with_rest(changed, raw, at);
            }
            done.push(b' ');
        }
        if let Some(changed) = &mut changed {
            changed.extend_from_slice(line);
        }
        at += line.len();
    }
    if !raw.is_empty() && !raw.ends_with(b"\n") {
        changed.get_or_insert_with(|| raw.to_vec()).push(b'\n');
    }
    changed.map_or(Cow::Borrowed(raw), Cow::Owned)
}

fn with_rest(changed: Option<Vec<u8>>, raw: &[u8], at: usize) -> Cow<'_, [u8]> {
    match changed {
        None => Cow::Borrowed(raw),
        Some(mut changed) => {
            changed.extend_from_slice(&raw[at..]);
            Cow::Owned(changed)
        }
    }
}

/// The `From ` line of a mailbox file, left at the top.
fn is_envelope(line: &[u8], fields: usize) -> bool {
    fields == 0 && (line.starts_with(b"From ") || line.starts_with(b">From "))
}

fn opens_mail_field(line: &[u8]) -> bool {
    field(line).is_some_and(|name| {
        is_mail_field(&name) || name.starts_with("content-") || name.starts_with("x-")
    })
}

/// The name of the field that a line begins.
fn field(line: &[u8]) -> Option<String> {
    let length = line.iter().take_while(|byte| byte.is_ascii_graphic() && **byte != b':').count();
    let spaces = line[length..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    (length > 0 && line.get(length + spaces) == Some(&b':'))
        .then(|| String::from_utf8_lossy(&line[..length]).to_ascii_lowercase())
}

fn line_at(raw: &[u8], at: usize) -> &[u8] {
    let rest = raw.get(at..).unwrap_or_default();
    rest.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_in_order_is_left_alone() {
        for raw in ["A: 1\r\n\tmore\r\n\r\nbody", "From x 10:00\nA: 1\n\n", "A: 1\n", ""] {
            assert!(matches!(header_block(raw.as_bytes()), Cow::Borrowed(_)), "{raw:?}");
        }
    }

    #[test]
    fn what_is_broken_is_put_right() {
        let right =
            |raw: &str| String::from_utf8(header_block(raw.as_bytes()).into_owned()).unwrap();
        assert_eq!(right("A: 1\ntwo\nTo: x\n\nbody"), "A: 1\n two\nTo: x\n\nbody");
        assert_eq!(right("A: 1\nHello\nyou"), "A: 1\n\nHello\nyou");
        assert_eq!(right("Hello\nTo: you"), "\nHello\nTo: you");
        assert_eq!(right("A: 1"), "A: 1\n");
    }
}
