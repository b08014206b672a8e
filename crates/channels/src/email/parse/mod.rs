//! Reads a mail into plain data. It never refuses: what cannot be understood is named in `problems` and left out.

mod automatic;
mod body;
mod decode;
mod fields;
mod guard;
mod head;
mod names;
mod part;
mod repair;
mod seams;
#[cfg(test)]
mod tests;

use std::panic;

use jiff::Timestamp;
use mail_parser::MessageParser;

use self::guard::Structure;
use self::head::Head;
pub(crate) use self::names::turns_direction;

/// A mail as a help desk needs it. The raw bytes remain the truth; this can be made again at any time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedMail {
    /// Without angle brackets and folding. `None` if the mail carries none: see `ids::synthetic_id`.
    pub message_id: Option<String>,
    pub in_reply_to: Vec<String>,
    pub references: Vec<String>,
    pub from: Option<Address>,
    pub reply_to: Vec<Address>,
    pub sender: Vec<Address>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub bcc: Vec<Address>,
    pub subject: Option<String>,
    /// What the sender's clock said, if it is plausible.
    pub date: Option<Timestamp>,
    /// The plain text; made from the HTML where the sender gave none.
    pub text: Option<String>,
    /// As sent: not safe to show.
    pub html: Option<String>,
    pub attachments: Vec<Attachment>,
    pub automatic: Option<AutomaticReason>,
    /// Stable codes, each once.
    pub problems: Vec<&'static str>,
    /// `false`: not a mail; only the raw bytes are worth anything.
    pub parsed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub name: Option<String>,
    pub email: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Fit to be a file name: no path, no control characters, nothing that turns the direction of text.
    pub name: String,
    pub media_type: String,
    pub content_id: Option<String>,
    /// Meant to be seen inside the message.
    pub inline: bool,
    pub bytes: Vec<u8>,
}

/// Why a mail is taken to come from a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutomaticReason {
    DeliveryReport,
    AutoSubmitted,
    Precedence,
    AutoResponseSuppress,
    EmptyReturnPath,
}

impl AutomaticReason {
    pub fn code(self) -> &'static str {
        match self {
            Self::DeliveryReport => "delivery_report",
            Self::AutoSubmitted => "auto_submitted",
            Self::Precedence => "precedence",
            Self::AutoResponseSuppress => "auto_response_suppress",
            Self::EmptyReturnPath => "empty_return_path",
        }
    }
}

/// Problem codes in the order they were met.
#[derive(Debug, Default)]
struct Problems(Vec<&'static str>);

impl Problems {
    fn note(&mut self, code: &'static str) {
        if !self.0.contains(&code) {
            self.0.push(code);
        }
    }
}

/// Reads a mail; `now` tells an implausible date from a good one.
pub fn parse(raw: &[u8], now: Timestamp) -> ParsedMail {
    // The library is foreign code and the input is hostile: a panic there must not lose the mail.
    panic::catch_unwind(|| read(raw, now)).unwrap_or_else(|_| unparsable())
}

/// What the header alone says, for those who only want to know where a mail belongs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    pub message_id: Option<String>,
    pub in_reply_to: Vec<String>,
    pub references: Vec<String>,
    /// What the sender's clock said, or else the last server's.
    pub date: Option<Timestamp>,
    pub parsed: bool,
}

/// Reads the header of a mail; `parsed` is the same as that of [`parse`].
pub fn outline(raw: &[u8], now: Timestamp) -> Outline {
    panic::catch_unwind(|| read_outline(raw, now)).unwrap_or_default()
}

fn read_outline(raw: &[u8], now: Timestamp) -> Outline {
    let raw = repair::header_block(without_empty_lines(raw));
    let Some(message) = MessageParser::default().parse_headers(&*raw) else {
        return Outline::default();
    };
    let head = Head::new(message.headers(), &raw);
    if !head.is_of_a_mail() {
        return Outline::default();
    }
    let mut problems = Problems::default();
    Outline {
        message_id: fields::message_id(head, &mut problems),
        in_reply_to: fields::ids(head, "in-reply-to"),
        references: fields::ids(head, "references"),
        date: fields::date(head, now, &mut problems).or_else(|| fields::received(head, now)),
        parsed: true,
    }
}

fn unparsable() -> ParsedMail {
    ParsedMail { problems: vec!["unparsable"], ..ParsedMail::default() }
}

fn read(raw: &[u8], now: Timestamp) -> ParsedMail {
    let raw = repair::header_block(without_empty_lines(raw));
    let structure = guard::structure(&raw);
    let parser = MessageParser::default();
    let message = match structure {
        Structure::Sound => parser.parse(&*raw),
        Structure::TooManyParts(end) => parser.parse(&raw[..end]),
        Structure::TooDeep => parser.parse_headers(&*raw),
    };
    let Some(message) = message else { return unparsable() };
    let head = Head::new(message.headers(), &raw);
    if !head.is_of_a_mail() {
        return unparsable();
    }
    let mut problems = Problems::default();
    let message_id = fields::message_id(head, &mut problems);
    let from = fields::from(head, &mut problems);
    let date = fields::date(head, now, &mut problems);
    let subject = fields::subject(head, &mut problems);
    let mut addresses = |name| fields::addresses(head, name, &mut problems);
    let (reply_to, sender) = (addresses("reply-to"), addresses("sender"));
    let (to, cc, bcc) = (addresses("to"), addresses("cc"), addresses("bcc"));
    let body = match structure {
        Structure::Sound => body::read(&message, &mut problems),
        Structure::TooManyParts(_) => {
            problems.note("too_many_parts");
            body::read(&message, &mut problems)
        }
        Structure::TooDeep => {
            problems.note("too_deep");
            body::undivided(head, &raw, &mut problems)
        }
    };
    ParsedMail {
        message_id,
        in_reply_to: fields::ids(head, "in-reply-to"),
        references: fields::ids(head, "references"),
        automatic: automatic::reason(head, from.as_ref()),
        from,
        reply_to,
        sender,
        to,
        cc,
        bcc,
        subject,
        date,
        text: body.text,
        html: body.html,
        attachments: body.attachments,
        problems: problems.0,
        parsed: true,
    }
}

fn without_empty_lines(raw: &[u8]) -> &[u8] {
    let start = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    &raw[start..]
}
