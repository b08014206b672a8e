//! Invented words: nothing in them is about anybody.

use super::chance::Chance;

const WORDS: [&str; 64] = [
    "printer",
    "invoice",
    "order",
    "delivery",
    "screen",
    "login",
    "refund",
    "window",
    "update",
    "cable",
    "door",
    "lamp",
    "account",
    "payment",
    "signal",
    "meter",
    "the",
    "a",
    "our",
    "your",
    "this",
    "that",
    "is",
    "was",
    "has",
    "cannot",
    "shows",
    "needs",
    "arrived",
    "stopped",
    "broken",
    "late",
    "again",
    "yesterday",
    "today",
    "since",
    "Monday",
    "please",
    "thanks",
    "because",
    "after",
    "before",
    "with",
    "without",
    "and",
    "but",
    "when",
    "where",
    "office",
    "third",
    "floor",
    "number",
    "message",
    "error",
    "twice",
    "nothing",
    "works",
    "still",
    "wrong",
    "copy",
    "contract",
    "machine",
    "garden",
    "station",
];

/// So many words.
pub fn words(chance: &mut Chance, count: u64) -> String {
    let mut text = String::with_capacity(count as usize * 7);
    for index in 0..count {
        if index > 0 {
            text.push(' ');
        }
        text.push_str(chance.pick(&WORDS).copied().unwrap_or_default());
    }
    text
}

/// A text of a few sentences, most of them short.
pub fn text(chance: &mut Chance) -> String {
    let mut text = String::new();
    for _ in 0..=(chance.after(0.9) as u64).min(20) {
        let count = 6 + chance.below(8);
        text.push_str(&words(chance, count));
        text.push_str(". ");
    }
    text.truncate(text.trim_end().len());
    text
}

/// The beginning of a text, as lists show it.
pub fn preview(text: &str) -> String {
    text.get(..text.floor_char_boundary(200)).unwrap_or(text).to_owned()
}
