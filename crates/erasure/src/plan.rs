//! Which keys go when a person is forgotten: pure. A content goes when the person is the only one outside whom it concerns;
//! what concerns others, too, is left to a choice. Who was erased before is nobody's other any more.

use std::collections::BTreeSet;

use events::erasure::{ContentKind, ErasureCounts, SharedChoice, SharedContent};
use events::message::ObjectRef;
use events::{ContactId, TicketId};
use uuid::Uuid;

use crate::content::{Content, TicketContents};

/// Unsent words on a ticket of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftTraces {
    /// The draft.
    pub draft: Uuid,
    /// Whose it is.
    pub user: Uuid,
    /// Its ticket.
    pub ticket: TicketId,
    /// The keys of its words and of the files it holds.
    pub keys: BTreeSet<Uuid>,
    /// The files it holds.
    pub files: Vec<Uuid>,
    /// Their sealed bytes.
    pub objects: Vec<ObjectRef>,
}

/// Everything that is known to concern a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathered {
    /// The person.
    pub person: ContactId,
    /// The keys of their name, addresses and numbers.
    pub person_keys: BTreeSet<Uuid>,
    /// The tickets they ever took part in.
    pub tickets: Vec<TicketContents>,
    /// Contents about them on tickets they take no part in, by id.
    pub elsewhere: Vec<(Uuid, Content)>,
    /// Unsent words on their tickets.
    pub drafts: Vec<DraftTraces>,
    /// Those of the other persons who were erased before.
    pub erased: BTreeSet<Uuid>,
}

/// What is destroyed, and what is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The keys to destroy.
    pub keys: BTreeSet<Uuid>,
    /// Sealed bytes to delete.
    pub objects: Vec<ObjectRef>,
    /// Drafts whose words are deleted, with their users.
    pub drafts: Vec<(Uuid, Uuid)>,
    /// Files of which nothing is remembered.
    pub files: Vec<Uuid>,
    /// How much of everything that is.
    pub counts: ErasureCounts,
    /// Contents that concern others, too, and stay.
    pub kept: Vec<SharedContent>,
    /// Contents that concern others, too, and go because that was chosen.
    pub shared_erased: Vec<SharedContent>,
}

impl Plan {
    /// Of redacted words: the keys that are named, and nothing else.
    pub fn of_keys(keys: &[Uuid], objects: Vec<ObjectRef>, counts: ErasureCounts) -> Self {
        let keys: BTreeSet<Uuid> = keys.iter().copied().collect();
        let counts = ErasureCounts { keys: keys.len() as u64, ..counts };
        Self { keys, objects, counts, ..Self::default() }
    }

    /// Of a person.
    pub fn of_contact(gathered: &Gathered, shared: SharedChoice, also: &[Uuid]) -> Self {
        let choice = Choice { gathered, shared, also };
        let mut plan = Self::default();
        plan.counts.persons = 1;
        plan.keys.extend(&gathered.person_keys);
        for ticket in &gathered.tickets {
            choice.ticket(ticket, &mut plan);
        }
        for (id, content) in &gathered.elsewhere {
            let place = SharedContent { ticket: None, content: *id, kind: ContentKind::Other };
            if choice.goes(&content.subjects, place, &mut plan) {
                plan.take(ContentKind::Other, content);
            }
        }
        for draft in &gathered.drafts {
            choice.draft(draft, &mut plan);
        }
        plan.counts.keys = plan.keys.len() as u64;
        plan
    }

    fn take(&mut self, kind: ContentKind, content: &Content) {
        self.keys.extend(&content.keys);
        self.objects.extend(content.objects.iter().cloned());
        self.files.extend(&content.files);
        self.counts.files += content.files.len() as u64;
        self.counts.originals += content.originals;
        match kind {
            ContentKind::Message => self.counts.messages += 1,
            ContentKind::Comment => self.counts.comments += 1,
            ContentKind::Draft => self.counts.drafts += 1,
            ContentKind::TicketName => self.counts.ticket_names += 1,
            ContentKind::Other => self.counts.others += 1,
            // Counted above.
            ContentKind::Original => {}
        }
    }
}

struct Choice<'a> {
    gathered: &'a Gathered,
    shared: SharedChoice,
    also: &'a [Uuid],
}

impl Choice<'_> {
    fn ticket(&self, ticket: &TicketContents, plan: &mut Plan) {
        let place = |content, kind| SharedContent { ticket: Some(ticket.ticket), content, kind };
        let name = place(ticket.ticket.0, ContentKind::TicketName);
        if !ticket.name_keys.is_empty() && self.goes(&ticket.contacts, name, plan) {
            plan.keys.extend(&ticket.name_keys);
            plan.counts.ticket_names += 1;
        }
        for (id, content) in &ticket.contents {
            let said = &content.subjects;
            let concerned = if said.is_empty() { &ticket.contacts } else { said };
            if self.goes(concerned, place(*id, content.kind), plan) {
                plan.take(content.kind, content);
            }
        }
    }

    fn draft(&self, draft: &DraftTraces, plan: &mut Plan) {
        let nobody = BTreeSet::new();
        let ticket = self.gathered.tickets.iter().find(|ticket| ticket.ticket == draft.ticket);
        let concerned = ticket.map_or(&nobody, |ticket| &ticket.contacts);
        let place = SharedContent {
            ticket: Some(draft.ticket),
            content: draft.draft,
            kind: ContentKind::Draft,
        };
        if self.goes(concerned, place, plan) {
            plan.keys.extend(&draft.keys);
            plan.objects.extend(draft.objects.iter().cloned());
            plan.files.extend(&draft.files);
            plan.drafts.push((draft.draft, draft.user));
            plan.counts.files += draft.files.len() as u64;
            plan.counts.drafts += 1;
        }
    }

    /// Whether a content goes; one that concerns others is noted either way.
    fn goes(&self, concerned: &BTreeSet<Uuid>, place: SharedContent, plan: &mut Plan) -> bool {
        let person = self.gathered.person.0;
        let is_other = |id: &&Uuid| **id != person && !self.gathered.erased.contains(*id);
        if !concerned.iter().any(|id| is_other(&id)) {
            return true;
        }
        let chosen = self.shared == SharedChoice::Erase || self.also.contains(&place.content);
        let noted = if chosen { &mut plan.shared_erased } else { &mut plan.kept };
        noted.push(place);
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARIA: ContactId = ContactId(Uuid::from_u128(1));
    const BEN: Uuid = Uuid::from_u128(2);
    const TICKET: TicketId = TicketId(Uuid::from_u128(10));
    const MESSAGE: Uuid = Uuid::from_u128(20);
    const COMMENT: Uuid = Uuid::from_u128(21);

    fn set<const N: usize>(ids: [u128; N]) -> BTreeSet<Uuid> {
        ids.map(Uuid::from_u128).into_iter().collect()
    }

    fn content(kind: ContentKind, key: u128, subjects: &[Uuid]) -> Content {
        let subjects = subjects.iter().copied().collect();
        Content { keys: set([key]), subjects, ..Content::new(kind) }
    }

    /// A ticket of Maria, and perhaps of others, with a message to Maria and a comment.
    fn gathered(others: &[Uuid], about: &[Uuid]) -> Gathered {
        let mut ticket = TicketContents::new(TICKET);
        ticket.contacts = others.iter().copied().chain([MARIA.0]).collect();
        ticket.name_keys = set([100]);
        ticket.contents.insert(MESSAGE, content(ContentKind::Message, 101, about));
        ticket.contents.insert(COMMENT, content(ContentKind::Comment, 102, &[]));
        Gathered {
            person: MARIA,
            person_keys: set([99]),
            tickets: vec![ticket],
            elsewhere: Vec::new(),
            drafts: Vec::new(),
            erased: BTreeSet::new(),
        }
    }

    fn kept(plan: &Plan) -> Vec<(Uuid, ContentKind)> {
        plan.kept.iter().map(|shared| (shared.content, shared.kind)).collect()
    }

    #[test]
    fn everything_goes_that_concerns_nobody_else_z06() {
        let plan = Plan::of_contact(&gathered(&[], &[MARIA.0]), SharedChoice::Keep, &[]);
        assert_eq!(plan.keys, set([99, 100, 101, 102]));
        assert_eq!(kept(&plan), []);
        let ErasureCounts { persons, ticket_names, messages, comments, keys, .. } = plan.counts;
        assert_eq!((persons, ticket_names, messages, comments, keys), (1, 1, 1, 1, 4));
    }

    #[test]
    fn what_concerns_another_person_is_left_to_a_choice_z06() {
        let shared = gathered(&[BEN], &[MARIA.0, BEN]);
        let plan = Plan::of_contact(&shared, SharedChoice::Keep, &[]);
        assert_eq!(plan.keys, set([99]));
        let all = [
            (TICKET.0, ContentKind::TicketName),
            (MESSAGE, ContentKind::Message),
            (COMMENT, ContentKind::Comment),
        ];
        assert_eq!(kept(&plan), all);
        let plan = Plan::of_contact(&shared, SharedChoice::Keep, &[MESSAGE]);
        assert_eq!((plan.keys, plan.shared_erased.len()), (set([99, 101]), 1));
        let plan = Plan::of_contact(&shared, SharedChoice::Erase, &[]);
        assert_eq!((plan.keys, plan.shared_erased.len()), (set([99, 100, 101, 102]), 3));
    }

    #[test]
    fn a_message_to_the_person_alone_goes_even_from_a_ticket_of_several_z06() {
        let plan = Plan::of_contact(&gathered(&[BEN], &[MARIA.0]), SharedChoice::Keep, &[]);
        assert_eq!(plan.keys, set([99, 101]));
    }

    #[test]
    fn a_message_of_which_nobody_knows_whom_it_concerns_is_of_those_on_the_ticket_z06() {
        let plan = Plan::of_contact(&gathered(&[], &[]), SharedChoice::Keep, &[]);
        assert!(plan.keys.contains(&Uuid::from_u128(101)));
        let plan = Plan::of_contact(&gathered(&[BEN], &[]), SharedChoice::Keep, &[]);
        assert!(!plan.keys.contains(&Uuid::from_u128(101)));
    }

    #[test]
    fn the_last_of_several_persons_takes_the_rest_along_z06() {
        let mut last = gathered(&[BEN], &[MARIA.0, BEN]);
        last.erased = [BEN].into();
        let plan = Plan::of_contact(&last, SharedChoice::Keep, &[]);
        assert_eq!(plan.keys, set([99, 100, 101, 102]));
    }

    #[test]
    fn files_originals_and_drafts_go_with_their_bytes_z06() {
        let object =
            |n: u128| ObjectRef { key: Uuid::from_u128(n), hash: n.to_string(), size_bytes: 1 };
        let mut all = gathered(&[], &[]);
        let message = all.tickets[0].contents.get_mut(&MESSAGE).unwrap();
        message.objects = vec![object(201), object(202)];
        message.files = vec![Uuid::from_u128(301)];
        message.originals = 1;
        let draft = Uuid::from_u128(400);
        all.drafts.push(DraftTraces {
            draft,
            user: BEN,
            ticket: TICKET,
            keys: set([401]),
            files: vec![Uuid::from_u128(302)],
            objects: vec![object(203)],
        });
        all.elsewhere.push((Uuid::from_u128(500), content(ContentKind::Other, 501, &[MARIA.0])));
        let plan = Plan::of_contact(&all, SharedChoice::Keep, &[]);
        assert_eq!(plan.objects.len(), 3);
        assert_eq!(plan.drafts, [(draft, BEN)]);
        let ErasureCounts { files, originals, drafts, others, .. } = plan.counts;
        assert_eq!((files, originals, drafts, others), (2, 1, 1, 1));
        assert!(plan.keys.is_superset(&set([401, 501])));
    }
}
