//! The header of a mail or of one of its parts, as the library found it; values that it would read with loss are put
//! right and read by it again.

use std::borrow::Cow;

use mail_parser::parsers::MessageStream;
use mail_parser::{ContentType, Header, HeaderValue};

use super::{decode, repair, seams};

#[derive(Clone, Copy)]
pub struct Head<'a> {
    headers: &'a [Header<'a>],
    /// What the offsets of the headers count in.
    raw: &'a [u8],
    /// The charset that the body declares: raw bytes in a header are probably in it, too.
    declared: Option<&'a str>,
}

impl<'a> Head<'a> {
    pub fn new(headers: &'a [Header<'a>], raw: &'a [u8]) -> Self {
        let declared = headers.iter().find_map(|header| header.value.as_content_type());
        Self { headers, raw, declared: declared.and_then(|ct| ct.attribute("charset")) }
    }

    pub fn is_of_a_mail(&self) -> bool {
        self.headers.iter().any(|header| repair::is_mail_field(header.name()))
    }

    /// Where the body begins, if nothing else says so.
    pub fn end(&self) -> usize {
        self.headers.iter().map(|header| header.offset_end as usize).max().unwrap_or(0)
    }

    /// Values as they stand there, unfolded.
    pub fn texts(&self, name: &'a str) -> impl Iterator<Item = String> + use<'a> {
        let this = *self;
        this.named(name).map(move |header| {
            decode::header_text(this.bytes(header), this.declared)
                .chars()
                .filter(|c| !matches!(c, '\r' | '\n'))
                .collect()
        })
    }

    pub fn text(&self, name: &'a str) -> Option<String> {
        self.texts(name).next()
    }

    /// Values as the library reads them; `read` is its reader for this kind of value.
    pub fn values(
        &self,
        name: &'a str,
        read: for<'x> fn(&mut MessageStream<'x>) -> HeaderValue<'x>,
    ) -> impl Iterator<Item = Cow<'a, HeaderValue<'a>>> + use<'a> {
        let this = *self;
        this.named(name).map(move |header| {
            let raw = this.bytes(header);
            let text = decode::header_text(raw, this.declared);
            let joined = seams::joined_words(&text);
            if matches!((&text, &joined), (Cow::Borrowed(_), Cow::Borrowed(_))) {
                return Cow::Borrowed(&header.value);
            }
            Cow::Owned(read(&mut MessageStream::new(joined.as_bytes())).into_owned())
        })
    }

    /// A value with parameters: Content-Type or Content-Disposition.
    pub fn with_parameters(&self, name: &'a str) -> Option<ContentType<'static>> {
        let value = self.values(name, |stream| stream.parse_content_type()).next()?;
        let value = value.into_owned().into_owned().into_content_type()?;
        let lost = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
        if !value.attributes().unwrap_or_default().iter().any(|found| lost(&found.value)) {
            return Some(value);
        }
        let joined = self.text(name).and_then(|text| seams::joined_segments(&text));
        let again = joined.and_then(|joined| {
            MessageStream::new(joined.as_bytes())
                .parse_content_type()
                .into_owned()
                .into_content_type()
        });
        again.or(Some(value))
    }

    fn named(self, name: &'a str) -> impl Iterator<Item = &'a Header<'a>> + use<'a> {
        self.headers.iter().filter(move |header| header.name().eq_ignore_ascii_case(name))
    }

    fn bytes(&self, header: &Header<'_>) -> &'a [u8] {
        let range = header.offset_start as usize..header.offset_end as usize;
        self.raw.get(range).unwrap_or_default()
    }
}
