//! Names and types of files as others give them: kept to what a header, a disk and a reader bear.

use std::fmt::Write;

const NAME_CHARS_MAX: usize = 255;
const MEDIA_TYPE_CHARS_MAX: usize = 127;

/// The last part of a path, without control characters and those that turn the direction of writing.
pub(crate) fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept: String =
        last.chars().filter(|c| !c.is_control() && !turns(*c)).take(NAME_CHARS_MAX).collect();
    match kept.trim() {
        "" | "." | ".." => "file".to_owned(),
        name => name.to_owned(),
    }
}

/// A type without parameters, or the one for bytes.
pub(crate) fn media_type(given: &str) -> String {
    let bare = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let sound = bare.len() <= MEDIA_TYPE_CHARS_MAX
        && bare.split_once('/').is_some_and(|(kind, detail)| token(kind) && token(detail));
    if sound { bare } else { "application/octet-stream".to_owned() }
}

/// The header that names a file: plain for old clients, and as it is (RFC 6266).
pub(crate) fn disposition(name: &str, inline: bool) -> String {
    let word = if inline { "inline" } else { "attachment" };
    let plain =
        |c: char| if c.is_ascii_graphic() && !"\"\\%;".contains(c) || c == ' ' { c } else { '_' };
    let plain: String = name.chars().map(plain).collect();
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("{word}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path_and_nothing_hidden() {
        assert_eq!(clean("C:\\temp\\report.pdf"), "report.pdf");
        assert_eq!(clean("../../etc/passwd"), "passwd");
        assert_eq!(clean("exe.\u{202e}fdp\r\n"), "exe.fdp");
        assert_eq!(clean(".."), "file");
        assert_eq!(clean(&"ä".repeat(300)).chars().count(), 255);
    }

    #[test]
    fn a_type_is_a_type_or_bytes() {
        assert_eq!(media_type("Text/HTML; charset=utf-8"), "text/html");
        for wrong in ["", "x", "a/b/c", "a b/c", "text/\u{e4}"] {
            assert_eq!(media_type(wrong), "application/octet-stream", "{wrong}");
        }
    }

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        let header = disposition("a\"; x=\"ä.pdf", false);
        assert_eq!(
            header,
            "attachment; filename=\"a__ x=__.pdf\"; filename*=UTF-8''a%22%3B%20x%3D%22%C3%A4.pdf"
        );
    }
}
