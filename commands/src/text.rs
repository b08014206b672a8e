//! What texts may contain: nothing that a database, a mail header or a reader stumbles over.

use crate::limits::PREVIEW_CHARS_MAX;
use crate::refusal::Fault;

pub const REQUIRED: Fault = Fault { code: "required", message: "must not be empty" };
pub const TOO_LONG: Fault = Fault { code: "too_long", message: "is too long" };
pub const INVALID_TEXT: Fault =
    Fault { code: "invalid_text", message: "contains characters that are not allowed" };

/// A single-line text that must say something: trimmed, tabs and line breaks as spaces, no other control characters.
pub fn line(text: &str, chars_max: usize) -> Result<String, Fault> {
    let line = optional_line(text, chars_max)?;
    line.ok_or(REQUIRED)
}

/// A single-line text; none when it is empty.
pub fn optional_line(text: &str, chars_max: usize) -> Result<Option<String>, Fault> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(INVALID_TEXT);
    }
    let line: String = text.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ");
    let line = line.trim();
    if line.is_empty() {
        return Ok(None);
    }
    if is_blank(line) {
        return Err(INVALID_TEXT);
    }
    if line.chars().count() > chars_max {
        return Err(TOO_LONG);
    }
    Ok(Some(line.to_owned()))
}

/// A text of several lines, kept as it is.
pub fn body(text: &str, bytes_max: usize) -> Result<String, Fault> {
    if text.contains('\0') {
        return Err(INVALID_TEXT);
    }
    if text.len() > bytes_max {
        return Err(TOO_LONG);
    }
    Ok(text.to_owned())
}

/// Whether nothing of a text can be seen.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Zero-width characters and those that only turn the direction of writing.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
    )
}

/// The beginning of a text on one line.
pub fn preview(text: &str) -> String {
    let words =
        text.split(|c: char| c.is_whitespace() || c == '\0').filter(|word| !word.is_empty());
    let mut preview = String::new();
    let mut chars = 0;
    for word in words {
        if chars > 0 {
            preview.push(' ');
            chars += 1;
        }
        for c in word.chars() {
            if chars == PREVIEW_CHARS_MAX {
                return preview.trim_end().to_owned();
            }
            preview.push(c);
            chars += 1;
        }
        if chars >= PREVIEW_CHARS_MAX {
            return preview;
        }
    }
    preview
}

/// What can be read of clean HTML, roughly: enough to tell whether it says anything, and for a preview.
pub fn visible_text(html: &str) -> String {
    let mut visible = String::with_capacity(html.len());
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => {
                in_tag = true;
                visible.push(' ');
            }
            '>' if in_tag => in_tag = false,
            other if !in_tag => visible.push(other),
            _ => {}
        }
    }
    visible
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// The first characters of a text.
pub fn shortened(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

/// Text of mail as it came, without what no field may contain.
pub fn scrubbed(text: &str) -> String {
    text.replace('\0', "")
}

/// A line of mail as it came, without what no line may contain, cut to its bound; none when nothing is left.
pub fn scrubbed_line(text: &str, chars_max: usize) -> Option<String> {
    let clean: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect();
    let clean = shortened(clean.trim(), chars_max).trim().to_owned();
    (!is_blank(&clean)).then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_trimmed_and_stays_on_one_line() {
        assert_eq!(line("  Printer\r\non\tfire ", 255), Ok("Printer on fire".to_owned()));
    }

    #[test]
    fn a_line_that_shows_nothing_is_refused() {
        assert_eq!(line(" \t\u{2003}", 255), Err(REQUIRED));
        assert_eq!(line("\u{200b}\u{202e}", 255), Err(INVALID_TEXT));
    }

    #[test]
    fn nul_is_refused_everywhere_and_control_characters_in_lines() {
        assert_eq!(line("a\0b", 255), Err(INVALID_TEXT));
        assert_eq!(line("a\u{7}b", 255), Err(INVALID_TEXT));
        assert_eq!(body("a\0b", 10), Err(INVALID_TEXT));
        assert_eq!(body("a\u{202e}\n\u{7}b", 10), Ok("a\u{202e}\n\u{7}b".to_owned()));
    }

    #[test]
    fn length_counts_characters_in_lines_and_bytes_in_bodies() {
        assert_eq!(line("äöü", 3), Ok("äöü".to_owned()));
        assert_eq!(line("äöüß", 3), Err(TOO_LONG));
        assert_eq!(body("äö", 3), Err(TOO_LONG));
    }

    #[test]
    fn a_preview_is_one_line_of_at_most_two_hundred_characters() {
        assert_eq!(preview(" Hello\n\n world "), "Hello world");
        assert_eq!(preview(&"ä".repeat(500)).chars().count(), PREVIEW_CHARS_MAX);
        assert!(preview(&"word ".repeat(100)).chars().count() <= PREVIEW_CHARS_MAX);
    }

    #[test]
    fn html_without_text_shows_nothing() {
        assert!(is_blank(&visible_text("<p>&nbsp;<br></p>")));
        assert_eq!(preview(&visible_text("<p>a &lt; b</p><p>c</p>")), "a < b c");
    }
}
