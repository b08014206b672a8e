//! The fields of the header: ids, addresses, subject, date.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use mail_parser::{Addr, Address as Parsed, DateTime, HeaderValue};

use super::head::Head;
use super::{Address, Problems, names};
use crate::email::ids;

const SUBJECT_CHARS_MAX: usize = 2_000;
/// 1990-01-01: no mail that a help desk gets is older.
const EARLIEST_SECOND: i64 = 631_152_000;
const AHEAD_SECONDS_MAX: i64 = 2 * 24 * 60 * 60;

pub fn message_id(head: Head<'_>, problems: &mut Problems) -> Option<String> {
    let mut found: Vec<String> =
        head.texts("message-id").filter_map(|id| ids::own_id(&id)).collect();
    found.dedup();
    match found.len() {
        0 => problems.note("no_message_id"),
        1 => {}
        _ => problems.note("several_message_ids"),
    }
    found.into_iter().next()
}

pub fn ids(head: Head<'_>, name: &'static str) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    head.texts(name)
        .flat_map(|value| ids::referred_ids(&value))
        .filter(|id| seen.insert(id.clone()))
        .collect()
}

pub fn from(head: Head<'_>, problems: &mut Problems) -> Option<Address> {
    let found = addresses(head, "from", problems).into_iter().next();
    if found.is_none() {
        problems.note("no_from");
    }
    found
}

pub fn addresses(head: Head<'_>, name: &'static str, problems: &mut Problems) -> Vec<Address> {
    let mut addresses = Vec::new();
    for value in head.values(name, |stream| stream.parse_address()) {
        let groups: Vec<&[Addr<'_>]> = match value.as_ref() {
            HeaderValue::Address(Parsed::List(list)) => vec![list],
            HeaderValue::Address(Parsed::Group(groups)) => {
                groups.iter().map(|group| group.addresses.as_slice()).collect()
            }
            _ => Vec::new(),
        };
        for addr in groups.into_iter().flatten() {
            match address(addr) {
                Some(address) => addresses.push(address),
                // A name alone is how "undisclosed recipients" look.
                None if addr.address.is_none() => {}
                None => problems.note("bad_address"),
            }
        }
    }
    addresses
}

fn address(addr: &Addr<'_>) -> Option<Address> {
    let name = addr.name.as_deref().unwrap_or_default();
    match addr.address.as_deref() {
        Some(email) => Some(Address { name: names::shown(name), email: email_in(email)? }),
        // Some mailers encode the address together with the name.
        None => {
            let (before, email) = name.rsplit_once('<')?;
            Some(Address {
                name: names::shown(before),
                email: email_in(email.trim_end_matches('>'))?,
            })
        }
    }
}

fn email_in(text: &str) -> Option<String> {
    let email = text.trim().trim_matches('\'');
    let (local, domain) = email.rsplit_once('@')?;
    let fits = !local.is_empty()
        && !domain.is_empty()
        && !email.contains(|c: char| c.is_whitespace() || c.is_control() || names::is_invisible(c));
    fits.then(|| email.to_owned())
}

pub fn subject(head: Head<'_>, problems: &mut Problems) -> Option<String> {
    let value = head.values("subject", |stream| stream.parse_unstructured()).next()?;
    let subject = names::shown(value.as_text()?)?;
    match subject.char_indices().nth(SUBJECT_CHARS_MAX) {
        Some((cut, _)) => {
            problems.note("long_subject");
            Some(subject[..cut].to_owned())
        }
        None => Some(subject),
    }
}

pub fn date(head: Head<'_>, now: Timestamp, problems: &mut Problems) -> Option<Timestamp> {
    let Some(value) = head.text("date") else {
        problems.note("no_date");
        return None;
    };
    let Some(date) = instant(value.trim()) else {
        problems.note("bad_date");
        return None;
    };
    if is_plausible(date, now) {
        return Some(date);
    }
    problems.note("implausible_date");
    None
}

/// When the last server on the way took it.
pub fn received(head: Head<'_>, now: Timestamp) -> Option<Timestamp> {
    let value = head.values("received", |stream| stream.parse_received()).next()?;
    let date = value.as_received()?.date().filter(DateTime::is_valid)?;
    Timestamp::from_second(date.to_timestamp()).ok().filter(|date| is_plausible(*date, now))
}

fn is_plausible(date: Timestamp, now: Timestamp) -> bool {
    let latest = now.as_second().saturating_add(AHEAD_SECONDS_MAX);
    (EARLIEST_SECOND..=latest).contains(&date.as_second())
}

fn instant(value: &str) -> Option<Timestamp> {
    let value = value.get(..value.len().min(200))?;
    let parsed = DateTime::parse_rfc822(value).filter(DateTime::is_valid);
    match parsed {
        Some(date) => Timestamp::from_second(date.to_timestamp()).ok(),
        // Without seconds and with a named zone; or not of the kind that mail has, but clear.
        None => rfc2822::parse(value).map(|date| date.timestamp()).or_else(|_| value.parse()).ok(),
    }
}
