//! Certificates and plans for people, and as JSON.

use commands::erasure::Progress;
use erasure::{Certificate, LINGERING, NOT_COVERED, Plan};
use events::erasure::{ErasureCounts, ErasureSubject, SharedContent};
use serde_json::{Value, json};

use crate::cli::{CliError, output};

/// So many contents of one sort are listed for people.
const LISTED_MAX: usize = 20;

/// Shows a certificate.
pub fn certificate(certificate: &Certificate, as_json: bool) -> Result<(), CliError> {
    let Certificate { id, erasure, standing } = certificate;
    let (state, destroyed_at, done) = match &erasure.progress {
        Progress::Requested => ("requested", None, None),
        Progress::Destroyed(at) => ("destroyed", Some(at), None),
        Progress::Completed { destroyed_at, at, outcome } => {
            ("completed", Some(destroyed_at), Some((at, outcome)))
        }
    };
    let of_person = matches!(erasure.requested.subject, ErasureSubject::Contact(_));
    let not_covered: &[&str] = if of_person { &NOT_COVERED } else { &[] };
    if as_json {
        return output::json_line(&json!({
            "id": id,
            "subject": erasure.requested.subject,
            "reason": erasure.requested.reason,
            "shared": erasure.requested.shared,
            "requested_by": erasure.by,
            "requested_at": erasure.at.to_string(),
            "state": state,
            "destroyed_at": destroyed_at.map(ToString::to_string),
            "completed_at": done.map(|(at, _)| at.to_string()),
            "keys": erasure.keys,
            "outcome": done.map(|(_, outcome)| outcome),
            "servers_awaited": standing.filter(|_| done.is_none()).map(|s| s.awaited + s.silent),
            "not_covered": not_covered,
            "lingering": LINGERING,
        }));
    }
    output::line(&format!("Certificate {id}: {state}"))?;
    let requested = &erasure.requested;
    output::line(&format!("  what           {}", subject(requested.subject)))?;
    output::line(&format!("  why            {}", word(&json!(requested.reason))))?;
    output::line(&format!("  asked for      {} by {}", erasure.at, erasure.by))?;
    if let Some(at) = destroyed_at {
        output::line(&format!(
            "  unreadable     since {at}: {} keys were destroyed",
            erasure.keys
        ))?;
    }
    let Some((at, outcome)) = done else {
        let waits = standing.map_or(0, |standing| standing.awaited + standing.silent);
        output::line(&format!("  waits          for {waits} servers to drop the keys"))?;
        return output::line(
            "A running server goes on with it; so does this command, called again.",
        );
    };
    output::line(&format!("  done           {at}"))?;
    counts(&outcome.counts)?;
    output::line(&format!(
        "  servers        {} confirmed, {} silent; {} sealed files deleted",
        outcome.nodes, outcome.nodes_silent, outcome.objects
    ))?;
    listed("Kept, since they concern another person, too:", &outcome.kept, outcome.kept_total)?;
    texts("Not covered:", not_covered)?;
    texts("What may linger, and until when:", &LINGERING)
}

/// Shows what would happen.
pub fn plan(plan: &Plan, as_json: bool) -> Result<(), CliError> {
    if as_json {
        return output::json_line(&json!({
            "counts": plan.counts,
            "kept": plan.kept,
            "shared_erased": plan.shared_erased,
            "not_covered": NOT_COVERED,
        }));
    }
    output::line("This would be erased (nothing has been changed):")?;
    counts(&plan.counts)?;
    let chosen = "Of that, concerning another person, too, as chosen:";
    listed(chosen, &plan.shared_erased, plan.shared_erased.len() as u64)?;
    let kept = "This would stay, since it concerns another person, too:";
    listed(kept, &plan.kept, plan.kept.len() as u64)?;
    texts("This would not be covered:", &NOT_COVERED)
}

fn counts(counts: &ErasureCounts) -> Result<(), CliError> {
    let ErasureCounts { persons, ticket_names, messages, comments, .. } = *counts;
    let ErasureCounts { files, originals, drafts, others, keys, .. } = *counts;
    output::line(&format!(
        "  erased         {persons} persons, {ticket_names} names of tickets, {messages} messages, {comments} comments, \
         {files} files, {originals} originals, {drafts} drafts, {others} others; {keys} keys"
    ))
}

fn listed(title: &str, contents: &[SharedContent], total: u64) -> Result<(), CliError> {
    if contents.is_empty() {
        return Ok(());
    }
    output::line(title)?;
    for shared in contents.iter().take(LISTED_MAX) {
        let place = shared.ticket.map(|ticket| format!(" of ticket {ticket}")).unwrap_or_default();
        let kind = word(&json!(shared.kind));
        output::line(&format!("  {kind} {}{place}", shared.content))?;
    }
    let more = total.saturating_sub(LISTED_MAX as u64);
    if more > 0 { output::line(&format!("  and {more} more; --json lists them")) } else { Ok(()) }
}

fn texts(title: &str, texts: &[&str]) -> Result<(), CliError> {
    if texts.is_empty() {
        return Ok(());
    }
    output::line(title)?;
    texts.iter().try_for_each(|text| output::line(&format!("  - {text}")))
}

/// What is erased, in words.
pub fn subject(subject: ErasureSubject) -> String {
    match subject {
        ErasureSubject::Contact(contact) => format!("contact {contact}"),
        ErasureSubject::Message { ticket, message } => {
            format!("words of message {message} of ticket {ticket}")
        }
        ErasureSubject::Comment { ticket, comment } => {
            format!("words of comment {comment} of ticket {ticket}")
        }
        ErasureSubject::File { ticket, attachment } => {
            format!("file {attachment} of ticket {ticket}")
        }
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().replace('_', " ")
}
