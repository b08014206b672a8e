//! Places where mailers cut a character in two, and the library decodes each half for itself: between encoded words
//! (RFC 2047), and between the segments of a parameter (RFC 2231). They are closed before it reads the value.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

/// No honest value with segments is longer.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// Neighbouring encoded words of one charset and encoding, made one.
pub fn joined_words(value: &str) -> Cow<'_, str> {
    let mut joined = String::new();
    let (mut kept, mut at) = (0, 0);
    let mut opening: Option<&str> = None;
    while let Some(found) = value[at..].find("=?") {
        let start = at + found;
        let Some((head, content, end)) = word(value, start) else {
            (at, opening) = (start + 2, None);
            continue;
        };
        let between = &value[at..start];
        let seamless = opening.is_some_and(|before| before.eq_ignore_ascii_case(head))
            && between.chars().all(|c| c.is_ascii_whitespace());
        if seamless {
            joined.push_str(&value[kept..at - 2]);
            kept = content;
        }
        (at, opening) = (end, Some(head));
    }
    if kept == 0 {
        return Cow::Borrowed(value);
    }
    joined.push_str(&value[kept..]);
    Cow::Owned(joined)
}

/// `=?charset?B?…?=` at `start`: its head, where its content starts, where it ends.
fn word(value: &str, start: usize) -> Option<(&str, usize, usize)> {
    let inner = &value[start + 2..];
    let charset = inner.bytes().take(64).position(|byte| byte == b'?')?;
    let content = charset + 3;
    let encoding = inner.get(charset + 1..content)?;
    if charset == 0 || !matches!(encoding, "B?" | "b?" | "Q?" | "q?") {
        return None;
    }
    let (head, at) = (&inner[..content], start + 2 + content);
    let rest = &value[at..];
    let length = rest.bytes().take_while(|byte| *byte != b'?' && *byte != b'\n').count();
    rest[length..].starts_with("?=").then_some((head, at, at + length + 2))
}

/// The segments `name*0*=…; name*1*=…` of each parameter, made one parameter `name*=…`.
pub fn joined_segments(value: &str) -> Option<String> {
    if value.len() > VALUE_BYTES_MAX {
        return None;
    }
    let mut others = String::new();
    let mut segments: BTreeMap<&str, BTreeMap<u32, String>> = BTreeMap::new();
    for piece in pieces(value) {
        match segment(piece) {
            Some((name, number, content)) => {
                segments.entry(name).or_default().entry(number).or_insert(content);
            }
            None => {
                others.push_str(piece);
                others.push(';');
            }
        }
    }
    if segments.is_empty() {
        return None;
    }
    for (name, parts) in segments {
        let content: String = parts.into_values().collect();
        let charset = if content.splitn(3, '\'').count() == 3 { "" } else { "utf-8''" };
        let _ = write!(others, " {name}*={charset}{content};");
    }
    Some(others.trim_end_matches(';').to_owned() + "\n")
}

/// The name and number of a segment, and its content with everything escaped that is not plain.
fn segment(piece: &str) -> Option<(&str, u32, String)> {
    let (name, content) = piece.split_once('=')?;
    let (name, index) = name.trim().split_once('*')?;
    let encoded = index.ends_with('*');
    let number = index.trim_end_matches('*').parse().ok()?;
    let content = content.trim().trim_matches('"');
    let mut escaped = String::with_capacity(content.len());
    for byte in content.bytes() {
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'-' | b'_')
            || (encoded && matches!(byte, b'%' | b'\''))
        {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    Some((name, number, escaped))
}

fn pieces(value: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    value.split(move |c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_one_charset_and_encoding_are_joined() {
        assert_eq!(joined_words("=?utf-8?B?w?=\r\n =?UTF-8?B?7w?= x"), "=?utf-8?B?w7w?= x");
        assert_eq!(joined_words("=?a?q?1?= =?a?q?2?= =?a?q?3?="), "=?a?q?123?=");
        for apart in
            ["=?a?q?1?= =?b?q?2?=", "=?a?q?1?= and =?a?q?2?=", "=?a?q?1 =?a?q?2?=", "=?", "é"]
        {
            assert_eq!(joined_words(apart), apart);
        }
    }

    #[test]
    fn segments_of_a_parameter_are_joined_in_their_order() {
        let value = "attachment; filename*1*=%BC.txt; filename*0*=utf-8''a%C3; size=1";
        let joined = joined_segments(value).unwrap();
        assert_eq!(joined, "attachment; size=1; filename*=utf-8''a%C3%BC.txt\n");
        assert_eq!(joined_segments("attachment; filename*=utf-8''a%C3%BC.txt"), None);
    }
}
