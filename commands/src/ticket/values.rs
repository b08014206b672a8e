//! Values of custom properties as they come in: checked against their definition, compared with what is there (T11).

use std::collections::BTreeMap;

use decider::{Aspects, Halt, KeyScope, Opened, Personal, World};
use events::property::DataType;
use events::ticket::{PropertiesSet, property_aspect, property_field};
use events::value::{PropertyChange, PropertyValue};
use events::{PropertyId, TicketId};
use serde_json::{Number, Value};

use super::TicketRejection;
use crate::directory::Directory;
use crate::limits::{LINK_CHARS_MAX, NUMBER_DIGITS_MAX, PROPERTY_TEXT_BYTES_MAX};
use crate::property::LiveProperty;
use crate::refusal::{Checks, Fault};
use crate::text;

const INVALID_VALUE: Fault =
    Fault { code: "invalid_value", message: "does not fit the property's type" };
const NOT_EXACT: Fault = Fault {
    code: "number_not_exact",
    message: "has more digits than a JSON number keeps; send it as text",
};
/// Decimal digits that a double keeps.
const DOUBLE_DIGITS_MAX: usize = 15;

/// Values by API name or id of the property, as JSON; null empties the property.
#[derive(Clone, Debug, Default)]
pub struct PropertyInputs(pub BTreeMap<String, Personal<Value>>);

impl PropertyInputs {
    /// What they write: each property that is named by its id, all of them otherwise.
    pub(super) fn touches(&self, aspects: Aspects) -> Aspects {
        self.0.keys().fold(aspects, |aspects, key| match key.parse() {
            Ok(id) => aspects.and(property_aspect(id)),
            Err(_) => aspects.and("properties"),
        })
    }

    /// Checks every value against its definition.
    pub(super) fn checked(&self, directory: &Directory, checks: &mut Checks) -> PropertyEdit {
        let mut edit = PropertyEdit::default();
        for (key, value) in &self.0 {
            let field = format!("properties.{key}");
            let id = directory.property_by_key(key).or_else(|| key.parse().ok());
            let known = id.and_then(|id| Some((id, directory.property(id)?)));
            match known {
                None => checks.fault(field, "unknown_property", "there is no such property"),
                Some((_, property)) if property.archived => {
                    checks.fault(field, "property_archived", "takes no new values");
                }
                Some((id, property)) => {
                    let value = checks.take(&field, clear_value(property, &value.0));
                    edit.0.insert(id, value);
                }
            }
        }
        edit
    }
}

/// A checked value, still clear.
#[derive(Clone, PartialEq)]
enum ClearValue {
    Text(String),
    Number(String),
    Date(String),
    Boolean(bool),
    SingleChoice(String),
    MultiChoice(Vec<String>),
    Link(String),
}

/// Refuses properties that a status asks for and that are empty (T10). Archived ones are not asked for any more.
pub fn refuse_empty(
    required: &[PropertyId],
    directory: &Directory,
    is_empty: impl Fn(&PropertyId) -> bool,
) -> Result<(), TicketRejection> {
    let missing: Vec<String> = required
        .iter()
        .filter(|id| is_empty(id))
        .filter_map(|id| directory.property(*id))
        .filter(|property| !property.archived)
        .map(|property| property.key.clone())
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(TicketRejection::RequiredPropertiesMissing(missing))
    }
}

/// Checked values to be written.
#[derive(Default)]
pub struct PropertyEdit(BTreeMap<PropertyId, Option<ClearValue>>);

impl PropertyEdit {
    /// Refuses to enter a status while properties it asks for are empty (T10).
    pub fn require(
        &self,
        required: &[PropertyId],
        current: &BTreeMap<PropertyId, PropertyValue>,
        directory: &Directory,
    ) -> Result<(), TicketRejection> {
        let is_filled = |id: &PropertyId| {
            self.0.get(id).map_or_else(|| current.contains_key(id), Option::is_some)
        };
        refuse_empty(required, directory, |id| !is_filled(id))
    }

    /// The event that writes them; none when everything is there already.
    pub fn event(
        self,
        world: &World<'_>,
        ticket: TicketId,
        current: &BTreeMap<PropertyId, PropertyValue>,
    ) -> Result<Option<PropertiesSet>, Halt> {
        let directory = world.directory::<Directory>();
        let scope = KeyScope::ticket(ticket.0);
        let mut changes = Vec::new();
        for (property, to) in self.0 {
            let from = match current.get(&property) {
                Some(value) => opened(world, ticket, property, value)?,
                None => Opened::Open(None),
            };
            if from == Opened::Open(to.clone()) {
                continue;
            }
            let personal = directory.property(property).is_none_or(|property| property.personal);
            let seal = |value: ClearValue| stored(value, personal, &scope);
            let from = from.into_option().flatten().map(seal);
            changes.push(PropertyChange { property, from, to: to.map(seal) });
        }
        Ok((!changes.is_empty()).then_some(PropertiesSet { changes }))
    }
}

fn opened(
    world: &World<'_>,
    ticket: TicketId,
    property: PropertyId,
    value: &PropertyValue,
) -> Result<Opened<Option<ClearValue>>, Halt> {
    let clear = match value {
        PropertyValue::Text(sealed) => {
            match world.open(ticket, &property_field(property), sealed)? {
                Opened::Open(text) => ClearValue::Text(text),
                Opened::Forgotten => return Ok(Opened::Forgotten),
            }
        }
        PropertyValue::Link(sealed) => {
            match world.open(ticket, &property_field(property), sealed)? {
                Opened::Open(link) => ClearValue::Link(link),
                Opened::Forgotten => return Ok(Opened::Forgotten),
            }
        }
        PropertyValue::TextClear(text) => ClearValue::Text(text.clone()),
        PropertyValue::Number(number) => ClearValue::Number(number.clone()),
        PropertyValue::Date(date) => ClearValue::Date(date.clone()),
        PropertyValue::Boolean(yes) => ClearValue::Boolean(*yes),
        PropertyValue::SingleChoice(choice) => ClearValue::SingleChoice(choice.clone()),
        PropertyValue::MultiChoice(choices) => ClearValue::MultiChoice(choices.clone()),
        PropertyValue::LinkClear(link) => ClearValue::Link(link.clone()),
    };
    Ok(Opened::Open(Some(clear)))
}

fn stored(value: ClearValue, personal: bool, scope: &KeyScope) -> PropertyValue {
    match value {
        ClearValue::Text(text) if personal => PropertyValue::Text(Personal(text).seal(scope)),
        ClearValue::Text(text) => PropertyValue::TextClear(text),
        ClearValue::Number(number) => PropertyValue::Number(number),
        ClearValue::Date(date) => PropertyValue::Date(date),
        ClearValue::Boolean(yes) => PropertyValue::Boolean(yes),
        ClearValue::SingleChoice(choice) => PropertyValue::SingleChoice(choice),
        ClearValue::MultiChoice(choices) => PropertyValue::MultiChoice(choices),
        ClearValue::Link(link) if personal => PropertyValue::Link(Personal(link).seal(scope)),
        ClearValue::Link(link) => PropertyValue::LinkClear(link),
    }
}

fn clear_value(property: &LiveProperty, value: &Value) -> Result<Option<ClearValue>, Fault> {
    if value.is_null() {
        return Ok(None);
    }
    let word = || value.as_str().ok_or(INVALID_VALUE);
    Ok(match property.data_type {
        DataType::Text => {
            let text = text::body(word()?, PROPERTY_TEXT_BYTES_MAX)?;
            (!text::is_blank(&text)).then_some(ClearValue::Text(text))
        }
        DataType::Number => {
            let text = match value.as_number() {
                Some(number) => exact(number)?,
                None => word()?.to_owned(),
            };
            filled(&text).map(decimal).transpose()?.map(ClearValue::Number)
        }
        DataType::Date => filled(word()?).map(date).transpose()?.map(ClearValue::Date),
        DataType::Boolean => Some(ClearValue::Boolean(value.as_bool().ok_or(INVALID_VALUE)?)),
        DataType::SingleChoice => match filled(word()?) {
            None => None,
            Some(choice) if property.offers(choice) => {
                Some(ClearValue::SingleChoice(choice.to_owned()))
            }
            Some(_) => return Err(INVALID_VALUE),
        },
        DataType::MultiChoice => choices(property, value)?,
        DataType::Link => filled(word()?).map(link).transpose()?.map(ClearValue::Link),
    })
}

fn filled(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

fn choices(property: &LiveProperty, value: &Value) -> Result<Option<ClearValue>, Fault> {
    let wanted = value.as_array().ok_or(INVALID_VALUE)?;
    let wanted: Option<Vec<&str>> = wanted.iter().map(Value::as_str).collect();
    let wanted = wanted.ok_or(INVALID_VALUE)?;
    if !wanted.iter().all(|choice| property.offers(choice)) {
        return Err(INVALID_VALUE);
    }
    let in_order = property.choices.iter().map(|choice| choice.value.clone());
    let chosen: Vec<_> = in_order.filter(|choice| wanted.contains(&choice.as_str())).collect();
    Ok((!chosen.is_empty()).then_some(ClearValue::MultiChoice(chosen)))
}

/// A double is faithful to fifteen digits: one with more may have been rounded before it came here, and nobody would know.
fn exact(number: &Number) -> Result<String, Fault> {
    let text = number.to_string();
    let digits = text.strip_suffix(".0").unwrap_or(&text).bytes().filter(u8::is_ascii_digit);
    if number.is_f64() && digits.skip_while(|digit| *digit == b'0').count() > DOUBLE_DIGITS_MAX {
        return Err(NOT_EXACT);
    }
    Ok(text)
}

/// A decimal number in its one spelling: no plus, no needless zeros, no minus zero.
fn decimal(text: &str) -> Result<String, Fault> {
    let (minus, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) || digits.len() > NUMBER_DIGITS_MAX + 1 {
        return Err(INVALID_VALUE);
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if whole.len() + fraction.len() > NUMBER_DIGITS_MAX {
        return Err(INVALID_VALUE);
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    Ok(match (whole, fraction) {
        ("0", "") => "0".to_owned(),
        (_, "") => format!("{minus}{whole}"),
        _ => format!("{minus}{whole}.{fraction}"),
    })
}

/// A real date as `YYYY-MM-DD`.
fn date(text: &str) -> Result<String, Fault> {
    let part = |range: std::ops::Range<usize>| {
        let digits = text.get(range).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
        digits.and_then(|digits| digits.parse::<u32>().ok()).ok_or(INVALID_VALUE)
    };
    let dashes = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    if !dashes {
        return Err(INVALID_VALUE);
    }
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return Err(INVALID_VALUE),
    };
    if (1..=days).contains(&day) { Ok(text.to_owned()) } else { Err(INVALID_VALUE) }
}

/// A link that is safe to offer: web or mail, nothing that runs.
fn link(text: &str) -> Result<String, Fault> {
    let lower = text.to_ascii_lowercase();
    let rest =
        ["http://", "https://", "mailto:"].iter().find_map(|start| lower.strip_prefix(start));
    let sound = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && text.chars().count() <= LINK_CHARS_MAX;
    if sound { Ok(text.to_owned()) } else { Err(INVALID_VALUE) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{Office, id};

    fn value(key: &str, value: &Value) -> Result<Option<ClearValue>, Fault> {
        let directory = Office::new().directory();
        let property = directory.property_by_key(key).and_then(|id| directory.property(id));
        clear_value(property.unwrap(), value)
    }

    fn assert_value(key: &str, input: &Value, expected: ClearValue) {
        assert!(value(key, input) == Ok(Some(expected)), "{key} {input}");
    }

    #[test]
    fn values_fit_their_type_t11() {
        assert_value("root_cause", &json!("Fuse\nblown"), ClearValue::Text("Fuse\nblown".into()));
        assert_value("amount", &json!("007.50"), ClearValue::Number("7.5".into()));
        assert_value("amount", &json!(-12.5), ClearValue::Number("-12.5".into()));
        assert_value("amount", &json!("-0.0"), ClearValue::Number("0".into()));
        assert_value("due", &json!("2024-02-29"), ClearValue::Date("2024-02-29".into()));
        assert_value("vip", &json!(true), ClearValue::Boolean(true));
        assert_value("severity", &json!("high"), ClearValue::SingleChoice("high".into()));
        let both = ClearValue::MultiChoice(vec!["low".into(), "high".into()]);
        assert_value("areas", &json!(["high", "low", "high"]), both);
        assert_value("page", &json!("https://x.org/a"), ClearValue::Link("https://x.org/a".into()));
    }

    #[test]
    fn values_that_do_not_fit_are_refused_t11() {
        let wrong = [
            ("root_cause", json!(1)),
            ("amount", json!("1e5")),
            ("amount", json!("1.")),
            ("amount", json!("9".repeat(41))),
            ("due", json!("2023-02-29")),
            ("due", json!("2023-13-01")),
            ("due", json!("01.02.2023")),
            ("vip", json!("true")),
            ("severity", json!("terrible")),
            ("areas", json!(["terrible"])),
            ("areas", json!("low")),
            ("page", json!("javascript:alert(1)")),
            ("page", json!("https://")),
        ];
        for (key, input) in wrong {
            assert!(value(key, &input) == Err(INVALID_VALUE), "{key} {input}");
        }
        let long = json!("a".repeat(PROPERTY_TEXT_BYTES_MAX + 1));
        assert!(value("root_cause", &long) == Err(text::TOO_LONG));
        assert!(value("root_cause", &json!("a\0")) == Err(text::INVALID_TEXT));
    }

    #[test]
    fn a_number_that_may_have_been_rounded_is_refused_t11() {
        for (text, kept) in [
            ("0.1", Some("0.1")),
            ("1234567.89", Some("1234567.89")),
            ("0.000123456789012345", Some("0.000123456789012345")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("0.1234567890123456789", None),
            ("123456789.123456789123", None),
            ("9007199254740993.5", None),
        ] {
            let found = value("amount", &serde_json::from_str(text).unwrap());
            let expected = kept.map(|kept| Some(ClearValue::Number(kept.to_owned())));
            assert!(found == expected.ok_or(NOT_EXACT), "{text}");
        }
        let long = ClearValue::Number("0.1234567890123456789".into());
        assert_value("amount", &json!("0.1234567890123456789"), long);
    }

    #[test]
    fn nothing_empties_a_property() {
        for (key, input) in [
            ("root_cause", json!(" ")),
            ("amount", json!("")),
            ("due", json!(null)),
            ("severity", json!("")),
            ("areas", json!([])),
            ("page", json!(" ")),
        ] {
            assert!(value(key, &input) == Ok(None), "{key} {input}");
        }
    }

    #[test]
    fn a_property_named_by_its_id_touches_only_itself_w03() {
        let id = PropertyId(id(50));
        let input = |key: String| PropertyInputs([(key, Personal(Value::Null))].into());
        let other = Aspects::of(&["properties"]);
        assert!(!input(id.to_string()).touches(Aspects::none()).meets(&other));
        assert!(input("severity".to_owned()).touches(Aspects::none()).meets(&other));
    }
}
