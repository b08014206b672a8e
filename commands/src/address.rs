//! E-mail addresses: what counts as one, and the one spelling under which it is compared (K01).

use unicode_normalization::UnicodeNormalization;

use crate::limits::EMAIL_CHARS_MAX;
use crate::refusal::Fault;

const INVALID_EMAIL: Fault = Fault { code: "invalid_email", message: "is not an e-mail address" };

/// The spelling under which an address is compared: trimmed, lower case, Unicode-normalised (NFC).
#[must_use]
pub fn normalised(address: &str) -> String {
    // Lower case may take a letter apart again, so the composition comes last.
    address.trim().nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// An address as it is to be kept: trimmed, one `@` with something on both sides, no spaces or control characters.
pub(crate) fn checked(address: &str) -> Result<String, Fault> {
    let address = address.trim();
    let sound = address.chars().count() <= EMAIL_CHARS_MAX
        && !address.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c))
        && !crate::text::is_blank(address)
        && address.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
    if sound { Ok(address.to_owned()) } else { Err(INVALID_EMAIL) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling_k01() {
        assert_eq!(normalised(" Anna@Example.ORG "), "anna@example.org");
        assert_eq!(normalised("JU\u{308}RGEN@example.org"), normalised("jürgen@example.org"));
    }

    #[test]
    fn an_address_has_one_at_and_something_around_it() {
        assert_eq!(checked(" anna@example.org "), Ok("anna@example.org".to_owned()));
        for wrong in ["", "anna", "@example.org", "anna@", "a@b@c", "an na@example.org", "a\0@b"] {
            assert_eq!(checked(wrong), Err(INVALID_EMAIL), "{wrong:?}");
        }
        assert_eq!(checked(&format!("{}@b", "a".repeat(253))), Err(INVALID_EMAIL));
    }
}
