//! What counts as a password.

use crate::error::ApiError;

/// The shortest password, in characters.
const PASSWORD_CHARS_MIN: usize = 10;

/// Refuses a password that is too short or too long.
pub(crate) fn check(field: &str, password: &str) -> Result<(), ApiError> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        let message = format!("must have at least {PASSWORD_CHARS_MIN} characters");
        return Err(ApiError::invalid_field(field, "too_short", message));
    }
    if password.len() > ops::PASSWORD_BYTES_MAX {
        let message = format!("must have at most {} bytes", ops::PASSWORD_BYTES_MAX);
        return Err(ApiError::invalid_field(field, "too_long", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_ten_to_a_thousand_characters() {
        for (password, code) in [
            ("", Some("too_short")),
            ("123456789", Some("too_short")),
            ("ääääääääää", None),
            (&*"x".repeat(1024), None),
            (&*"x".repeat(1025), Some("too_long")),
        ] {
            assert_eq!(
                check("password", password).err().map(|error| error.code().to_owned()).as_deref(),
                code
            );
        }
    }
}
