//! One part of a mail as the library found it, with its bytes and its text also where the library gave up.

use std::borrow::Cow;

use mail_parser::{ContentType, Encoding, Message, MessageParser, MessagePart, PartType};

use super::head::Head;
use super::{Problems, decode, fields, names};
use crate::email::ids;

pub struct Part<'a> {
    found: &'a MessagePart<'a>,
    raw: &'a [u8],
    pub head: Head<'a>,
    pub media_type: String,
    content_type: Option<ContentType<'static>>,
    disposition: Option<ContentType<'static>>,
}

impl<'a> Part<'a> {
    pub fn new(message: &'a Message<'a>, found: &'a MessagePart<'a>) -> Self {
        let raw = message.raw_message.as_ref();
        let head = Head::new(&found.headers, raw);
        let content_type = head.with_parameters("content-type");
        let disposition = head.with_parameters("content-disposition");
        let media_type = media_type(content_type.as_ref(), found);
        Self { found, raw, head, media_type, content_type, disposition }
    }

    pub fn is_html(&self) -> bool {
        self.media_type == "text/html"
    }

    pub fn is_text(&self) -> bool {
        matches!(self.found.body, PartType::Text(_) | PartType::Html(_))
    }

    /// The library counts text as attached when it could not decode it.
    pub fn is_damaged_body(&self) -> bool {
        let damaged = self.found.is_encoding_problem && self.name().is_none();
        let readable = matches!(self.media_type.as_str(), "text/plain" | "text/html");
        self.is_text()
            && !self.is_meant("attachment")
            && (self.media_type.starts_with("multipart/") || (readable && damaged))
    }

    /// Text of a kind that the library does not count among those for reading.
    pub fn is_odd_body(&self) -> bool {
        let bare = self.content_type.as_ref().is_some_and(|value| value.c_subtype.is_none());
        self.is_text()
            && !self.is_meant("attachment")
            && self.name().is_none()
            && (bare || matches!(self.media_type.as_str(), "text/markdown" | "text/enriched"))
    }

    pub fn is_meant(&self, disposition: &str) -> bool {
        self.disposition
            .as_ref()
            .is_some_and(|value| value.c_type.eq_ignore_ascii_case(disposition))
    }

    pub fn content_id(&self) -> Option<String> {
        self.head.text("content-id").and_then(|id| ids::own_id(&id))
    }

    pub fn name(&self) -> Option<String> {
        let parameter = |value: &Option<ContentType<'static>>, name| {
            value.as_ref()?.attribute(name).filter(|found| !found.is_empty()).map(str::to_owned)
        };
        let given = parameter(&self.disposition, "filename")
            .or_else(|| parameter(&self.content_type, "name"))?;
        let name = names::file(&given)?;
        let nested =
            self.media_type == "message/rfc822" && !name.to_ascii_lowercase().ends_with(".eml");
        Some(if nested { format!("{name}.eml") } else { name })
    }

    /// The content as it was before it was encoded for the journey.
    pub fn bytes(&self, problems: &mut Problems) -> Cow<'a, [u8]> {
        let encoding = self.encoding(problems);
        let whole = !self.found.is_encoding_problem && encoding == self.found.encoding;
        match &self.found.body {
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) if whole => {
                Cow::Borrowed(bytes)
            }
            PartType::Message(inner) if whole && encoding != Encoding::None => {
                Cow::Borrowed(&inner.raw_message)
            }
            // Of a text the library keeps characters only; these are its bytes.
            _ => self.decoded_again(encoding, problems),
        }
    }

    fn decoded_again(&self, encoding: Encoding, problems: &mut Problems) -> Cow<'a, [u8]> {
        let range = self.found.offset_body as usize..self.found.offset_end as usize;
        let raw = self.raw.get(range).unwrap_or_default();
        let decoded = match encoding {
            Encoding::None => return Cow::Borrowed(raw),
            Encoding::Base64 => decode::base64(raw),
            Encoding::QuotedPrintable => decode::quoted_printable(raw),
        };
        if decoded.damaged {
            problems.note("bad_encoding");
        }
        Cow::Owned(decoded.bytes)
    }

    /// The library knows an encoding only without a comment behind it.
    fn encoding(&self, problems: &mut Problems) -> Encoding {
        let value = self.head.text("content-transfer-encoding").unwrap_or_default();
        let word = value.split(['(', ';']).next().unwrap_or_default().trim().to_ascii_lowercase();
        match word.as_str() {
            "base64" => Encoding::Base64,
            "quoted-printable" => Encoding::QuotedPrintable,
            "" | "7bit" | "8bit" | "binary" => Encoding::None,
            _ => {
                problems.note("unknown_encoding");
                Encoding::None
            }
        }
    }

    /// The text; none if there is nothing to read.
    pub fn text(&self, problems: &mut Problems) -> Option<String> {
        let charset = self.content_type.as_ref().and_then(|value| value.attribute("charset"));
        let text = match &self.found.body {
            PartType::Text(text) | PartType::Html(text)
                if self.is_read(text, charset, problems) =>
            {
                Cow::Borrowed(text.as_ref())
            }
            _ => {
                let bytes = self.bytes(problems).into_owned();
                let stated = if self.is_html() { decode::charset_in(&bytes) } else { None };
                let charset = charset.or(stated.as_deref()).unwrap_or("utf-8");
                let decoded = decode::in_charset(bytes, charset);
                if decoded.damaged {
                    problems.note("bad_charset");
                }
                Cow::Owned(decoded.text)
            }
        };
        let text = text.replace('\0', "\u{FFFD}");
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
        if text.trim().is_empty() {
            return None;
        }
        let whole = || text.replace("\r\n", "\n").replace('\r', "\n");
        Some(if self.is_html() { text.to_owned() } else { whole() })
    }

    /// Whether the library can have read the text without loss. It reads ASCII as Windows-1252 and puts replacement
    /// characters for whatever is not of the charset.
    fn is_read(&self, text: &str, charset: Option<&str>, problems: &mut Problems) -> bool {
        let sure = match charset {
            None => !self.is_html(),
            Some(charset) => {
                !decode::is_unicode_or_ascii(charset) || charset.eq_ignore_ascii_case("utf-8")
            }
        };
        !self.found.is_encoding_problem
            && self.encoding(problems) == self.found.encoding
            && (text.is_ascii() || (sure && !text.contains(char::REPLACEMENT_CHARACTER)))
    }

    pub fn default_name(&self, bytes: &[u8]) -> String {
        let fixed = match self.media_type.as_str() {
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
}

fn media_type(content_type: Option<&ContentType<'_>>, found: &MessagePart<'_>) -> String {
    let declared = content_type.and_then(|value| {
        let name = format!("{}/{}", value.ctype(), value.subtype()?);
        let plain = name.len() <= 127 && name.bytes().all(|byte| byte.is_ascii_graphic());
        plain.then(|| name.to_ascii_lowercase())
    });
    let default = if found.is_message() { "message/rfc822" } else { "text/plain" };
    declared.unwrap_or_else(|| default.to_owned())
}

fn nested_name(bytes: &[u8]) -> String {
    let parsed = MessageParser::default().parse_headers(bytes);
    let subject = parsed.and_then(|inner| {
        fields::subject(Head::new(inner.headers(), bytes), &mut Problems::default())
    });
    let safe = subject.map(|s| {
        s.chars().map(|c| if "/\\:*?\"<>|".contains(c) { '_' } else { c }).collect::<String>()
    });
    match safe.as_deref().and_then(names::file) {
        Some(name) => format!("{name}.eml"),
        None => "message.eml".to_owned(),
    }
}
