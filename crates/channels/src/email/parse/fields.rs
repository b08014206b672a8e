//! The fields of the header: ids, addresses, subject, date.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, Address as Parsed, DateTime, HeaderValue};

use super::headers::Headers;
use super::{Address, Problems, names, words};
use crate::email::ids;

const SUBJECT_CHARS_MAX: usize = 2_000;
/// More of a subject is not even decoded.
const SUBJECT_BYTES_MAX: usize = 64 * 1024;
/// 1990-01-01: no mail that a help desk gets is older.
const EARLIEST_SECOND: i64 = 631_152_000;
const AHEAD_SECONDS_MAX: i64 = 2 * 24 * 60 * 60;

pub fn message_id(headers: &Headers, problems: &mut Problems) -> Option<String> {
    let mut found: Vec<String> = headers.all("message-id").filter_map(ids::own_id).collect();
    found.dedup();
    match found.len() {
        0 => problems.note("no_message_id"),
        1 => {}
        _ => problems.note("several_message_ids"),
    }
    found.into_iter().next()
}

pub fn ids(headers: &Headers, name: &str) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    headers.all(name).flat_map(ids::referred_ids).filter(|id| seen.insert(id.clone())).collect()
}

pub fn from(headers: &Headers, problems: &mut Problems) -> Option<Address> {
    let found = addresses(headers, "from", problems).into_iter().next();
    if found.is_none() {
        problems.note("no_from");
    }
    found
}

pub fn addresses(headers: &Headers, name: &str, problems: &mut Problems) -> Vec<Address> {
    headers.all(name).flat_map(|value| listed(value, problems)).collect()
}

fn listed(value: &str, problems: &mut Problems) -> Vec<Address> {
    let line = words::in_utf8(value) + "\n";
    let groups = match MessageStream::new(line.as_bytes()).parse_address() {
        HeaderValue::Address(Parsed::List(list)) => vec![list],
        HeaderValue::Address(Parsed::Group(groups)) => {
            groups.into_iter().map(|group| group.addresses).collect()
        }
        _ => Vec::new(),
    };
    let mut addresses = Vec::new();
    for addr in groups.into_iter().flatten() {
        match address(&addr) {
            Some(address) => addresses.push(address),
            // A name alone is how "undisclosed recipients" look.
            None if addr.address.is_none() => {}
            None => problems.note("bad_address"),
        }
    }
    addresses
}

fn address(addr: &Addr<'_>) -> Option<Address> {
    let name = addr.name.as_deref().map(words::decoded).unwrap_or_default();
    match addr.address.as_deref() {
        Some(email) => Some(Address { name: names::shown(&name), email: email_in(email)? }),
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

pub fn subject(headers: &Headers, problems: &mut Problems) -> Option<String> {
    let value = headers.first("subject")?;
    let end = (0..=SUBJECT_BYTES_MAX.min(value.len())).rev().find(|at| value.is_char_boundary(*at));
    let subject = names::shown(&words::decoded(&value[..end.unwrap_or(0)]))?;
    match subject.char_indices().nth(SUBJECT_CHARS_MAX) {
        Some((cut, _)) => {
            problems.note("long_subject");
            Some(subject[..cut].to_owned())
        }
        None => Some(subject),
    }
}

pub fn date(headers: &Headers, now: Timestamp, problems: &mut Problems) -> Option<Timestamp> {
    let Some(value) = headers.first("date") else {
        problems.note("no_date");
        return None;
    };
    let Some(date) = instant(value.trim()) else {
        problems.note("bad_date");
        return None;
    };
    let latest = now.as_second().saturating_add(AHEAD_SECONDS_MAX);
    if (EARLIEST_SECOND..=latest).contains(&date.as_second()) {
        return Some(date);
    }
    problems.note("implausible_date");
    None
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
