//! What of a mail is read, as text and as HTML, and what is attached: the library's choice, with what it could not decode
//! put back where it belongs.

use std::collections::HashSet;

use mail_parser::{Message, MessagePart, PartType};

use super::head::Head;
use super::part::Part;
use super::{Attachment, Problems, decode};
use crate::email::html;

#[derive(Debug, Default)]
pub struct Body {
    pub text: Option<String>,
    pub html: Option<String>,
    pub attachments: Vec<Attachment>,
}

pub fn read(message: &Message<'_>, problems: &mut Problems) -> Body {
    let parts: Vec<Part<'_>> =
        message.parts.iter().map(|found| Part::new(message, found)).collect();
    let (mut texts, mut htmls) = (ids(&message.text_body), ids(&message.html_body));
    let mut attached = Vec::new();
    for id in ids(&message.attachments) {
        let Some(part) = parts.get(id) else { continue };
        let read = part.is_damaged_body() || (texts.is_empty() && part.is_odd_body());
        match read {
            false => attached.push(id),
            true if part.is_html() => htmls.push(id),
            true => {
                texts.push(id);
                htmls.push(id);
            }
        }
        if part.is_text() && part.media_type.starts_with("multipart/") {
            problems.note("bad_multipart");
        }
    }
    let text =
        joined_text(&parts, &texts, problems).or_else(|| joined_text(&parts, &htmls, problems));
    let html = joined_html(&parts, &htmls, problems);
    let mut attachments: Vec<Attachment> = attached
        .into_iter()
        .map(|id| attachment(&parts[id], is_related(&message.parts, id), problems))
        .collect();
    if let Some(html) = &html {
        mark_inline(&mut attachments, html);
    }
    Body { text, html, attachments }
}

/// The body of a mail that is not taken apart.
pub fn undivided(head: Head<'_>, raw: &[u8], problems: &mut Problems) -> Body {
    let bytes = raw.get(head.end()..).unwrap_or_default();
    let content_type = head.with_parameters("content-type");
    let kind = content_type.as_ref().map_or("text", |value| value.ctype());
    if matches!(kind, "text" | "multipart") {
        let decoded = decode::in_charset(bytes.to_vec(), "utf-8");
        if decoded.damaged {
            problems.note("bad_charset");
        }
        let text = decoded.text.replace('\0', "\u{FFFD}");
        return Body { text: Some(text), ..Body::default() };
    }
    let whole = Attachment {
        name: "message.eml".to_owned(),
        media_type: "application/octet-stream".to_owned(),
        content_id: None,
        inline: false,
        bytes: bytes.to_vec(),
    };
    Body { attachments: vec![whole], ..Body::default() }
}

fn ids(list: &[u32]) -> Vec<usize> {
    list.iter().map(|id| *id as usize).collect()
}

fn joined_text(parts: &[Part<'_>], ids: &[usize], problems: &mut Problems) -> Option<String> {
    let mut texts = Vec::new();
    for part in ids.iter().filter_map(|id| parts.get(*id)).filter(|part| part.is_text()) {
        let text = part.text(problems);
        let text = if part.is_html() { text.as_deref().map(html::to_text) } else { text };
        texts.extend(text.filter(|text| !text.trim().is_empty()));
    }
    let (last, before) = texts.split_last()?;
    let mut joined: String = before.iter().map(|text| format!("{}\n\n", text.trim_end())).collect();
    joined.push_str(last);
    Some(joined)
}

/// Text between pieces of HTML, such as the footer of a list, goes in as paragraphs.
fn joined_html(parts: &[Part<'_>], ids: &[usize], problems: &mut Problems) -> Option<String> {
    let (mut pieces, mut found) = (Vec::new(), false);
    for part in ids.iter().filter_map(|id| parts.get(*id)).filter(|part| part.is_text()) {
        let Some(text) = part.text(problems) else { continue };
        found |= part.is_html();
        pieces.push(if part.is_html() { text } else { html::from_text(&text) });
    }
    found.then(|| pieces.join("\n"))
}

fn attachment(part: &Part<'_>, related: bool, problems: &mut Problems) -> Attachment {
    let bytes = part.bytes(problems).into_owned();
    let media_type = part.media_type.clone();
    if media_type.ends_with("ms-tnef") {
        problems.note("winmail_dat");
    }
    if matches!(
        media_type.as_str(),
        "application/pkcs7-mime" | "application/x-pkcs7-mime" | "application/pgp-encrypted"
    ) {
        problems.note("encrypted");
    }
    let content_id = part.content_id();
    let inline = part.is_meant("inline")
        || (related && content_id.is_some() && !part.is_meant("attachment"));
    let name = part.name().unwrap_or_else(|| part.default_name(&bytes));
    Attachment { name, media_type, content_id, inline, bytes }
}

fn is_related(parts: &[MessagePart<'_>], id: usize) -> bool {
    parts.iter().any(|part| match &part.body {
        PartType::Multipart(children) => {
            children.iter().any(|child| *child as usize == id)
                && part.headers.iter().any(|header| {
                    header
                        .value
                        .as_content_type()
                        .is_some_and(|value| value.subtype() == Some("related"))
                })
        }
        _ => false,
    })
}

/// A picture that the HTML shows is part of it, whatever its disposition says.
fn mark_inline(attachments: &mut [Attachment], html: &str) {
    let shown: HashSet<&str> = html
        .split("cid:")
        .skip(1)
        .map(|rest| rest.split(['"', '\'', ' ', '>', ')', '&']).next().unwrap_or_default())
        .collect();
    for attachment in attachments {
        attachment.inline |= attachment.content_id.as_deref().is_some_and(|id| shown.contains(id));
    }
}
