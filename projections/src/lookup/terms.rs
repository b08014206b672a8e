//! The words by which a person is found, and what of a query is looked for.

use unicode_normalization::UnicodeNormalization;

use super::PersonRow;

/// The most words of one person.
pub const TERMS_MAX: i16 = 16;
/// The most characters of one word: what is longer is found by its beginning.
const TERM_CHARS_MAX: usize = 64;

/// The words of a person: most telling first, each once.
pub fn terms_of(person: &PersonRow) -> Vec<String> {
    let (emails, phones) = (&person.emails.0, &person.phones.0);
    let name = person.name.as_deref().unwrap_or_default();
    let found = std::iter::once(shortened(&normalised(name)))
        .chain(words(name))
        .chain(emails.iter().map(|email| shortened(&address(&email.value))))
        .chain(phones.iter().map(|phone| shortened(&digits(&phone.value))))
        .chain(emails.iter().flat_map(|email| words(&email.value)));
    let mut terms: Vec<String> = Vec::new();
    for term in found.filter(|term| term.chars().nth(1).is_some()) {
        if terms.len() == usize::from(TERMS_MAX.unsigned_abs()) {
            break;
        }
        if !terms.contains(&term) {
            terms.push(term);
        }
    }
    terms
}

/// The words that all have to begin a word of a person, the longest first.
pub fn wanted(query: &str) -> Vec<String> {
    let text = normalised(query);
    let whole =
        text.contains('@') || text.chars().all(|c| c.is_ascii_digit() || "+-/() ".contains(c));
    let mut wanted: Vec<String> = if whole && text.contains('@') {
        text.split(' ').map(shortened).collect()
    } else if whole {
        vec![shortened(&digits(&text))]
    } else {
        words(&text).collect()
    };
    wanted.retain(|word| !word.is_empty());
    wanted.sort_by_key(|word| std::cmp::Reverse(word.len()));
    wanted.truncate(8);
    wanted
}

/// An address as it is compared (K01).
pub fn address(email: &str) -> String {
    lower(email.trim())
}

/// Lower case, composed. Lower case may take a letter apart again, so the composition comes last.
fn lower(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// Lower case, composed, single spaces.
pub fn normalised(text: &str) -> String {
    lower(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    lower(text)
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(shortened)
        .collect::<Vec<_>>()
        .into_iter()
}

fn shortened(text: &str) -> String {
    text.chars().take(TERM_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use event_store::projection::Json;
    use uuid::Uuid;

    use super::*;
    use crate::lookup::Entry;

    fn anna() -> PersonRow {
        PersonRow {
            person: Uuid::nil(),
            kind: "contact".to_owned(),
            name: Some("Anna  Müller-Lüdenscheidt".to_owned()),
            sort_name: String::new(),
            emails: Json(vec![Entry { no: 1, value: "A.Mueller@Example.org".to_owned() }]),
            phones: Json(vec![Entry { no: 2, value: "+49 (30) 123-45".to_owned() }]),
            primary_email: Some(1),
            active: true,
        }
    }

    fn is_found_by(query: &str) -> bool {
        let (terms, wanted) = (terms_of(&anna()), wanted(query));
        !wanted.is_empty()
            && wanted.iter().all(|word| terms.iter().any(|term| term.starts_with(word)))
    }

    #[test]
    fn a_person_is_found_by_the_beginning_of_any_word() {
        for query in [
            "anna",
            "ANN",
            "müll",
            "lüden anna",
            "a.mueller@ex",
            "mueller",
            "example",
            "4930123",
            "+49 30 12",
        ] {
            assert!(is_found_by(query), "{query}");
        }
        for query in ["berta", "nna", "anna berta", "", "  ", "@", "31"] {
            assert!(!is_found_by(query), "{query}");
        }
    }

    #[test]
    fn no_person_has_more_words_than_places() {
        let mut person = anna();
        person.name = Some((0..100).map(|n| format!("name{n} ")).collect());
        assert_eq!(terms_of(&person).len(), usize::from(TERMS_MAX.unsigned_abs()));
        assert!(terms_of(&person).iter().all(|term| term.chars().count() <= TERM_CHARS_MAX));
    }
}
