//! Encoded words of headers (RFC 2047). Neighbours of one charset are joined before decoding, because mailers cut
//! characters in two.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::decode;

/// An encoded word may not be longer than 75; mailers write longer ones.
const WORD_BYTES_MAX: usize = 2_048;
/// So many beginnings of words that do not end are looked at in one value.
const BROKEN_MAX: usize = 64;

enum Piece<'a> {
    Plain(&'a str),
    Words { charset: &'a str, bytes: Vec<u8> },
}

/// The text of an unstructured value, such as a subject.
pub fn decoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for piece in pieces(value) {
        match piece {
            Piece::Plain(plain) => text.push_str(plain),
            Piece::Words { charset, bytes } => {
                text.push_str(&decode::in_charset(bytes, charset).text)
            }
        }
    }
    text
}

/// The value with its words in UTF-8 and base64, so that a parser of structured values needs to know no charset.
pub fn in_utf8(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for piece in pieces(value) {
        match piece {
            Piece::Plain(plain) => text.push_str(&plain.replace("=?", "= ?")),
            Piece::Words { charset, bytes } => {
                text.push_str("=?utf-8?B?");
                STANDARD.encode_string(decode::in_charset(bytes, charset).text, &mut text);
                text.push_str("?=");
            }
        }
    }
    text
}

fn pieces(value: &str) -> Vec<Piece<'_>> {
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let (mut plain_from, mut at, mut broken) = (0, 0, 0);
    while let Some(found) = value[at..].find("=?") {
        let start = at + found;
        let Some((word, length)) = word(&value[start..]) else {
            at = start + 2;
            broken += 1;
            if broken > BROKEN_MAX {
                break;
            }
            continue;
        };
        push(&mut pieces, &value[plain_from..start], word);
        at = start + length;
        plain_from = at;
    }
    if plain_from < value.len() {
        pieces.push(Piece::Plain(&value[plain_from..]));
    }
    pieces
}

fn push<'a>(pieces: &mut Vec<Piece<'a>>, between: &'a str, word: (&'a str, Vec<u8>)) {
    let (charset, bytes) = word;
    let only_space = between.chars().all(char::is_whitespace);
    match pieces.last_mut() {
        Some(Piece::Words { charset: before, bytes: joined })
            if only_space && before.eq_ignore_ascii_case(charset) =>
        {
            joined.extend(bytes);
            return;
        }
        Some(Piece::Words { .. }) if only_space => {}
        _ if between.is_empty() => {}
        _ => pieces.push(Piece::Plain(between)),
    }
    pieces.push(Piece::Words { charset, bytes });
}

/// `=?charset?B?…?=` at the start of `text`: the charset, the bytes, and how long it was.
fn word(text: &str) -> Option<((&str, Vec<u8>), usize)> {
    let window = text.get(..WORD_BYTES_MAX.min(text.len())).unwrap_or_else(|| cut(text));
    let inner = window.strip_prefix("=?")?;
    let (charset, rest) = inner.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let end = rest.find("?=")?;
    let content = &rest[..end];
    let bytes = match encoding {
        "B" | "b" => decode::base64(content.as_bytes()).bytes,
        "Q" | "q" => decode::q_word(content),
        _ => return None,
    };
    let charset = charset.split('*').next().unwrap_or(charset);
    if charset.is_empty() || charset.contains(char::is_whitespace) {
        return None;
    }
    let length = 2 + inner.len() - rest.len() + end + 2;
    Some(((charset, bytes), length))
}

fn cut(text: &str) -> &str {
    let end = (0..=WORD_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}
