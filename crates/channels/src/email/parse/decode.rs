//! Transfer encodings and charsets. Every function gives what can be saved and says whether something was wrong.

use mail_parser::decoders::charsets::map::charset_decoder;

pub struct Decoded {
    pub bytes: Vec<u8>,
    pub damaged: bool,
}

pub struct Text {
    pub text: String,
    /// The charset is unknown, or the bytes are not of it.
    pub damaged: bool,
}

/// Ignores what is not base64, and goes on after padding in the middle.
pub fn base64(input: &[u8]) -> Decoded {
    let mut bytes = Vec::with_capacity(input.len() / 4 * 3);
    let (mut bits, mut count, mut damaged) = (0_u32, 0_u32, false);
    for byte in input {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                (bits, count) = (0, 0);
                continue;
            }
            _ => {
                damaged |= !byte.is_ascii_whitespace();
                continue;
            }
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // Six bits left over: a character is missing at the end.
    Decoded { bytes, damaged: damaged || count == 6 }
}

pub fn quoted_printable(input: &[u8]) -> Decoded {
    let mut bytes = Vec::with_capacity(input.len());
    let mut damaged = false;
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let content = line.trim_ascii_end();
        let line_end = &line[content.len()..];
        let line_end =
            &line_end[line_end.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()..];
        let mut at = 0;
        let mut soft = false;
        while let Some(byte) = content.get(at) {
            if *byte != b'=' {
                bytes.push(*byte);
                at += 1;
            } else if at + 1 == content.len() {
                soft = true;
                at += 1;
            } else if let Some(value) = hex_pair(&content[at + 1..]) {
                bytes.push(value);
                at += 3;
            } else {
                damaged = true;
                bytes.push(b'=');
                at += 1;
            }
        }
        if !soft {
            bytes.extend_from_slice(line_end);
        }
    }
    Decoded { bytes, damaged }
}

/// The Q encoding of encoded words.
pub fn q_word(content: &str) -> Vec<u8> {
    let spaced: Vec<u8> = content.bytes().map(|b| if b == b'_' { b' ' } else { b }).collect();
    escaped(&spaced, b'=')
}

pub fn percent(content: &[u8]) -> Vec<u8> {
    escaped(content, b'%')
}

fn escaped(content: &[u8], mark: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len());
    let mut at = 0;
    while let Some(byte) = content.get(at) {
        match hex_pair(&content[at + 1..]) {
            Some(value) if *byte == mark => {
                bytes.push(value);
                at += 3;
            }
            _ => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    bytes
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    Some((digit(0)? * 16 + digit(1)?) as u8)
}

/// Text in a declared charset. What is declared is often wrong: bytes that are valid UTF-8 are believed over ASCII,
/// and bytes that are not UTF-8 at all are read as Windows-1252, which has a character for nearly every byte.
pub fn in_charset(bytes: Vec<u8>, charset: &str) -> Text {
    let charset = charset.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    if matches!(
        charset.as_str(),
        "" | "utf-8" | "utf8" | "us-ascii" | "ascii" | "unicode-1-1-utf-8"
    ) {
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

fn utf8(bytes: Vec<u8>) -> Text {
    match String::from_utf8(bytes) {
        Ok(text) => Text { text, damaged: false },
        Err(error) => {
            let bytes = error.into_bytes();
            let multibyte = bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
            let text = if multibyte {
                String::from_utf8_lossy(&bytes).into_owned()
            } else {
                windows_1252(&bytes)
            };
            Text { text, damaged: true }
        }
    }
}

/// A header value: UTF-8 if it is that, else the charset that the body declares, else Windows-1252.
pub fn header_text(bytes: Vec<u8>, declared: Option<&str>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => in_charset(error.into_bytes(), declared.unwrap_or("utf-8")).text,
    }
}

fn windows_1252(bytes: &[u8]) -> String {
    match charset_decoder(b"windows-1252") {
        Some(decoder) => decoder(bytes),
        None => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// `charset=…` in a header value or at the top of an HTML page.
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
