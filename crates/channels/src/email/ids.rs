//! Message ids: one spelling for each, wherever it is found, so that ids can be compared as strings.

use sha2::{Digest, Sha256};

/// Longer ids are replaced by a digest: they are keys of an index.
const ID_BYTES_MAX: usize = 512;

/// The id of a message that came without one. The same bytes give the same id, so importing twice finds it again.
pub fn synthetic_id(raw: &[u8]) -> String {
    format!("sha256-{}@missing.invalid", hex(raw))
}

/// The id a message gives itself. What stands in angle brackets, or else the whole value.
pub fn own_id(value: &str) -> Option<String> {
    bracketed(value).into_iter().next().or_else(|| normal(value))
}

/// The ids a message refers to, in order. Only what stands in angle brackets counts, since mailers write sentences
/// into In-Reply-To; without any, words with an `@` do, unless it is the address of "…'s message of Tuesday".
pub fn referred_ids(value: &str) -> Vec<String> {
    let ids = bracketed(value);
    if !ids.is_empty() || value.contains('<') {
        return ids;
    }
    value
        .split(|c: char| c.is_whitespace() || c == ',' || c == ';')
        .map(|word| word.trim_matches(['"', '\'', '(', ')', '>', '.']))
        .filter(|word| word.contains('@') && !word.ends_with("'s"))
        .filter_map(normal)
        .collect()
}

fn bracketed(value: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = value;
    while let Some(end) = rest.find('>') {
        let (before, after) = rest.split_at(end);
        if let Some(start) = before.rfind('<') {
            ids.extend(normal(&before[start + 1..]));
        }
        rest = &after[1..];
    }
    ids
}

fn normal(id: &str) -> Option<String> {
    let id: String = id
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control() && *c != '<' && *c != '>')
        .collect();
    match id.len() {
        0 => None,
        1..=ID_BYTES_MAX => Some(id),
        _ => Some(format!("sha256-{}@long.invalid", hex(id.as_bytes()))),
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_inside_an_id_is_removed() {
        assert_eq!(
            own_id(" <long-part\r\n\t.more@example.org> ").as_deref(),
            Some("long-part.more@example.org")
        );
    }

    #[test]
    fn odd_characters_of_an_id_are_kept() {
        let id = "4b09891e.YhJ/aJZOBwneOaFr%anna@example.net";
        assert_eq!(own_id(&format!("<{id}>")).as_deref(), Some(id));
    }

    #[test]
    fn an_id_without_brackets_is_still_an_id() {
        assert_eq!(own_id("12345@example.org").as_deref(), Some("12345@example.org"));
        assert_eq!(referred_ids("12345@example.org"), ["12345@example.org"]);
    }

    #[test]
    fn an_empty_id_is_none() {
        assert_eq!(own_id("<>"), None);
        assert_eq!(own_id("  "), None);
    }

    #[test]
    fn of_a_sentence_only_the_id_in_brackets_counts() {
        let value = "Your message of \"Tue, 03 Mar 2026 10:00:00 +0100\" <id@example.org>";
        assert_eq!(referred_ids(value), ["id@example.org"]);
    }

    #[test]
    fn a_person_named_in_a_sentence_is_not_an_id() {
        assert!(referred_ids("anna@example.org's message of Tuesday").is_empty());
    }

    #[test]
    fn ids_without_space_between_them_are_told_apart() {
        assert_eq!(
            referred_ids("<a@example.org><b@example.org>"),
            ["a@example.org", "b@example.org"]
        );
    }

    #[test]
    fn an_overlong_id_becomes_a_digest_of_itself() {
        let long = format!("<{}@example.org>", "a".repeat(5_000));
        assert_eq!(own_id(&long).map(|id| id.len()), Some(7 + 64 + 13));
        assert_eq!(own_id(&long), own_id(&long.replace("aaaa", "aa aa")));
    }

    #[test]
    fn a_synthetic_id_depends_on_the_bytes_alone() {
        assert_eq!(synthetic_id(b"one"), synthetic_id(b"one"));
        assert_ne!(synthetic_id(b"one"), synthetic_id(b"two"));
        assert!(synthetic_id(b"").ends_with("@missing.invalid"));
    }
}
