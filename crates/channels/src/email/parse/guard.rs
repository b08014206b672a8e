//! A look at the structure before the library builds it: so many parts would fill the memory, and mails so deep within
//! mails would overflow the stack when they are dropped.

use std::collections::BTreeSet;

const PARTS_MAX: usize = 2_000;
const MULTIPARTS_MAX: usize = 500;
/// What is dropped recursively by the library.
const NESTED_MAX: usize = 500;
/// The library searches the rest of the mail for each boundary.
const SEARCHED_BYTES_MAX: usize = 4 * 1024 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub enum Structure {
    Sound,
    /// What comes after so many bytes are parts beyond the limit.
    TooManyParts(usize),
    TooDeep,
}

pub fn structure(raw: &[u8]) -> Structure {
    let boundaries = declared_boundaries(raw);
    let nested = count(raw, b"message/rfc822") + count(raw, b"message/global");
    if boundaries.len() > MULTIPARTS_MAX
        || nested > NESTED_MAX
        || boundaries.len().saturating_mul(raw.len()) > SEARCHED_BYTES_MAX
    {
        return Structure::TooDeep;
    }
    match delimiters(raw, &prefix_free(boundaries)).nth(PARTS_MAX) {
        Some(at) => Structure::TooManyParts(at),
        None => Structure::Sound,
    }
}

/// Whatever follows `boundary=` anywhere. In a spelling that is not simple it is taken as empty: then each `--` counts.
fn declared_boundaries(raw: &[u8]) -> BTreeSet<&[u8]> {
    const WORD: &[u8] = b"boundary";
    let mut found = BTreeSet::new();
    for at in places(raw, WORD) {
        let after = raw[at + WORD.len()..].trim_ascii_start();
        let Some(value) = after.strip_prefix(b"=") else {
            if after.starts_with(b"*") {
                found.insert(b"".as_slice());
            }
            continue;
        };
        let value = value.trim_ascii_start();
        let (value, ends): (_, fn(&u8) -> bool) = match value.strip_prefix(b"\"") {
            Some(quoted) => (quoted, |byte| matches!(byte, b'"' | b'\\' | b'\r' | b'\n')),
            None => (value, |byte| matches!(byte, b';' | b'(' | b' ' | b'\t' | b'\r' | b'\n')),
        };
        let end = value.iter().position(ends).unwrap_or(value.len());
        found.insert(&value[..end]);
    }
    found
}

/// Without those that begin with another one: then at most one can begin a given text.
fn prefix_free(boundaries: BTreeSet<&[u8]>) -> Vec<&[u8]> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for boundary in boundaries {
        if !kept.last().is_some_and(|last| boundary.starts_with(last)) {
            kept.push(boundary);
        }
    }
    kept
}

/// Like the library, this does not ask whether a delimiter stands at the beginning of its line.
fn delimiters<'a>(raw: &'a [u8], boundaries: &'a [&'a [u8]]) -> impl Iterator<Item = usize> + 'a {
    let pairs = raw.windows(2).enumerate().filter(|(_, pair)| *pair == b"--");
    pairs.map(|(at, _)| at).filter(move |at| {
        let rest = &raw[at + 2..];
        let after = boundaries.partition_point(|boundary| *boundary <= rest);
        boundaries[..after].last().is_some_and(|boundary| rest.starts_with(boundary))
    })
}

fn count(raw: &[u8], word: &[u8]) -> usize {
    places(raw, word).take(NESTED_MAX + 1).count()
}

fn places<'a>(raw: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = word.first().copied().unwrap_or_default();
    raw.windows(word.len()).enumerate().filter_map(move |(at, window)| {
        (window[0].eq_ignore_ascii_case(&first) && window.eq_ignore_ascii_case(word)).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_only_look_like_delimiters_do_not_count() {
        let script = "-- a remark in SQL\n".repeat(10_000);
        assert_eq!(structure(format!("boundary=b\n\n{script}").as_bytes()), Structure::Sound);
    }

    #[test]
    fn delimiters_count_wherever_they_stand() {
        let wide = "x--b".repeat(10_000);
        let raw = format!("Content-Type: multipart/mixed; BOUNDARY = \"b\"\n\n{wide}");
        assert!(matches!(structure(raw.as_bytes()), Structure::TooManyParts(_)));
        let raw = format!("Content-Type: multipart/mixed; boundary*=''b\n\n{wide}");
        assert!(matches!(structure(raw.as_bytes()), Structure::TooManyParts(_)));
    }

    #[test]
    fn a_boundary_that_begins_with_another_is_found() {
        assert_eq!(
            prefix_free(BTreeSet::from([b"ab".as_slice(), b"a", b"abc", b"b"])),
            [b"a", b"b"]
        );
    }
}
