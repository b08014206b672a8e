//! Transfer encodings and charsets where the library gives up or loses something: damaged encodings, bytes that are not of
//! the declared charset.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::parsers::MessageStream;

pub struct Decoded {
    pub bytes: Vec<u8>,
    pub damaged: bool,
}

pub struct Text {
    pub text: String,
    /// The charset is unknown, or the bytes are not of it.
    pub damaged: bool,
}

/// The library refuses the whole part for one wrong character; without those there is something to be saved.
pub fn base64(input: &[u8]) -> Decoded {
    if let Some(bytes) = base64_decode(input) {
        return Decoded { bytes, damaged: false };
    }
    let sound = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let sound: Vec<u8> = input.iter().copied().filter(sound).collect();
    Decoded { bytes: base64_decode(&sound).unwrap_or_default(), damaged: true }
}

/// The library forgives a wrong escape in its lenient decoder, except for `==`: there the first one is meant as such.
pub fn quoted_printable(input: &[u8]) -> Decoded {
    if let Some(bytes) = quoted_printable_decode(input) {
        return Decoded { bytes, damaged: false };
    }
    let mut escaped = Vec::with_capacity(input.len() + 16);
    for (at, byte) in input.iter().enumerate() {
        match byte {
            b'=' if input.get(at + 1) == Some(&b'=') => escaped.extend_from_slice(b"=3D"),
            _ => escaped.push(*byte),
        }
    }
    let (_, bytes) = MessageStream::new(&escaped).decode_quoted_printable_mime(b"");
    Decoded { bytes: bytes.into_owned(), damaged: true }
}

/// Text in a declared charset. What is declared is often wrong: bytes that are valid UTF-8 are believed over ASCII,
/// and bytes that are not UTF-8 at all are read as Windows-1252, which has a character for nearly every byte.
pub fn in_charset(bytes: Vec<u8>, charset: &str) -> Text {
    let charset = charset.trim().trim_matches(['"', '\'']);
    if is_unicode_or_ascii(charset) {
        return utf8(bytes);
    }
    match charset_decoder(charset.as_bytes()) {
        Some(decoder) => {
            let text = decoder(&bytes);
            let damaged = text.contains(char::REPLACEMENT_CHARACTER);
            Text { text, damaged }
        }
        None => Text { text: utf8(bytes).text, damaged: true },
    }
}

/// Charsets that the library would read as Windows-1252, or as UTF-8 with replacement characters.
pub fn is_unicode_or_ascii(charset: &str) -> bool {
    ["", "utf-8", "utf8", "us-ascii", "ascii", "unicode-1-1-utf-8"]
        .iter()
        .any(|known| charset.eq_ignore_ascii_case(known))
}

fn utf8(bytes: Vec<u8>) -> Text {
    match String::from_utf8(bytes) {
        Ok(text) => Text { text, damaged: false },
        Err(error) => {
            let bytes = error.into_bytes();
            let multibyte = bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
            let text = match charset_decoder(b"windows-1252") {
                Some(decoder) if !multibyte => decoder(&bytes),
                _ => String::from_utf8_lossy(&bytes).into_owned(),
            };
            Text { text, damaged: true }
        }
    }
}

/// A header value: UTF-8 if it is that, else the charset that the body declares, else Windows-1252.
pub fn header_text<'a>(bytes: &'a [u8], declared: Option<&str>) -> Cow<'a, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(in_charset(bytes.to_vec(), declared.unwrap_or("utf-8")).text),
    }
}

/// `charset=…` at the top of an HTML page.
pub fn charset_in(bytes: &[u8]) -> Option<String> {
    let top = String::from_utf8_lossy(&bytes[..bytes.len().min(2_048)]).to_ascii_lowercase();
    let (_, rest) = top.split_once("charset=")?;
    let name: String = rest
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'))
        .collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_equals_sign_does_not_spoil_the_rest() {
        let decoded = quoted_printable(b"a==3D =C3=A4=\nb =xy");
        assert_eq!(String::from_utf8(decoded.bytes).unwrap(), "a== \u{e4}b =xy");
        assert!(decoded.damaged);
    }
}
