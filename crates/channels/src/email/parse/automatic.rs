//! Tells mail of machines from mail of people (auto-replies, bounces, bulk mail).

use super::headers::Headers;
use super::params::Params;
use super::{Address, AutomaticReason};

pub fn reason(headers: &Headers, from: Option<&Address>) -> Option<AutomaticReason> {
    let first = |name| headers.first(name).map(str::trim);
    if is_report(headers, from) {
        return Some(AutomaticReason::DeliveryReport);
    }
    if first("auto-submitted").is_some_and(says_automatic)
        || first("x-autoreply").is_some_and(|value| !value.eq_ignore_ascii_case("no"))
        || first("x-autorespond").is_some()
    {
        return Some(AutomaticReason::AutoSubmitted);
    }
    if headers.all("precedence").any(|value| is_unattended(value, headers)) {
        return Some(AutomaticReason::Precedence);
    }
    if headers.all("x-auto-response-suppress").any(suppresses_replies) {
        return Some(AutomaticReason::AutoResponseSuppress);
    }
    let empty = |value: &str| value.chars().filter(|c| !c.is_whitespace()).eq(['<', '>']);
    headers.first("return-path").is_some_and(empty).then_some(AutomaticReason::EmptyReturnPath)
}

fn is_report(headers: &Headers, from: Option<&Address>) -> bool {
    let content_type = Params::read(headers.first("content-type").unwrap_or_default());
    let report = content_type.value == "multipart/report"
        && !content_type
            .get("report-type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("feedback-report"));
    let daemon = from
        .and_then(|address| address.email.split('@').next())
        .is_some_and(|local| local.eq_ignore_ascii_case("mailer-daemon"));
    report || daemon
}

fn says_automatic(value: &str) -> bool {
    let word = value.split([';', '(', ' ']).next().unwrap_or_default();
    !word.is_empty() && !word.eq_ignore_ascii_case("no")
}

/// A mailing list marks what people write to it as `list` or `bulk`; `bulk` alone is a machine's.
fn is_unattended(precedence: &str, headers: &Headers) -> bool {
    match precedence.trim().to_ascii_lowercase().as_str() {
        "bulk" | "junk" => !is_of_a_list(headers),
        "auto_reply" | "auto-reply" | "autoreply" => true,
        _ => false,
    }
}

fn is_of_a_list(headers: &Headers) -> bool {
    let sender = headers.first("sender").unwrap_or_default().to_ascii_lowercase();
    ["list-id", "list-post", "x-mailing-list"].iter().any(|name| headers.first(name).is_some())
        || sender.trim_start_matches([' ', '<']).starts_with("owner-")
        || sender.contains("-owner@")
        || sender.contains("-bounces@")
}

/// `DR`, `RN` and `NRN` only refuse receipts; ordinary mail carries them.
fn suppresses_replies(value: &str) -> bool {
    value.split(',').map(str::trim).any(|word| {
        ["all", "oof", "autoreply"].iter().any(|known| word.eq_ignore_ascii_case(known))
    })
}
