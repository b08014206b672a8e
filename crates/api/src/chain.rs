//! A failure with all its causes on one line, for the log. Databases and parsers quote values in their messages; those are left out.

use std::error::Error;
use std::fmt::Write;

/// A failure and its causes, outermost first.
#[must_use]
pub fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        if let Some(database) = error.downcast_ref::<sqlx::Error>() {
            describe_database(database, &mut text);
            break;
        }
        if let Some(json) = error.downcast_ref::<serde_json::Error>() {
            let _ = write!(text, "JSON {:?} at {}:{}", json.classify(), json.line(), json.column());
            break;
        }
        let said = error.to_string();
        if !text.ends_with(&format!("{said}: ")) {
            text.push_str(&said);
        }
        next = error.source();
    }
    text
}

fn describe_database(error: &sqlx::Error, text: &mut String) {
    let Some(error) = error.as_database_error() else {
        // Connections, pools, columns and types: nothing that came from outside.
        let _ = write!(text, "{error}");
        return;
    };
    let code = error.code().unwrap_or_default();
    let _ = write!(text, "database error {code}");
    for (word, name) in [("table", error.table()), ("constraint", error.constraint())] {
        if let Some(name) = name {
            let _ = write!(text, ", {word} {name}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parser_does_not_quote_what_it_read() {
        let json = serde_json::from_str::<u32>("\"planted\"").unwrap_err();
        let error = decider::DecodeError::Payload {
            type_name: "TicketCreated".to_owned(),
            schema_version: 1,
            source: json,
        };
        let text = describe(&error);
        assert!(text.contains("TicketCreated") && !text.contains("planted"), "{text}");
    }
}
