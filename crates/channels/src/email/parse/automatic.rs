//! Tells mail of machines from mail of people (auto-replies, bounces, bulk mail).

use super::head::Head;
use super::{Address, AutomaticReason};

pub fn reason(head: Head<'_>, from: Option<&Address>) -> Option<AutomaticReason> {
    if is_report(head, from) {
        return Some(AutomaticReason::DeliveryReport);
    }
    if head.text("auto-submitted").is_some_and(|value| says_automatic(value.trim()))
        || head.text("x-autoreply").is_some_and(|value| !value.trim().eq_ignore_ascii_case("no"))
        || head.text("x-autorespond").is_some()
    {
        return Some(AutomaticReason::AutoSubmitted);
    }
    if head.texts("precedence").any(|value| is_unattended(&value, head)) {
        return Some(AutomaticReason::Precedence);
    }
    if head.texts("x-auto-response-suppress").any(|value| suppresses_replies(&value)) {
        return Some(AutomaticReason::AutoResponseSuppress);
    }
    let empty = |value: String| value.chars().filter(|c| !c.is_whitespace()).eq(['<', '>']);
    head.text("return-path").is_some_and(empty).then_some(AutomaticReason::EmptyReturnPath)
}

fn is_report(head: Head<'_>, from: Option<&Address>) -> bool {
    let report = head.with_parameters("content-type").is_some_and(|content_type| {
        let kind = content_type.attribute("report-type").unwrap_or_default();
        content_type.ctype() == "multipart"
            && content_type.subtype() == Some("report")
            && !kind.eq_ignore_ascii_case("feedback-report")
    });
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
fn is_unattended(precedence: &str, head: Head<'_>) -> bool {
    match precedence.trim().to_ascii_lowercase().as_str() {
        "bulk" | "junk" => !is_of_a_list(head),
        "auto_reply" | "auto-reply" | "autoreply" => true,
        _ => false,
    }
}

fn is_of_a_list(head: Head<'_>) -> bool {
    let sender = head.text("sender").unwrap_or_default().to_ascii_lowercase();
    ["list-id", "list-post", "x-mailing-list"].iter().any(|name| head.text(name).is_some())
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
