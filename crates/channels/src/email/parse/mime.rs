//! Walks the parts of a mail: finds its text and its HTML, and keeps everything else as attachments.

use std::collections::HashSet;

use super::headers::{Headers, line_at, without_line_end};
use super::params::Params;
use super::{Attachment, Problems, decode, names};
use crate::email::html;

const DEPTH_MAX: usize = 30;
const PARTS_MAX: usize = 2_000;

#[derive(Debug, Default)]
pub struct Body {
    pub text: Option<String>,
    pub html: Option<String>,
    pub attachments: Vec<Attachment>,
}

/// One stretch of what is read: the same content as text, as HTML, or as both.
#[derive(Debug, Default)]
struct Stretch {
    text: Option<String>,
    html: Option<String>,
}

/// What the container says about a part.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    container: Container,
    first: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    None,
    Mixed,
    Alternative,
    Related,
    Digest,
}

struct Walk<'p> {
    parts: usize,
    attachments: Vec<Attachment>,
    problems: &'p mut Problems,
}

struct Part<'a> {
    content_type: Params,
    disposition: Params,
    headers: &'a Headers,
    body: &'a [u8],
}

pub fn read(headers: &Headers, body: &[u8], problems: &mut Problems) -> Body {
    let mut walk = Walk { parts: 0, attachments: Vec::new(), problems };
    let place = Place { depth: 0, container: Container::None, first: true };
    let stretches = walk.part(headers, body, place);
    let mut attachments = walk.attachments;
    let text = joined_text(&stretches);
    let html = joined_html(stretches);
    if let Some(html) = &html {
        mark_inline(&mut attachments, html);
    }
    Body { text, html, attachments }
}

impl Walk<'_> {
    fn part(&mut self, headers: &Headers, body: &[u8], place: Place) -> Vec<Stretch> {
        self.parts += 1;
        let mut content_type = Params::read(headers.first("content-type").unwrap_or_default());
        if !is_media_type(&content_type.value) {
            let default =
                if place.container == Container::Digest { "message/rfc822" } else { "text/plain" };
            content_type.value = default.to_owned();
        }
        let disposition = Params::read(headers.first("content-disposition").unwrap_or_default());
        let mut part = Part { content_type, disposition, headers, body };
        if part.content_type.value.starts_with("multipart/") {
            match self.sections(&part, place) {
                Some(sections) => return self.container(&part, &sections, place),
                None => {
                    self.problems.note("bad_multipart");
                    part.content_type.value = "text/plain".to_owned();
                }
            }
        }
        if part.is_body(place) {
            let stretch = self.stretch(&part);
            return Vec::from_iter(stretch);
        }
        self.attach(&part, place);
        Vec::new()
    }

    fn sections<'a>(&mut self, part: &Part<'a>, place: Place) -> Option<Vec<&'a [u8]>> {
        if place.depth >= DEPTH_MAX {
            self.problems.note("too_deep");
            return None;
        }
        let sections = split(part.body, part.content_type.get("boundary")?);
        (!sections.is_empty()).then_some(sections)
    }

    fn container(&mut self, part: &Part<'_>, sections: &[&[u8]], place: Place) -> Vec<Stretch> {
        let container = match part.content_type.value.as_str() {
            "multipart/alternative" => Container::Alternative,
            "multipart/related" => Container::Related,
            "multipart/digest" => Container::Digest,
            _ => Container::Mixed,
        };
        let mut found = Vec::new();
        for (index, section) in sections.iter().enumerate() {
            if self.parts >= PARTS_MAX {
                self.problems.note("too_many_parts");
                break;
            }
            let headers = Headers::read(section);
            let body = &section[headers.body_at..];
            let place = Place { depth: place.depth + 1, container, first: index == 0 };
            found.push(self.part(&headers, body, place));
        }
        match container {
            Container::Alternative => Vec::from_iter(chosen(found)),
            _ => found.into_iter().flatten().collect(),
        }
    }

    fn stretch(&mut self, part: &Part<'_>) -> Option<Stretch> {
        let bytes = self.decoded(part);
        let is_html = part.content_type.value == "text/html";
        let declared = part.content_type.get("charset").map(str::to_owned);
        let charset = declared.or_else(|| if is_html { decode::charset_in(&bytes) } else { None });
        let decoded = decode::in_charset(bytes, charset.as_deref().unwrap_or("utf-8"));
        if decoded.damaged {
            self.problems.note("bad_charset");
        }
        let text = decoded.text.replace('\0', "\u{FFFD}");
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
        if text.trim().is_empty() {
            return None;
        }
        Some(if is_html {
            Stretch { text: None, html: Some(text.to_owned()) }
        } else {
            Stretch { text: Some(text.replace("\r\n", "\n").replace('\r', "\n")), html: None }
        })
    }

    fn attach(&mut self, part: &Part<'_>, place: Place) {
        let bytes = self.decoded(part);
        let media_type = part.content_type.value.clone();
        if media_type.ends_with("ms-tnef") {
            self.problems.note("winmail_dat");
        }
        if matches!(media_type.as_str(), "application/pkcs7-mime" | "application/x-pkcs7-mime")
            || (place.first && media_type == "application/pgp-encrypted")
        {
            self.problems.note("encrypted");
        }
        let content_id = part.headers.first("content-id").and_then(crate::email::ids::own_id);
        let related = place.container == Container::Related && content_id.is_some();
        let inline = part.disposition.value == "inline"
            || (related && part.disposition.value != "attachment");
        let name = part.name().unwrap_or_else(|| default_name(&media_type, &bytes));
        self.attachments.push(Attachment { name, media_type, content_id, inline, bytes });
    }

    fn decoded(&mut self, part: &Part<'_>) -> Vec<u8> {
        let encoding = part.headers.first("content-transfer-encoding").unwrap_or_default();
        let word =
            encoding.split(['(', ';']).next().unwrap_or_default().trim().to_ascii_lowercase();
        let decoded = match word.as_str() {
            "base64" => decode::base64(part.body),
            "quoted-printable" => decode::quoted_printable(part.body),
            "" | "7bit" | "8bit" | "binary" => return part.body.to_vec(),
            _ => {
                self.problems.note("unknown_encoding");
                return part.body.to_vec();
            }
        };
        if decoded.damaged {
            self.problems.note("bad_encoding");
        }
        decoded.bytes
    }
}

impl Part<'_> {
    /// Text that is neither marked as an attachment nor named like one.
    fn is_body(&self, place: Place) -> bool {
        let readable = matches!(
            self.content_type.value.as_str(),
            "text/plain" | "text/html" | "text/markdown" | "text/enriched"
        );
        let leading = place.first || place.container == Container::Alternative;
        let placed = place.container != Container::Related || place.first;
        readable
            && placed
            && self.disposition.value != "attachment"
            && (leading || self.name().is_none())
    }

    fn name(&self) -> Option<String> {
        let given = self.disposition.get("filename").or_else(|| self.content_type.get("name"))?;
        let name = names::file(given)?;
        let nested = self.content_type.value == "message/rfc822"
            && !name.to_ascii_lowercase().ends_with(".eml");
        Some(if nested { format!("{name}.eml") } else { name })
    }
}

/// Of alternatives the first text and the last HTML: the order is from plain to rich.
fn chosen(alternatives: Vec<Vec<Stretch>>) -> Option<Stretch> {
    let mut chosen = Stretch::default();
    for stretches in alternatives {
        if chosen.text.is_none() && stretches.iter().any(|s| s.text.is_some()) {
            chosen.text = joined_text(&stretches);
        }
        chosen.html = joined_html(stretches).or(chosen.html);
    }
    (chosen.text.is_some() || chosen.html.is_some()).then_some(chosen)
}

fn joined_text(stretches: &[Stretch]) -> Option<String> {
    let texts: Vec<String> = stretches
        .iter()
        .filter_map(|stretch| match (&stretch.text, &stretch.html) {
            (Some(text), _) => Some(text.clone()),
            (None, html) => html.as_deref().map(html::to_text),
        })
        .filter(|text| !text.trim().is_empty())
        .collect();
    let (last, before) = texts.split_last()?;
    let mut joined: String = before.iter().map(|text| format!("{}\n\n", text.trim_end())).collect();
    joined.push_str(last);
    Some(joined)
}

/// Text between pieces of HTML, such as the footer of a list, goes in as paragraphs.
fn joined_html(stretches: Vec<Stretch>) -> Option<String> {
    if stretches.iter().all(|stretch| stretch.html.is_none()) {
        return None;
    }
    let pieces = stretches.into_iter().filter_map(|stretch| match (stretch.html, stretch.text) {
        (Some(html), _) => Some(html),
        (None, text) => text.as_deref().map(html::from_text),
    });
    Some(pieces.collect::<Vec<_>>().join("\n"))
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

/// The parts between the delimiter lines. A missing last delimiter is forgiven.
fn split<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let boundary = boundary.trim_end().as_bytes();
    let mut parts = Vec::new();
    let mut start = None;
    let mut at = 0;
    while at < body.len() {
        let line = line_at(body, at);
        let next = at + line.len();
        if let Some(last) = delimiter(line, boundary) {
            if let Some(start) = start.take() {
                parts.push(without_line_end(&body[start..at.max(start)]));
            }
            if last {
                return parts;
            }
            start = Some(next);
        }
        at = next;
    }
    parts.extend(start.map(|start| &body[start.min(body.len())..]).filter(|rest| !rest.is_empty()));
    parts
}

/// Whether a line is a delimiter, and if so whether it is the last.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?.trim_ascii_end();
    match rest {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

fn is_media_type(value: &str) -> bool {
    value.len() <= 127 && value.contains('/') && value.bytes().all(|byte| byte.is_ascii_graphic())
}

fn default_name(media_type: &str, bytes: &[u8]) -> String {
    let fixed = match media_type {
        "message/rfc822" | "message/global" => return nested_name(bytes),
        "text/calendar" => "invite.ics",
        "application/pkcs7-signature" | "application/x-pkcs7-signature" => "smime.p7s",
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => "smime.p7m",
        "application/pgp-signature" => "signature.asc",
        "application/pgp-encrypted" => "pgp-version.txt",
        "application/ms-tnef" | "application/vnd.ms-tnef" => "winmail.dat",
        "application/pdf" => "attachment.pdf",
        "message/delivery-status" => "delivery-status.txt",
        "text/rfc822-headers" => "headers.txt",
        "text/plain" => "attachment.txt",
        "text/html" => "attachment.html",
        "text/csv" => "attachment.csv",
        "image/jpeg" => "image.jpg",
        "image/png" => "image.png",
        "image/gif" => "image.gif",
        _ => "attachment.bin",
    };
    fixed.to_owned()
}

fn nested_name(bytes: &[u8]) -> String {
    let subject = super::fields::subject(&Headers::read(bytes), &mut Problems::default());
    let safe = subject.map(|s| {
        s.chars().map(|c| if "/\\:*?\"<>|".contains(c) { '_' } else { c }).collect::<String>()
    });
    match safe.as_deref().and_then(names::file) {
        Some(name) => format!("{name}.eml"),
        None => "message.eml".to_owned(),
    }
}
