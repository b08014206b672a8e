//! Just enough of the Postgres protocol to see where an append begins and where its answer ends.

use std::collections::HashSet;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards the database.
    Up,
    /// Towards the server.
    Down,
}

/// What the statement of an append says.
const APPEND: &[u8] = b"es.append(";
/// The type, and the length that includes itself.
const HEAD: usize = 5;

/// What some bytes mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether an append begins in them.
    pub begins: bool,
    /// Where the append, or its answer, goes on in them; none when it does not.
    pub first: Option<usize>,
    /// How many bytes of it had come before.
    pub before: usize,
    /// An answer ends in them: how many bytes the append and its answer took.
    pub finished: Option<(usize, usize)>,
}

/// Watches one connection.
#[derive(Default)]
pub struct Watcher {
    up: Frames,
    down: Frames,
    /// The names of prepared statements that append.
    appends: HashSet<Vec<u8>>,
    /// How many bytes each way the append that is under way has taken.
    under_way: Option<(usize, usize)>,
}

/// Bytes of one direction that are no whole message yet.
#[derive(Default)]
struct Frames {
    rest: Vec<u8>,
    started: bool,
}

impl Watcher {
    /// Looks at bytes before they pass.
    pub fn see(&mut self, bytes: &[u8], towards: Direction) -> Seen {
        let mut seen = Seen::default();
        let was_under_way = self.under_way.is_some();
        match towards {
            Direction::Up => {
                let held = self.up.rest.len();
                for (start, message) in self.up.take(bytes, false) {
                    self.message_up(&message);
                    if !was_under_way && self.is_bind(&message) && self.under_way.is_none() {
                        self.under_way = Some((0, 0));
                        seen.begins = true;
                        seen.first = Some(start.saturating_sub(held));
                    }
                }
                // A message that is still on its way tells as much once its beginning is there.
                if self.under_way.is_none() && self.is_bind(&self.up.rest) {
                    self.under_way = Some((0, 0));
                    seen.begins = true;
                    seen.first = Some(bytes.len().saturating_sub(self.up.rest.len()));
                }
                if let Some((up, _)) = &mut self.under_way {
                    let first = *seen.first.get_or_insert(0);
                    seen.before = *up;
                    *up += bytes.len() - first;
                }
            }
            Direction::Down => {
                if let Some((_, down)) = &mut self.under_way {
                    seen.first = Some(0);
                    seen.before = *down;
                    *down += bytes.len();
                }
                let ready = self.down.take(bytes, true).iter().any(|(_, one)| one[0] == b'Z');
                if ready {
                    seen.finished = self.under_way.take();
                }
            }
        }
        seen
    }

    /// Remembers which statements append.
    fn message_up(&mut self, message: &[u8]) {
        if message[0] == b'P' && message.windows(APPEND.len()).any(|part| part == APPEND) {
            self.appends.insert(text_at(message, HEAD).to_vec());
        }
    }

    /// Whether a message, perhaps not whole yet, binds values to a statement that appends.
    fn is_bind(&self, message: &[u8]) -> bool {
        if message.len() <= HEAD || message[0] != b'B' {
            return false;
        }
        let portal = text_at(message, HEAD);
        let statement = HEAD + portal.len() + 1;
        statement < message.len() && self.appends.contains(text_at(message, statement))
    }
}

impl Frames {
    /// Adds bytes and takes the whole messages out, each with where it starts in what was held and came.
    fn take(&mut self, bytes: &[u8], started: bool) -> Vec<(usize, Vec<u8>)> {
        self.started |= started;
        self.rest.extend_from_slice(bytes);
        let (mut messages, mut start) = (Vec::new(), 0);
        loop {
            // Only the very first message has no type.
            let head = if self.started { HEAD } else { HEAD - 1 };
            let Some(length) = self.rest.get(start + head - 4..start + head) else { break };
            let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
            let end = start + head - 4 + length;
            if self.rest.len() < end {
                break;
            }
            if self.started {
                messages.push((start, self.rest[start..end].to_vec()));
            }
            self.started = true;
            start = end;
        }
        self.rest.drain(..start);
        messages
    }
}

/// The text that begins at a place and ends with a zero.
fn text_at(message: &[u8], start: usize) -> &[u8] {
    let rest = &message[start.min(message.len())..];
    &rest[..rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    fn startup() -> Vec<u8> {
        message(0, b"\0\x03\0\0user\0x\0\0")[1..].to_vec()
    }

    #[test]
    fn an_append_is_seen_from_its_values_to_the_end_of_its_answer_however_it_is_cut() {
        let parse = message(b'P', b"s_1\0select * from es.append($1)\0\0\0");
        let values = message(b'B', b"\0s_1\0and many values");
        let more = [message(b'E', b"\0\0\0\0\0"), message(b'S', b"")].concat();
        let other = message(b'B', b"\0s_2\0");
        let (one, two) = ([startup(), parse, other.clone()].concat(), [values, more].concat());
        for step in [1, 3, 7, 1000] {
            let mut watcher = Watcher::default();
            for part in one.chunks(step) {
                assert_eq!(watcher.see(part, Direction::Up), Seen::default());
            }
            let (mut begun, mut last) = (0, 0);
            for part in two.chunks(step) {
                let seen = watcher.see(part, Direction::Up);
                begun += usize::from(seen.begins);
                if let Some(first) = seen.first {
                    last = seen.before + part.len() - first;
                }
            }
            assert_eq!(begun, 1, "{step}");
            // Fed byte by byte, the first bytes of the values have passed before anybody could know.
            assert!(last + 10 >= two.len() && last <= two.len(), "{step}: {last}");
            let answer = [message(b'2', b""), message(b'D', b"x"), message(b'Z', b"I")].concat();
            let parts = answer.chunks(step).map(|part| watcher.see(part, Direction::Down));
            let finished: Vec<_> = parts.filter_map(|seen| seen.finished).collect();
            assert_eq!(finished, [(last, answer.len())], "{step}");
        }
    }
}
