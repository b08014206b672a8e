//! What an import plans, on invented messages.

use std::sync::Arc;

use vault::ObjectRef;

use super::*;

fn scanned(id: &str, refs: &[&str], bytes: u8) -> Scanned {
    Scanned {
        mac: [bytes; 32],
        object: ObjectRef { key: Uuid::nil(), hash: String::new(), size: 1 },
        file: Arc::from("old.mbox"),
        id: id.to_owned(),
        refs: refs.iter().map(|id| (*id).to_owned()).collect(),
        date: Some(Timestamp::from_micros(i64::from(bytes))),
        parsed: true,
    }
}

fn ticket(number: u128) -> KnownGroup<Uuid> {
    KnownGroup { since: i64::try_from(number).unwrap(), id: Uuid::from_u128(number) }
}

fn messages(plan: &Plan) -> Vec<Vec<usize>> {
    let all = |conversation: &Conversation| {
        conversation.chunks.iter().flat_map(|chunk| chunk.messages.clone()).collect()
    };
    plan.conversations.iter().map(all).collect()
}

#[test]
fn messages_of_a_conversation_come_in_the_order_they_were_sent_and_conversations_too() {
    let all = [scanned("b", &["a"], 3), scanned("x", &[], 2), scanned("a", &[], 1)];
    let plan = plan(&all, &Known::default());
    assert_eq!(messages(&plan), [vec![2, 0], vec![1]]);
    assert_eq!((plan.distinct, plan.already_there), (3, 0));
}

#[test]
fn a_message_without_a_date_comes_last() {
    let undated = Scanned { date: None, ..scanned("a", &[], 1) };
    let plan = plan(&[undated, scanned("b", &["a"], 2)], &Known::default());
    assert_eq!(messages(&plan), [[1, 0]]);
}

#[test]
fn the_same_bytes_twice_are_one_message_and_other_bytes_are_a_copy() {
    let all = [scanned("a", &[], 1), scanned("a", &[], 1), scanned("a", &[], 2)];
    let plan = plan(&all, &Known::default());
    assert_eq!(messages(&plan), [[0]]);
    assert_eq!(plan.conversations[0].chunks[0].copies, [Copy { copy: 2, of: Original::Here(0) }]);
    assert_eq!((plan.distinct, plan.already_there), (1, 1));
}

#[test]
fn what_is_there_needs_nothing_and_a_differing_copy_of_it_is_kept() {
    let there = Uuid::from_u128(9);
    let known = Known {
        tickets: HashMap::from([("a".to_owned(), ticket(1))]),
        messages: HashMap::from([("a".to_owned(), there)]),
        raws: HashSet::from([[1; 32]]),
    };
    assert!(plan(&[scanned("a", &[], 1)], &known).conversations.is_empty());
    let plan = plan(&[scanned("a", &[], 1), scanned("a", &[], 2)], &known);
    let expected = Conversation {
        joins: Some(Uuid::from_u128(1)),
        links: Vec::new(),
        chunks: vec![Chunk {
            copies: vec![Copy { copy: 1, of: Original::There(there) }],
            ..Chunk::default()
        }],
    };
    assert_eq!(plan.conversations, [expected]);
    assert_eq!(plan.already_there, 1);
}

#[test]
fn a_bridge_joins_the_oldest_ticket_and_names_the_others() {
    let known = Known {
        tickets: HashMap::from([("a".to_owned(), ticket(2)), ("b".to_owned(), ticket(1))]),
        ..Known::default()
    };
    let plan = plan(&[scanned("c", &["a", "b"], 1)], &known);
    assert_eq!(plan.conversations[0].joins, Some(Uuid::from_u128(1)));
    assert_eq!(plan.conversations[0].links, [Uuid::from_u128(2)]);
}

#[test]
fn an_unreadable_mail_stands_alone() {
    let unreadable = Scanned { parsed: false, ..scanned("sha256-1@missing.invalid", &[], 1) };
    let plan = plan(&[unreadable.clone(), unreadable, scanned("a", &[], 2)], &Known::default());
    assert_eq!(plan.conversations.len(), 2);
    let unreadable: Vec<_> = plan.conversations.iter().map(|c| c.chunks[0].unreadable).collect();
    assert_eq!(unreadable, [None, Some(0)]);
    assert_eq!(plan.already_there, 1);
}

#[test]
fn a_long_conversation_is_divided_and_its_copies_come_after_their_messages() {
    let mut all: Vec<Scanned> =
        (0..250_u8).map(|n| scanned(&n.to_string(), &["root"], n)).collect();
    all.extend((0..5).map(|n| scanned(&n.to_string(), &[], 250 + n)));
    let plan = plan(&all, &Known::default());
    let sizes: Vec<_> =
        plan.conversations[0].chunks.iter().map(|c| (c.messages.len(), c.copies.len())).collect();
    assert_eq!(sizes, [(100, 0), (100, 0), (50, 5)]);
}

#[test]
fn large_messages_are_not_put_into_one_command() {
    let mut all: Vec<Scanned> = (0..5).map(|n| scanned(&n.to_string(), &["root"], n)).collect();
    for (one, megabytes) in all.iter_mut().zip([30, 6, 6, 6, 1]) {
        one.object.size = megabytes * 1024 * 1024;
    }
    let plan = plan(&all, &Known::default());
    let chunks: Vec<_> =
        plan.conversations[0].chunks.iter().map(|chunk| chunk.messages.clone()).collect();
    assert_eq!(chunks, [vec![0], vec![1, 2], vec![3, 4]]);
}
