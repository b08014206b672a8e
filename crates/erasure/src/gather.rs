//! Everything that is known to concern a person, from the log, the keys and the drafts. It answers the same before and after
//! the keys were destroyed, so that an erasure that was cut off finds its way again.

use std::collections::{BTreeMap, BTreeSet};

use decider::{KeyScope, StoredEvent, Version, WorkspaceId};
use events::erasure::ContentKind;
use events::message::ObjectRef;
use events::{ContactEvent, ContactId, TicketEvent, TicketId, decode_stored};
use projections::traces;
use uuid::Uuid;

use crate::content::{Content, TicketContents, keys_of};
use crate::plan::{DraftTraces, Gathered};
use crate::{Erasing, ErasureError};

/// Events, tickets and streams asked for at a time.
const EVENTS_AT_A_TIME: u32 = 500;
const TICKETS_AT_A_TIME: u32 = 500;
const STREAMS_AT_A_TIME: usize = 200;

/// Everything that is known to concern a contact.
pub async fn about_contact(
    erasing: &Erasing,
    ws: WorkspaceId,
    person: ContactId,
) -> Result<Gathered, ErasureError> {
    let vault = erasing.handler.vault();
    let mut tickets = Vec::new();
    for ticket in tickets_of(erasing, ws, person).await? {
        tickets.push(contents_of(erasing, ws, ticket).await?);
    }
    let keys: Vec<Uuid> =
        tickets.iter().flat_map(|ticket| ticket.contents.values()).flat_map(keys_in).collect();
    let subjects = vault.subjects_of(ws, &keys).await?;
    for content in tickets.iter_mut().flat_map(|ticket| ticket.contents.values_mut()) {
        let said = content.keys.iter().filter_map(|key| subjects.get(key)).flatten();
        content.subjects = said.copied().collect();
    }
    let known: BTreeSet<Uuid> = keys.into_iter().collect();
    let elsewhere = elsewhere(erasing, ws, person, &known).await?;
    let drafts = drafts_on(erasing, ws, &tickets).await?;
    let mut others: BTreeSet<Uuid> =
        tickets.iter().flat_map(|ticket| ticket.contacts.iter().copied()).collect();
    let contents = tickets.iter().flat_map(|ticket| ticket.contents.values());
    others.extend(contents.flat_map(|content| content.subjects.iter().copied()));
    others.extend(elsewhere.iter().flat_map(|(_, content)| content.subjects.iter().copied()));
    others.remove(&person.0);
    Ok(Gathered {
        person,
        person_keys: person_keys(erasing, ws, person).await?,
        tickets,
        elsewhere,
        drafts,
        erased: erased_among(erasing, ws, &others).await?,
    })
}

/// The tickets that a person ever took part in.
pub async fn tickets_of(
    erasing: &Erasing,
    ws: WorkspaceId,
    person: ContactId,
) -> Result<Vec<TicketId>, ErasureError> {
    let (mut all, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let page =
            traces::tickets_of(&erasing.views, ws, person.0, after, TICKETS_AT_A_TIME).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = *last;
        all.extend(page.into_iter().map(TicketId));
    }
}

/// Shows every event of a stream, in order.
///
/// # Errors
/// When the log does not answer, or `see` fails.
pub async fn each_event(
    erasing: &Erasing,
    ws: WorkspaceId,
    stream: Uuid,
    mut see: impl FnMut(&StoredEvent) -> Result<(), ErasureError>,
) -> Result<(), ErasureError> {
    let mut after: Version = 0;
    loop {
        let reader = erasing.handler.reader();
        let page = reader.stream_page(ws, stream, after, EVENTS_AT_A_TIME).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.version;
        page.iter().try_for_each(&mut see)?;
    }
}

/// What a ticket holds.
///
/// # Errors
/// When the log does not answer or an event cannot be read.
pub async fn contents_of(
    erasing: &Erasing,
    ws: WorkspaceId,
    ticket: TicketId,
) -> Result<TicketContents, ErasureError> {
    let mut contents = TicketContents::new(ticket);
    each_event(erasing, ws, ticket.0, |stored| {
        contents.take_in(decode_stored::<TicketEvent>(stored)?);
        Ok(())
    })
    .await?;
    Ok(contents)
}

async fn person_keys(
    erasing: &Erasing,
    ws: WorkspaceId,
    person: ContactId,
) -> Result<BTreeSet<Uuid>, ErasureError> {
    let scope = KeyScope::person(person.0);
    let assigned = erasing.handler.vault().assigned(ws, &scope).await?;
    let mut keys: BTreeSet<Uuid> = assigned.into_iter().collect();
    each_event(erasing, ws, person.0, |stored| {
        keys.extend(keys_of(&mut decode_stored::<ContactEvent>(stored)?));
        Ok(())
    })
    .await?;
    Ok(keys)
}

/// Contents about the person that their tickets do not hold.
async fn elsewhere(
    erasing: &Erasing,
    ws: WorkspaceId,
    person: ContactId,
    known: &BTreeSet<Uuid>,
) -> Result<Vec<(Uuid, Content)>, ErasureError> {
    let vault = erasing.handler.vault();
    let about = vault.keys_about(ws, person.0).await?;
    let rest: Vec<_> = about
        .into_iter()
        .filter(|about| about.kind == "content" && !known.contains(&about.key))
        .collect();
    let keys: Vec<Uuid> = rest.iter().map(|about| about.key).collect();
    let subjects = vault.subjects_of(ws, &keys).await?;
    let mut contents: BTreeMap<Uuid, Content> = BTreeMap::new();
    for about in rest {
        let content =
            contents.entry(about.scope).or_insert_with(|| Content::new(ContentKind::Other));
        content.keys.insert(about.key);
        content.subjects.extend(subjects.get(&about.key).into_iter().flatten());
    }
    Ok(contents.into_iter().collect())
}

async fn drafts_on(
    erasing: &Erasing,
    ws: WorkspaceId,
    tickets: &[TicketContents],
) -> Result<Vec<DraftTraces>, ErasureError> {
    let (ops, vault) = (&erasing.ops, erasing.handler.vault());
    let ids: Vec<Uuid> = tickets.iter().map(|ticket| ticket.ticket.0).collect();
    let mut drafts = Vec::new();
    for held in ops.drafts.on_tickets(ws, &ids).await? {
        let assigned = vault.assigned(ws, &KeyScope::draft(held.draft)).await?;
        let mut keys: BTreeSet<Uuid> = assigned.into_iter().collect();
        let files = ops.uploads.objects(ws, &held.attachment_ids).await?;
        keys.extend(files.values().map(|object| object.key));
        drafts.push(DraftTraces {
            draft: held.draft,
            user: held.user,
            ticket: TicketId(held.ticket),
            keys,
            files: held.attachment_ids,
            objects: files.into_values().map(stored).collect(),
        });
    }
    Ok(drafts)
}

/// Those of the persons who were erased.
async fn erased_among(
    erasing: &Erasing,
    ws: WorkspaceId,
    persons: &BTreeSet<Uuid>,
) -> Result<BTreeSet<Uuid>, ErasureError> {
    let persons: Vec<Uuid> = persons.iter().copied().collect();
    let mut erased = BTreeSet::new();
    for part in persons.chunks(STREAMS_AT_A_TIME) {
        let wanted: Vec<(Uuid, Version)> = part.iter().map(|id| (*id, 0)).collect();
        let events = erasing.handler.reader().streams(ws, &wanted).await?;
        let ends = events.iter().filter(|event| event.type_name == "ContactErased");
        erased.extend(ends.map(|event| event.stream));
    }
    Ok(erased)
}

fn keys_in(content: &Content) -> impl Iterator<Item = Uuid> + '_ {
    content.keys.iter().copied()
}

fn stored(object: vault::ObjectRef) -> ObjectRef {
    ObjectRef { key: object.key, hash: object.hash, size_bytes: object.size }
}
