//! Asks a server over its socket whether it takes clients: a startup packet answered by `R`. Connecting alone is no answer.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// More than a server says before it is ready for queries.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// "Cannot connect now": starting, recovering or shutting down.
const CANNOT_CONNECT_NOW: &str = "57P03";
/// Nobody else fits in, so it surely is up.
const TOO_MANY_CONNECTIONS: &str = "53300";

/// What a server said to a newcomer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It takes clients.
    Ready,
    /// There is no one yet, or no one who answers; with the reason.
    NotYet(String),
    /// It is there, and starting, recovering or shutting down; in its own words.
    AtWork(String),
    /// It refuses for another reason.
    Refused(String),
}

/// Asks the server behind a socket file.
pub(crate) fn ask(socket: &Path) -> Answer {
    match converse(socket) {
        Ok(answer) => answer,
        Err(error) => Answer::NotYet(error.to_string()),
    }
}

fn converse(socket: &Path) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(&startup_packet())?;
    let (kind, body) = message(&mut stream)?;
    match kind {
        b'R' => {
            leave(&mut stream);
            Ok(Answer::Ready)
        }
        b'E' => Ok(refusal(&body)),
        other => Ok(Answer::Refused(format!("unexpected message {other:#04x}"))),
    }
}

/// Hears the server out and says goodbye, so that it has nothing to complain about in its log.
fn leave(stream: &mut UnixStream) {
    for _ in 0..64 {
        match message(stream) {
            Ok((b'Z', _)) => break,
            Ok(_) => {}
            Err(_) => return,
        }
    }
    let _ = stream.write_all(&[b'X', 0, 0, 0, 4]);
}

fn startup_packet() -> Vec<u8> {
    let parameters =
        b"user\0postgres\0database\0postgres\0application_name\0ledgerdesk readiness\0\0";
    let length = u32::try_from(parameters.len() + 8).unwrap_or(u32::MAX);
    let mut packet = length.to_be_bytes().to_vec();
    packet.extend_from_slice(&196_608_u32.to_be_bytes()); // protocol 3.0
    packet.extend_from_slice(parameters);
    packet
}

fn message(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let [kind, a, b, c, d] = head;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if !(4..=ANSWER_BYTES_MAX).contains(&length) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of impossible length"));
    }
    let mut body = vec![0; length - 4];
    stream.read_exact(&mut body)?;
    Ok((kind, body))
}

fn refusal(body: &[u8]) -> Answer {
    let (mut code, mut text) = (String::new(), String::new());
    for field in body.split(|byte| *byte == 0) {
        match field.split_first() {
            Some((b'C', value)) => code = String::from_utf8_lossy(value).into_owned(),
            Some((b'M', value)) => text = String::from_utf8_lossy(value).into_owned(),
            _ => {}
        }
    }
    match code.as_str() {
        TOO_MANY_CONNECTIONS => Answer::Ready,
        CANNOT_CONNECT_NOW => Answer::AtWork(text),
        _ => Answer::Refused(format!("{code} {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_starting_up_is_not_ready_yet() {
        let body = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
        assert_eq!(refusal(body), Answer::AtWork("the database system is starting up".into()));
    }

    #[test]
    fn a_full_server_is_a_running_server() {
        assert_eq!(refusal(b"SFATAL\0C53300\0Msorry, too many clients already\0\0"), Answer::Ready);
    }

    #[test]
    fn any_other_refusal_is_told_with_its_code() {
        assert_eq!(refusal(b"C28000\0Mno entry\0\0"), Answer::Refused("28000 no entry".into()));
    }

    #[test]
    fn a_message_of_impossible_length_is_an_error() {
        assert!(message(&mut &b"R\xff\xff\xff\xff"[..]).is_err());
        assert!(message(&mut &b"R\0\0\0\x03"[..]).is_err());
    }
}
