//! A copy says the same after it was written and read, and no byte of it can change unnoticed. No database.

use std::io::Cursor;

use decider::{Timestamp, WorkspaceId};
use proptest::prelude::*;
use uuid::Uuid;
use vault::KeyRow;

use super::proof::{At, Proof, Then};
use super::*;
use crate::log::leaf::{
    ClaimRowInput, CommandRowInput, CommitInput, ZERO_HASH, commit_content, commit_hash, leaf,
    workspace_seal,
};

const WS: WorkspaceId = WorkspaceId(Uuid::from_u128(7));
const MADE_AT: i64 = 1_700_000_000_000_000;

/// A log as it would be stored: a commit with commands, a claim and events; one without events; one more.
fn log() -> Vec<Vec<Line>> {
    let mut hash = ZERO_HASH;
    let mut written = Vec::new();
    for (no, events) in [(1, vec![(1, 1), (2, 1)]), (2, vec![]), (3, vec![(3, 2)])] {
        let commit = commit(no, &events, &hash);
        if let Line::Commit(line) = &commit[0] {
            hash.copy_from_slice(&line.hash.0);
        }
        written.push(commit);
    }
    written
}

/// One commit with one command of these events: position and version.
fn commit(no: i64, events: &[(i64, i32)], before: &[u8]) -> Vec<Line> {
    let (first, at) = (if no == 1 { 1 } else { 3 }, MADE_AT + no);
    let cmd = Uuid::from_u128(no as u128 + 100);
    let n = i32::try_from(events.len()).unwrap();
    let command = CommandLine {
        cmd,
        first_pos: if n == 0 { first - 1 } else { first },
        n,
        body_hash: Digits(vec![9; 32]),
    };
    let claim = ClaimLine {
        scope: "ticket.number".to_owned(),
        key_mac: Digits(vec![no as u8; 32]),
        seq: 1,
        stream: (no == 1).then_some(Uuid::from_u128(1)),
    };
    let events: Vec<EventLine> =
        events.iter().map(|(pos, version)| event((*pos, *version), at, cmd)).collect();
    let content = commit_content(
        &[CommandRowInput {
            command: cmd,
            offset: 0,
            events: n as u32,
            body_hash: &command.body_hash.0,
        }],
        &[ClaimRowInput {
            scope: &claim.scope,
            mac: &claim.key_mac.0,
            seq: claim.seq,
            holder: claim.stream,
        }],
    );
    let last = first + i64::from(n) - 1;
    let node = Uuid::from_u128(5);
    let input = CommitInput {
        no,
        first_pos: first,
        last_number: no,
        last_directory: 1,
        node,
        at,
        previous: before,
        content: &content,
    };
    let leaves: Vec<Vec<u8>> = events.iter().map(|event| event.leaf.0.clone()).collect();
    let line = CommitLine {
        no,
        first_pos: first,
        last_pos: last,
        last_number: no,
        last_directory: 1,
        at,
        node,
        content: content.into(),
        hash: commit_hash(WS, &input, &leaves).into(),
    };
    let head = [Line::Commit(line), Line::Command(command), Line::Claim(claim)];
    head.into_iter().chain(events.into_iter().map(|event| Line::Event(Box::new(event)))).collect()
}

fn event((pos, version): (i64, i32), at: i64, cmd: Uuid) -> EventLine {
    let mut line = EventLine {
        pos,
        at,
        occurred_at: (pos == 2).then_some(MADE_AT - 5),
        stream: Uuid::from_u128(if pos == 2 { 2 } else { 1 }),
        version,
        kind: "ticket".to_owned(),
        type_name: "TicketRenamed".to_owned(),
        schema_v: 1,
        cmd,
        actor: "system:1".to_owned(),
        meta: "{}".to_owned(),
        // One payload is no text at all.
        payload: Payload(if pos == 2 {
            vec![0xff, 0, b'\n']
        } else {
            b"{\"a\":\"\\n\xc3\xa9\"}".to_vec()
        }),
        leaf: Digits::default(),
    };
    let input = crate::log::leaf::LeafInput {
        stream: line.stream,
        version: version as u32,
        kind: line.kind.as_bytes(),
        type_name: line.type_name.as_bytes(),
        schema_version: 1,
        command: cmd,
        occurred_at: line.occurred_at,
        actor: line.actor.as_bytes(),
        meta: line.meta.as_bytes(),
        payload: &line.payload.0,
    };
    line.leaf = leaf(WS, &input).into();
    line
}

fn keys() -> [KeyRow; 4] {
    let [key, scope, subject] = [11, 12, 13].map(Uuid::from_u128);
    [
        KeyRow::Tombstone { key: scope, erasure: subject, at: MADE_AT },
        KeyRow::Key { id: key, made_at: MADE_AT, wrapped: vec![1, 2, 3, 4] },
        KeyRow::Assignment { key, kind: "person".to_owned(), scope },
        KeyRow::Subject { subject, key },
    ]
}

/// The whole log in a copy, with keys.
fn copy() -> Vec<u8> {
    let commits = log();
    let Some(Line::Commit(last)) = commits.last().and_then(|lines| lines.first()) else {
        panic!("the log has commits")
    };
    let until = Point { commit: last.no, position: last.last_pos, hash: last.hash.clone() };
    let begin = Begin {
        format: FORMAT,
        workspace: WS.0,
        made_at: MADE_AT,
        closed_at: None,
        seal: workspace_seal(WS, MADE_AT, None).into(),
        after: Point { commit: 0, position: 0, hash: ZERO_HASH.into() },
        until: until.clone(),
        keys: true,
        key_mark: [3; 32].into(),
        copied_at: Timestamp::from_micros(MADE_AT + 99),
    };
    let mut writer = LineWriter::new(Vec::new());
    writer.line(&Line::Begin(Box::new(begin))).unwrap();
    commits.iter().flatten().for_each(|line| writer.line(line).unwrap());
    keys().into_iter().for_each(|row| writer.line(&Line::Vault(row)).unwrap());
    let rows = writer.end(until, proof_of).unwrap();
    assert_eq!((rows.commits, rows.events, rows.commands, rows.claims, rows.keys), (3, 3, 3, 3, 4));
    writer.into_output()
}

/// Stands for what the key file makes.
fn proof_of(digest: &[u8]) -> [u8; 32] {
    std::array::from_fn(|index| digest[index] ^ 0x55)
}

/// Reads a copy to its end. Answers how many commits were proven, and what came of it.
fn read(bytes: &[u8]) -> (u64, Result<(), Fault>) {
    let mut commits = 0;
    let outcome = read_counting(bytes, &mut commits);
    (commits, outcome)
}

fn read_counting(bytes: &[u8], commits: &mut u64) -> Result<(), Fault> {
    let mut input = LineReader::new(Cursor::new(bytes));
    let begin = input.begin()?;
    let key_mark = begin.key_mark.clone();
    let mut proof = Proof::of(begin)?;
    loop {
        let line = input.line()?.ok_or(Fault::Cut)?;
        let read = (input.digest(), input.rows());
        let step = proof.line((input.number(), line), read).map_err(|At(_, fault)| fault)?;
        *commits += u64::from(step.commit.is_some());
        if let Then::End(end) = step.then {
            if end.proof.0 != proof_of(&end.digest.0) || key_mark.0 != [3; 32] {
                return Err(Fault::OtherKeyFile);
            }
            return input.line()?.map_or(Ok(()), |_| Err(Fault::Order));
        }
    }
}

#[test]
fn a_copy_is_read_as_it_was_written_every_kind_of_line() {
    let bytes = copy();
    let mut input = LineReader::new(Cursor::new(&bytes));
    assert_eq!(input.begin().unwrap().until.commit, 3);
    let mut lines = Vec::new();
    while let Some(line) = input.line().unwrap() {
        lines.push(line);
    }
    let End { rows, .. } = match lines.pop() {
        Some(Line::End(end)) => end,
        other => panic!("{other:?}"),
    };
    assert_eq!(rows, input.rows());
    let written: Vec<Line> =
        log().into_iter().flatten().chain(keys().into_iter().map(Line::Vault)).collect();
    assert_eq!(lines, written);
    assert!(matches!(read(&bytes), (3, Ok(()))));
}

#[test]
fn a_payload_that_is_text_stands_there_as_text() {
    let text = String::from_utf8(copy()).unwrap();
    assert!(text.contains(r#""payload":"{\"a\":\"\\né\"}""#), "{text}");
    assert!(text.contains(r#""payload":{"hex":"ff000a"}"#), "{text}");
}

#[test]
fn a_copy_that_was_cut_anywhere_is_not_taken_for_a_whole_one() {
    let bytes = copy();
    // Only the last line break may be missing: nothing is lost with it.
    for end in 0..bytes.len() - 1 {
        let (commits, outcome) = read(&bytes[..end]);
        assert!(matches!(outcome, Err(Fault::Cut)), "at {end}: {outcome:?}");
        assert!(commits <= 3);
    }
    assert!(matches!(read(&bytes[..bytes.len() - 1]), (3, Ok(()))));
}

#[test]
fn whichever_byte_is_altered_the_copy_is_refused() {
    let bytes = copy();
    for index in 0..bytes.len() {
        for flip in [1, 0x20] {
            let mut altered = bytes.clone();
            altered[index] ^= flip;
            let (_, outcome) = read(&altered);
            assert!(outcome.is_err(), "byte {index} may be {:?}", altered[index] as char);
        }
    }
}

#[test]
fn what_is_altered_in_the_log_is_found_before_its_commit_counts() {
    let bytes = copy();
    let text = std::str::from_utf8(&bytes).unwrap();
    let mut line_start = 0;
    let mut commits_before = 0;
    for line in text.lines() {
        let is_log =
            !line.contains("\"begin\"") && !line.contains("\"end\"") && !line.contains("\"vault\"");
        if is_log {
            let mut altered = bytes.clone();
            altered[line_start + line.len() - 4] ^= 1;
            let (commits, outcome) = read(&altered);
            assert!(outcome.is_err(), "{line}");
            assert!(commits <= commits_before, "{line}");
        }
        commits_before += u64::from(line.starts_with("{\"commit\""));
        line_start += line.len() + 1;
    }
    assert_eq!(commits_before, 3);
}

#[test]
fn lines_that_were_exchanged_left_out_or_repeated_are_found() {
    let text = String::from_utf8(copy()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| format!("{}\n", lines.join("\n"));
    for index in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(index);
        assert!(read(joined(&without).as_bytes()).1.is_err(), "without line {index}");
        let mut twice = lines.clone();
        twice.insert(index, lines[index]);
        assert!(read(joined(&twice).as_bytes()).1.is_err(), "line {index} twice");
        if index > 0 {
            let mut exchanged = lines.clone();
            exchanged.swap(index - 1, index);
            assert!(read(joined(&exchanged).as_bytes()).1.is_err(), "line {index} exchanged");
        }
    }
}

#[test]
fn the_copy_of_a_newer_program_is_named_as_such() {
    let newer = r#"{"begin":{"format":2,"something":"new"}}"#;
    let fault = read(newer.as_bytes()).1.unwrap_err();
    assert!(matches!(fault, Fault::OtherForm { format: 2 }), "{fault:?}");
    let other = read(b"{\"type\":\"TicketCreated\"}\n").1.unwrap_err();
    assert!(matches!(other, Fault::Form { .. }), "{other:?}");
    assert!(matches!(read(b"").1, Err(Fault::Cut)));
}

proptest! {
    #[test]
    fn any_bytes_in_the_place_of_others_are_refused(
        place in 0_usize..10_000, with in proptest::collection::vec(any::<u8>(), 1..9)
    ) {
        let bytes = copy();
        let start = place % bytes.len();
        let end = (start + with.len()).min(bytes.len());
        let with = &with[..end - start];
        prop_assume!(with != &bytes[start..end]);
        let mut altered = bytes;
        altered[start..end].copy_from_slice(with);
        prop_assert!(read(&altered).1.is_err());
    }

    #[test]
    fn every_payload_has_one_form(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let payload = Payload(bytes);
        let written = serde_json::to_string(&payload).unwrap();
        let again: Payload = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(&again, &payload);
        prop_assert!(!written.contains('\n'));
    }
}
