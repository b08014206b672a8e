//! Groups mails into conversations by the ids they carry and refer to, whatever their order in the input.
//! First pass: every id, seen or only referred to, is joined with the ids beside it. Second pass: groups are listed.

use std::collections::HashMap;

pub use super::ids::synthetic_id;

/// What grouping needs to know of a mail. One without an id gets a synthetic one from the caller; with `None` it can
/// be joined by its references only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    pub message_id: Option<String>,
    /// In-Reply-To, then References.
    pub refs: Vec<String>,
}

/// A conversation from an earlier import. The order is by age, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KnownGroup<G> {
    /// When it began, in any unit, or its place in the log.
    pub since: i64,
    pub id: G,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<G> {
    /// Places in the input, in order, copies included.
    pub members: Vec<usize>,
    /// All ids of the members and all they refer to, sorted: what a later import must find.
    pub ids: Vec<String>,
    /// The known conversations it belongs to, oldest first. None: a new one. Several: it bridges them.
    pub touches: Vec<KnownGroup<G>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping<G> {
    /// In the order of their first members.
    pub groups: Vec<Group<G>>,
    /// For each entry the earlier entry with the same Message-ID, if there is one.
    pub copy_of: Vec<Option<usize>>,
}

impl<G: Copy> Group<G> {
    /// The conversation its members go into, if not a new one.
    pub fn joins(&self) -> Option<KnownGroup<G>> {
        self.touches.first().copied()
    }

    /// The conversations that are to be linked with the one it joins.
    pub fn links(&self) -> &[KnownGroup<G>] {
        self.touches.get(1..).unwrap_or_default()
    }
}

pub fn group<G: Copy + Ord>(
    entries: &[Entry],
    known: &HashMap<String, KnownGroup<G>>,
) -> Grouping<G> {
    let mut joined = Joined::new(entries.len());
    let mut ids: HashMap<&str, usize> = HashMap::new();
    let mut first_with: HashMap<&str, usize> = HashMap::new();
    let mut copy_of = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let own = entry.message_id.as_deref().filter(|id| !id.is_empty());
        let first = own.map(|id| *first_with.entry(id).or_insert(index));
        copy_of.push(first.filter(|first| *first != index));
        for id in
            own.into_iter().chain(entry.refs.iter().map(String::as_str)).filter(|id| !id.is_empty())
        {
            let node = *ids.entry(id).or_insert_with(|| joined.add());
            joined.join(index, node);
        }
    }
    let touched = touched(&ids, known, &mut joined);
    Grouping { groups: listed(entries.len(), &ids, touched, &mut joined), copy_of }
}

/// Ids of one known conversation belong together even if no mail here says so.
fn touched<G: Copy + Ord>(
    ids: &HashMap<&str, usize>,
    known: &HashMap<String, KnownGroup<G>>,
    joined: &mut Joined,
) -> Vec<(usize, KnownGroup<G>)> {
    let mut touched: Vec<(KnownGroup<G>, usize)> =
        ids.iter().filter_map(|(id, node)| Some((*known.get(*id)?, *node))).collect();
    touched.sort_unstable();
    for pair in touched.windows(2) {
        if pair[0].0 == pair[1].0 {
            joined.join(pair[0].1, pair[1].1);
        }
    }
    touched.dedup_by_key(|(group, _)| *group);
    touched.into_iter().map(|(group, node)| (node, group)).collect()
}

fn listed<G: Copy + Ord>(
    entries: usize,
    ids: &HashMap<&str, usize>,
    touched: Vec<(usize, KnownGroup<G>)>,
    joined: &mut Joined,
) -> Vec<Group<G>> {
    let mut groups: Vec<Group<G>> = Vec::new();
    let mut place: HashMap<usize, usize> = HashMap::new();
    for index in 0..entries {
        let at = *place.entry(joined.root(index)).or_insert_with(|| {
            groups.push(Group { members: Vec::new(), ids: Vec::new(), touches: Vec::new() });
            groups.len() - 1
        });
        groups[at].members.push(index);
    }
    for (id, node) in ids {
        if let Some(at) = place.get(&joined.root(*node)) {
            groups[*at].ids.push((*id).to_owned());
        }
    }
    for (node, known) in touched {
        if let Some(at) = place.get(&joined.root(node)) {
            groups[*at].touches.push(known);
        }
    }
    for group in &mut groups {
        group.ids.sort_unstable();
    }
    groups
}

/// Union-find: the smaller tree goes under the larger, paths are halved on the way up.
struct Joined {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl Joined {
    fn new(count: usize) -> Self {
        Self { parent: (0..count).collect(), size: vec![1; count] }
    }

    fn add(&mut self) -> usize {
        self.parent.push(self.parent.len());
        self.size.push(1);
        self.parent.len() - 1
    }

    fn root(&mut self, mut node: usize) -> usize {
        while self.parent[node] != node {
            self.parent[node] = self.parent[self.parent[node]];
            node = self.parent[node];
        }
        node
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let (small, large) = if self.size[a] < self.size[b] { (a, b) } else { (b, a) };
        self.parent[small] = large;
        self.size[large] += self.size[small];
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn entry(id: &str, refs: &[&str]) -> Entry {
        let message_id = (!id.is_empty()).then(|| id.to_owned());
        Entry { message_id, refs: refs.iter().map(|id| (*id).to_owned()).collect() }
    }

    fn members(entries: &[Entry]) -> Vec<Vec<usize>> {
        group::<u32>(entries, &HashMap::new())
            .groups
            .into_iter()
            .map(|group| group.members)
            .collect()
    }

    fn known(ids: &[(&str, i64, u32)]) -> HashMap<String, KnownGroup<u32>> {
        ids.iter()
            .map(|(id, since, group)| ((*id).to_owned(), KnownGroup { since: *since, id: *group }))
            .collect()
    }

    #[test]
    fn an_answer_that_stands_before_its_question_belongs_to_it() {
        assert_eq!(
            members(&[entry("b", &["a"]), entry("x", &[]), entry("a", &[])]),
            [vec![0, 2], vec![1]]
        );
    }

    #[test]
    fn two_answers_to_an_unseen_mail_belong_together() {
        assert_eq!(members(&[entry("b", &["a"]), entry("c", &["a"])]), [[0, 1]]);
    }

    #[test]
    fn a_copy_is_told_from_the_message() {
        let found =
            group::<u32>(&[entry("a", &[]), entry("b", &[]), entry("a", &["c"])], &HashMap::new());
        assert_eq!(found.copy_of, [None, None, Some(0)]);
        assert_eq!(found.groups[0].members, [0, 2]);
        assert_eq!(found.groups[0].ids, ["a", "c"]);
    }

    #[test]
    fn mails_without_ids_are_not_copies_of_one_another() {
        let found =
            group::<u32>(&[entry("", &[]), entry("", &[]), entry("", &["a"])], &HashMap::new());
        assert_eq!(found.groups.len(), 3);
        assert_eq!(found.copy_of, [None; 3]);
    }

    #[test]
    fn a_bridge_joins_the_oldest_and_links_the_others() {
        let known = known(&[("a", 20, 1), ("b", 10, 2), ("c", 30, 3), ("other", 0, 4)]);
        let found = group(&[entry("n", &["c", "a"]), entry("m", &["n", "b"])], &known);
        assert_eq!(found.groups[0].joins().unwrap().id, 2);
        assert_eq!(found.groups[0].links().iter().map(|g| g.id).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn two_mails_of_one_known_conversation_are_one_group() {
        let found =
            group(&[entry("n", &["a"]), entry("m", &["b"])], &known(&[("a", 1, 7), ("b", 1, 7)]));
        assert_eq!(found.groups.len(), 1);
        assert_eq!(found.groups[0].touches.len(), 1);
    }

    #[test]
    fn the_sample_holds_four_conversations_and_one_copy() {
        let file = include_bytes!("../../fixtures/sample.mbox").as_slice();
        let entries: Vec<Entry> = crate::email::mbox::Mbox::new(file)
            .map(|message| {
                let mail = crate::email::parse::parse(
                    &message.unwrap().bytes,
                    "2026-03-20T12:00:00Z".parse().unwrap(),
                );
                assert!(mail.problems.is_empty() && mail.automatic.is_none());
                Entry {
                    message_id: mail.message_id,
                    refs: [mail.in_reply_to, mail.references].concat(),
                }
            })
            .collect();
        let found = group::<u32>(&entries, &HashMap::new());
        let sizes: Vec<usize> = found.groups.iter().map(|group| group.members.len()).collect();
        assert_eq!(sizes, [5, 3, 2, 2]);
        assert_eq!(found.copy_of.iter().flatten().collect::<Vec<_>>(), [&5]);
    }

    #[test]
    fn a_hundred_thousand_mails_are_grouped() {
        let name = |n: usize| format!("{n}@example.org");
        let chain = |n: usize| Entry {
            message_id: Some(name(n)),
            refs: vec![name(n.saturating_sub(1)), name(n * 7 % 99_991)],
        };
        let entries: Vec<Entry> = (0..100_000).rev().map(chain).collect();
        assert_eq!(members(&entries).len(), 1);
    }

    /// Conversations as sets of ids, joined as far as the groups of both imports and the known ones say.
    fn conversations(parts: &[&[Entry]]) -> BTreeSet<BTreeSet<String>> {
        let mut known: HashMap<String, KnownGroup<u32>> = HashMap::new();
        let mut links: Vec<Vec<u32>> = Vec::new();
        let mut next = 0;
        for part in parts {
            for found in group(part, &known).groups {
                let joins =
                    found.joins().unwrap_or(KnownGroup { since: i64::from(next), id: next });
                next += 1;
                links.push(found.touches.iter().chain([&joins]).map(|group| group.id).collect());
                for id in found.ids {
                    known.entry(id).or_insert(joins);
                }
            }
        }
        let mut joined = Joined::new(next as usize + 1);
        for link in links {
            link.windows(2).for_each(|pair| joined.join(pair[0] as usize, pair[1] as usize));
        }
        let mut sets: HashMap<usize, BTreeSet<String>> = HashMap::new();
        for (id, group) in known {
            sets.entry(joined.root(group.id as usize)).or_default().insert(id);
        }
        sets.into_values().collect()
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let id = || (0_u8..40).prop_map(|n| n.to_string());
        let entry = (proptest::option::weighted(0.9, id()), proptest::collection::vec(id(), 0..3))
            .prop_map(|(message_id, refs)| Entry { message_id, refs });
        proptest::collection::vec(entry, 0..40)
    }

    proptest! {
        #[test]
        fn the_order_of_the_mails_does_not_matter((given, shuffled) in entries().prop_flat_map(|e| (Just(e.clone()), Just(e).prop_shuffle()))) {
            prop_assert_eq!(conversations(&[&given]), conversations(&[&shuffled]));
            prop_assert_eq!(members(&given).len(), members(&shuffled).len());
        }

        #[test]
        fn two_imports_give_what_one_gives(given in entries(), at in 0_usize..41) {
            let (first, second) = given.split_at(at.min(given.len()));
            prop_assert_eq!(conversations(&[first, second]), conversations(&[&given]));
        }

        #[test]
        fn importing_again_adds_no_conversation(given in entries()) {
            prop_assert_eq!(conversations(&[&given, &given]), conversations(&[&given]));
        }

        #[test]
        fn every_mail_is_in_one_group(given in entries()) {
            let mut all: Vec<usize> = members(&given).concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..given.len()).collect::<Vec<_>>());
        }
    }
}
