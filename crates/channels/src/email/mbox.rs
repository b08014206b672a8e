//! Splits an mbox file into raw messages, one at a time, so that a file of any size needs the memory of one message.

use std::io::{self, BufRead, Read};
use std::mem;

/// A longer message is reported and skipped.
pub const MESSAGE_BYTES_MAX: usize = 50 * 1024 * 1024;
/// A line is read in pieces of at most this size; only a piece at a line start can be a separator.
const PIECE_BYTES_MAX: u64 = 64 * 1024;

/// One message as it was before it went into the file: without its `From ` line and with one `>` of quoting removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// Where its `From ` line starts in the file.
    pub offset: u64,
    /// Where the next one starts, or the file ends.
    pub end: u64,
    pub bytes: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum MboxError {
    #[error("this is not an mbox file: it does not begin with a line that starts with \"From \"")]
    NotMbox,
    #[error("the message at byte {offset} has {length} bytes, more than allowed")]
    TooLarge { offset: u64, length: u64 },
    #[error("reading the mbox file failed at byte {offset}")]
    Read { offset: u64, source: io::Error },
}

/// The messages of an mbox file. After `NotMbox` and `Read` it ends, after `TooLarge` it goes on.
#[derive(Debug)]
pub struct Mbox<R> {
    reader: R,
    message_bytes_max: usize,
    position: u64,
    at_line_start: bool,
    after_blank: bool,
    ahead: Option<Piece>,
    current: Option<Current>,
    done: bool,
}

/// A line, or a part of a very long one.
#[derive(Debug, Default)]
struct Piece {
    offset: u64,
    starts_line: bool,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Current {
    offset: u64,
    length: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Mbox<R> {
    pub fn new(reader: R) -> Self {
        Self::with_limit(reader, MESSAGE_BYTES_MAX)
    }

    pub fn with_limit(reader: R, message_bytes_max: usize) -> Self {
        Self {
            reader,
            message_bytes_max,
            position: 0,
            at_line_start: true,
            after_blank: true,
            ahead: None,
            current: None,
            done: false,
        }
    }

    fn read_piece(&mut self) -> io::Result<Option<Piece>> {
        if let Some(piece) = self.ahead.take() {
            return Ok(Some(piece));
        }
        let mut bytes = Vec::new();
        let offset = self.position;
        let read = self.reader.by_ref().take(PIECE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.position += read as u64;
        let starts_line = mem::replace(&mut self.at_line_start, bytes.ends_with(b"\n"));
        Ok(Some(Piece { offset, starts_line, bytes }))
    }

    /// A dated `From ` line always separates. One without a date does so after an empty line and before a header,
    /// because careless writers leave sentences such as "From here on" unquoted.
    fn is_separator(&mut self, piece: &Piece) -> io::Result<bool> {
        if !piece.starts_line || !piece.bytes.starts_with(b"From ") {
            return Ok(false);
        }
        if self.current.is_none() || has_time_of_day(&piece.bytes) {
            return Ok(true);
        }
        if !self.after_blank {
            return Ok(false);
        }
        self.ahead = self.read_piece()?;
        Ok(self.ahead.as_ref().is_some_and(|next| is_header_line(&next.bytes)))
    }

    /// Takes the next piece in; gives the message that it ended.
    fn advance(&mut self) -> Result<Option<RawMessage>, MboxError> {
        let offset = self.position;
        let failed = |source| MboxError::Read { offset, source };
        let Some(piece) = self.read_piece().map_err(failed)? else {
            self.done = true;
            return self.finish(self.position);
        };
        if self.is_separator(&piece).map_err(failed)? {
            self.after_blank = false;
            let finished = self.finish(piece.offset);
            self.current = Some(Current { offset: piece.offset, length: 0, bytes: Vec::new() });
            return finished;
        }
        let content = if piece.starts_line { unquoted(&piece.bytes) } else { &piece.bytes };
        let blank = piece.starts_line && is_blank(&piece.bytes);
        match &mut self.current {
            Some(current) => current.take(content, self.message_bytes_max),
            None if blank || piece.bytes == b"\xEF\xBB\xBF" => {}
            None => return self.begin_after_mark(piece),
        }
        self.after_blank = blank;
        Ok(None)
    }

    /// A byte order mark may stand before the first `From ` line.
    fn begin_after_mark(&mut self, mut piece: Piece) -> Result<Option<RawMessage>, MboxError> {
        match piece.bytes.strip_prefix(b"\xEF\xBB\xBF") {
            Some(rest) if piece.offset == 0 && rest.starts_with(b"From ") => {
                piece.bytes = rest.to_vec();
                self.ahead = Some(piece);
                Ok(None)
            }
            _ => Err(MboxError::NotMbox),
        }
    }

    fn finish(&mut self, end: u64) -> Result<Option<RawMessage>, MboxError> {
        let Some(mut current) = self.current.take() else { return Ok(None) };
        if current.length > self.message_bytes_max as u64 {
            return Err(MboxError::TooLarge { offset: current.offset, length: current.length });
        }
        drop_separating_line(&mut current.bytes);
        Ok(Some(RawMessage { offset: current.offset, end, bytes: current.bytes }))
    }
}

impl<R: BufRead> Iterator for Mbox<R> {
    type Item = Result<RawMessage, MboxError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.advance() {
                Ok(None) => {}
                Ok(Some(message)) => return Some(Ok(message)),
                Err(error) => {
                    self.done |= !matches!(error, MboxError::TooLarge { .. });
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl Current {
    fn take(&mut self, content: &[u8], bytes_max: usize) {
        self.length += content.len() as u64;
        if self.length <= bytes_max as u64 {
            self.bytes.extend_from_slice(content);
        } else {
            self.bytes = Vec::new();
        }
    }
}

/// `>From ` and `>>From ` lose one `>`.
fn unquoted(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|byte| **byte == b'>').count();
    match line.get(marks..) {
        Some(rest) if marks > 0 && rest.starts_with(b"From ") => &line[1..],
        _ => line,
    }
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n" | b"\r")
}

/// The empty line before the next `From ` line belongs to the file, not to the message.
fn drop_separating_line(bytes: &mut Vec<u8>) {
    if bytes.ends_with(b"\n\r\n") {
        bytes.truncate(bytes.len() - 2);
    } else if bytes.ends_with(b"\n\n") {
        bytes.truncate(bytes.len() - 1);
    }
}

/// Is there an `h:mm` anywhere, as in every date of a `From ` line?
fn has_time_of_day(line: &[u8]) -> bool {
    line.windows(4).any(|w| {
        w[0].is_ascii_digit() && w[1] == b':' && w[2].is_ascii_digit() && w[3].is_ascii_digit()
    })
}

fn is_header_line(line: &[u8]) -> bool {
    let name = line.iter().take_while(|byte| byte.is_ascii_graphic() && **byte != b':').count();
    name > 0 && line.get(name) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    const FROM: &str = "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n";

    fn messages(file: &[u8]) -> Vec<String> {
        let text = |message: RawMessage| String::from_utf8(message.bytes).unwrap();
        Mbox::new(file).map(|message| text(message.unwrap())).collect()
    }

    #[test]
    fn an_empty_file_holds_no_messages() {
        assert!(messages(b"").is_empty());
        assert!(messages(b"\n\n").is_empty());
    }

    #[test]
    fn messages_come_without_their_separators() {
        let file = format!("{FROM}A: 1\n\none\n\n{FROM}A: 2\n\ntwo\n\n");
        assert_eq!(messages(file.as_bytes()), ["A: 1\n\none\n", "A: 2\n\ntwo\n"]);
    }

    #[test]
    fn offsets_cover_the_file() {
        let file = format!("{FROM}A: 1\n\none\n\n{FROM}A: 2\n\ntwo");
        let found: Vec<_> = Mbox::new(file.as_bytes()).map(|m| m.unwrap()).collect();
        assert_eq!((found[0].offset, found[1].end), (0, file.len() as u64));
        assert_eq!(found[0].end, found[1].offset);
        assert!(file.as_bytes()[found[1].offset as usize..].starts_with(b"From "));
    }

    #[test]
    fn one_level_of_quoting_is_removed() {
        let file = format!("{FROM}A: 1\n\n>From here\n>>From there\n> From\n");
        assert_eq!(messages(file.as_bytes()), ["A: 1\n\nFrom here\n>From there\n> From\n"]);
    }

    #[test]
    fn windows_line_ends_and_a_missing_last_one_are_tolerated() {
        let file = "From a Thu Jan  1 00:00:00 1970\r\nA: 1\r\n\r\none\r\n\r\nFrom b 10:00\r\nA: 2\r\n\r\ntwo";
        assert_eq!(messages(file.as_bytes()), ["A: 1\r\n\r\none\r\n", "A: 2\r\n\r\ntwo"]);
    }

    #[test]
    fn a_mark_and_empty_lines_may_come_first() {
        assert_eq!(messages(format!("\u{feff}{FROM}A: 1\n").as_bytes()), ["A: 1\n"]);
        assert_eq!(messages(format!("\n\n{FROM}A: 1\n").as_bytes()), ["A: 1\n"]);
    }

    #[test]
    fn an_unquoted_sentence_does_not_separate_but_an_undated_separator_does() {
        let file =
            "From a\nA: 1\n\nOne.\n\nFrom here on it fails.\nFrom b 1\n\nFrom b\nA: 2\n\ntwo\n";
        let found = messages(file.as_bytes());
        assert_eq!(found, ["A: 1\n\nOne.\n\nFrom here on it fails.\nFrom b 1\n", "A: 2\n\ntwo\n"]);
    }

    #[test]
    fn another_file_is_refused_by_name() {
        for file in ["Subject: hello\n\nFrom a 10:00\n", "PK\u{3}\u{4}", ">From a 10:00\n"] {
            let found: Vec<_> = Mbox::new(file.as_bytes()).collect();
            assert!(matches!(found.as_slice(), [Err(MboxError::NotMbox)]));
        }
    }

    #[test]
    fn a_message_over_the_limit_is_reported_and_the_next_one_read() {
        let file = format!("{FROM}{}\n\n{FROM}A: 2\n\ntwo\n", "x".repeat(300_000));
        let found: Vec<_> = Mbox::with_limit(file.as_bytes(), 1_000).collect();
        assert!(matches!(found[0], Err(MboxError::TooLarge { offset: 0, length: 300_002 })));
        assert_eq!(found[1].as_ref().unwrap().bytes, b"A: 2\n\ntwo\n");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn the_sample_holds_twelve_messages() {
        assert_eq!(messages(include_bytes!("../../fixtures/sample.mbox")).len(), 12);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(bodies in proptest::collection::vec("(>{0,2}(From )?[a-z]{0,5}\n){0,6}", 0..5), buffer in 1_usize..64) {
            let written: Vec<String> = bodies.iter().map(|body| format!("A: b\n\n{body}")).collect();
            let mut file = String::new();
            for message in &written {
                file.push_str(FROM);
                for line in message.split_inclusive('\n') {
                    let quoted = line.trim_start_matches('>').starts_with("From ");
                    file.push_str(if quoted { ">" } else { "" });
                    file.push_str(line);
                }
                file.push('\n');
            }
            let reader = BufReader::with_capacity(buffer, file.as_bytes());
            let read: Vec<String> =
                Mbox::new(reader).map(|m| String::from_utf8(m.unwrap().bytes).unwrap()).collect();
            prop_assert_eq!(read, written);
        }
    }
}
