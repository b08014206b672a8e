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
