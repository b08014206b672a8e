//! Between text and HTML, in one pass and without a tree, so that no input is too large or too broken.

use mail_parser::decoders::html::add_html_token;

use crate::email::parse::turns_direction;

const PREVIEW_CHARS_MAX: usize = 200;
const QUOTE_DEPTH_MAX: usize = 9;

/// How "On … wrote:" begins and ends in the languages seen most.
const ATTRIBUTIONS: [(&str, &str); 8] = [
    ("On ", "wrote:"),
    ("Am ", "schrieb:"),
    ("Am ", ":"),
    ("Le ", "écrit :"),
    ("Le ", "écrit\u{a0}:"),
    ("El ", "escribió:"),
    ("Op ", "schreef:"),
    ("Il ", "scritto:"),
];

#[derive(Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// Names in lower case.
    Open(String),
    Close(String),
    Text(&'a str),
}

/// Tags and text in order. Comments are left out, and so is the content of elements that are not read.
pub fn tokens(html: &str) -> impl Iterator<Item = Token<'_>> {
    Tokens { rest: html }
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        while !self.rest.is_empty() {
            if !begins_tag(self.rest) {
                let first = self.rest.chars().next().map_or(0, char::len_utf8);
                let (text, rest) = self.rest.split_at(first + next_tag(&self.rest[first..]));
                self.rest = rest;
                return Some(Token::Text(text));
            }
            if let Some(comment) = self.rest.strip_prefix("<!--") {
                self.rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
                continue;
            }
            let (tag, rest) = self.rest.split_at(tag_length(self.rest));
            self.rest = rest;
            let (closes, name) = tag_name(tag);
            match name.as_str() {
                "" => continue,
                "script" | "style" | "title" if !closes => self.rest = after_close(rest, &name),
                _ if closes => return Some(Token::Close(name)),
                _ => return Some(Token::Open(name)),
            }
        }
        None
    }
}

fn begins_tag(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next() == Some(b'<')
        && match bytes.next() {
            Some(b'!' | b'?') => true,
            Some(b'/') => bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic()),
            Some(byte) => byte.is_ascii_alphabetic(),
            None => false,
        }
}

fn next_tag(text: &str) -> usize {
    text.match_indices('<')
        .map(|(at, _)| at)
        .find(|at| begins_tag(&text[*at..]))
        .unwrap_or(text.len())
}

/// Up to the `>` that is not inside quotes; everything, if there is none.
fn tag_length(tag: &str) -> usize {
    let mut quote = None;
    let mut after_equals = false;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (Some(mark), _) if byte == mark => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') if after_equals => quote = Some(byte),
            (None, _) => {}
        }
        after_equals = byte == b'=' || (after_equals && byte.is_ascii_whitespace());
    }
    tag.len()
}

fn tag_name(tag: &str) -> (bool, String) {
    let inner = tag.trim_start_matches('<');
    let closes = inner.starts_with('/');
    let name = inner.trim_start_matches('/');
    let end =
        name.find(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/').unwrap_or(name.len());
    let name = &name[..end];
    if name.starts_with(['!', '?']) {
        (false, String::new())
    } else {
        (closes, name.to_ascii_lowercase())
    }
}

fn after_close<'a>(text: &'a str, name: &str) -> &'a str {
    let closes = |at: &usize| {
        text.as_bytes()
            .get(at + 2..at + 2 + name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    };
    match text.match_indices("</").map(|(at, _)| at).find(closes) {
        Some(at) => &text[at + tag_length(&text[at..])..],
        None => "",
    }
}

/// Readable text: blocks become lines, quotations are marked with `> `, markup is gone.
pub fn to_text(html: &str) -> String {
    let mut writer = Writer::default();
    for token in tokens(html) {
        match token {
            Token::Text(text) => writer.text(text),
            Token::Open(name) => writer.open(&name),
            Token::Close(name) => writer.close(&name),
        }
    }
    writer.out.truncate(writer.out.trim_end().len());
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Line ends to write before the next word.
    breaks: usize,
    space: bool,
    quotes: usize,
    verbatim: usize,
}

impl Writer {
    fn open(&mut self, name: &str) {
        match name {
            "br" => self.breaks += 1,
            "li" => {
                self.at_least(1);
                self.word("-");
                self.space = true;
            }
            "td" | "th" => self.space = true,
            "pre" => {
                self.at_least(1);
                self.verbatim += 1;
            }
            "blockquote" => {
                self.at_least(1);
                self.quotes += 1;
            }
            _ => self.block(name),
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "pre" => {
                self.at_least(1);
                self.verbatim = self.verbatim.saturating_sub(1);
            }
            "blockquote" => {
                self.at_least(1);
                self.quotes = self.quotes.saturating_sub(1);
            }
            _ => self.block(name),
        }
    }

    fn block(&mut self, name: &str) {
        match name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" => self.at_least(2),
            "div" | "tr" | "table" | "hr" | "dt" | "dd" | "section" | "article" | "header"
            | "footer" | "center" | "address" | "body" | "head" | "li" => self.at_least(1),
            _ => {}
        }
    }

    fn at_least(&mut self, breaks: usize) {
        self.breaks = self.breaks.max(breaks);
    }

    fn text(&mut self, text: &str) {
        let text = decode_entities(text);
        if self.verbatim > 0 {
            for line in text.split_inclusive('\n') {
                let content = line.trim_end_matches(['\n', '\r']);
                if !content.is_empty() {
                    self.word(content);
                }
                self.breaks += usize::from(line.ends_with('\n'));
            }
            return;
        }
        self.space |= text.starts_with(|c: char| c.is_whitespace());
        for word in text.split_whitespace() {
            self.word(word);
            self.space = true;
        }
        self.space =
            text.ends_with(|c: char| c.is_whitespace()) || (self.space && text.trim().is_empty());
    }

    fn word(&mut self, word: &str) {
        if self.out.is_empty() {
            self.out.push_str(&"> ".repeat(self.quotes.min(QUOTE_DEPTH_MAX)));
        } else if self.breaks > 0 {
            for _ in 0..self.breaks.min(3) {
                self.out.push('\n');
            }
            self.out.push_str(&"> ".repeat(self.quotes.min(QUOTE_DEPTH_MAX)));
        } else if self.space {
            self.out.push(' ');
        }
        (self.breaks, self.space) = (0, false);
        self.out.extend(word.chars().map(|c| if c == '\0' { '\u{FFFD}' } else { c }));
    }
}

fn decode_entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = rest[1..]
            .bytes()
            .take(32)
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'#')
            .count();
        let length = name + 2;
        if name > 0 && rest.as_bytes().get(length - 1) == Some(&b';') {
            add_html_token(&mut out, &rest.as_bytes()[..length], false);
            rest = &rest[length..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

/// Text as HTML: empty lines part paragraphs, other line ends are kept.
pub fn from_text(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    let mut open = false;
    for line in text.lines() {
        if line.trim().is_empty() {
            html.push_str(if open { "</p>\n" } else { "" });
            open = false;
            continue;
        }
        html.push_str(if open { "<br>\n" } else { "<p>" });
        open = true;
        for c in line.chars() {
            match c {
                '&' => html.push_str("&amp;"),
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '"' => html.push_str("&quot;"),
                '\0' => html.push('\u{FFFD}'),
                _ => html.push(c),
            }
        }
    }
    html.push_str(if open { "</p>" } else { "" });
    html
}

/// The first words somebody wrote themselves, on one line.
pub fn preview(text: &str) -> String {
    let own = folded(own_lines(text));
    if own.is_empty() { folded(text.lines()) } else { own }
}

fn own_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines().map(str::trim).peekable();
    let mut ended = false;
    std::iter::from_fn(move || {
        while !ended {
            let line = lines.next()?;
            let next = lines.peek().copied().unwrap_or_default();
            if line == "--"
                || line.starts_with("-----Original")
                || line.starts_with("-----Ursprüngliche")
            {
                ended = true;
            } else if is_attribution(line, next) {
                if !is_attribution(line, "") {
                    lines.next();
                }
            } else if !line.starts_with('>') && !line.is_empty() {
                return Some(line);
            }
        }
        None
    })
}

/// "On Tuesday Anna wrote:", on one line or two, or just "Anna <anna@example.org> wrote:".
fn is_attribution(line: &str, next: &str) -> bool {
    line.ends_with("> wrote:")
        || ATTRIBUTIONS.iter().any(|(start, end)| {
            let dated = line.contains(|c: char| c.is_ascii_digit());
            line.starts_with(start)
                && if *end == ":" {
                    line.contains("schrieb") && line.ends_with(end)
                } else {
                    line.ends_with(end) || (dated && next.ends_with(end))
                }
        })
}

fn folded<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    let mut count = 0;
    for word in lines.flat_map(str::split_whitespace) {
        let separator = (count > 0).then_some(' ');
        let shown = word.chars().filter(|c| !c.is_control() && !turns_direction(*c));
        for c in separator.into_iter().chain(shown) {
            if count == PREVIEW_CHARS_MAX {
                out.pop();
                out.truncate(out.trim_end().len());
                out.push('…');
                return out;
            }
            out.push(c);
            count += 1;
        }
    }
    out.truncate(out.trim_end().len());
    out
}
