//! Changes to what a ticket is (T11).

use access::Right;
use decider::{Aspects, Changes, Command, Halt, Personal, World};
use events::ticket::{CategoryChanged, PriorityChanged, TagsChanged, TicketRenamed};
use events::value::Priority;
use events::{TicketEvent, TicketId};

use super::parts::{checked_category, checked_tags, sealed};
use super::{LiveTicket, PropertyInputs};
use crate::desk::Desk;
use crate::limits::TICKET_NAME_CHARS_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Changes what a ticket is; what is none stays. Only what differs becomes an event.
#[derive(Clone, Debug)]
pub struct UpdateTicket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Its name from now on.
    pub name: Option<Personal<String>>,
    /// How urgent it is from now on.
    pub priority: Option<Priority>,
    /// Its category from now on; inner none, or an empty one, removes it.
    pub category: Option<Option<String>>,
    /// All its tags from now on.
    pub tags: Option<Vec<String>>,
    /// Values of custom properties.
    pub properties: PropertyInputs,
}

impl Command for UpdateTicket {
    fn name(&self) -> &'static str {
        "UpdateTicket"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter(world, Right::TicketsEdit)?;
        let ticket = desk.ticket(self.ticket_id, Right::TicketsEdit)?;
        let live = ticket.live().ok_or(Refusal::NotFound("ticket"))?;
        let mut checks = Checks::default();
        let name = self
            .name
            .as_ref()
            .map(|name| checks.take("name", text::line(&name.0, TICKET_NAME_CHARS_MAX)));
        let category =
            self.category.as_ref().map(|word| checked_category(word.as_deref(), &mut checks));
        let tags = self.tags.as_ref().map(|tags| checked_tags(tags, &mut checks));
        let properties = self.properties.checked(&desk.directory, &mut checks);
        checks.finish()?;

        let mut changes = Changes::none();
        let mut emit = |event: TicketEvent| {
            changes.on(self.ticket_id, event);
        };
        if let Some(renamed) = renamed(world, self.ticket_id, live, name)? {
            emit(renamed.into());
        }
        if let Some(to) = self.priority.filter(|to| *to != live.priority) {
            emit(PriorityChanged { from: live.priority, to }.into());
        }
        if let Some(to) = category.filter(|to| *to != live.category) {
            emit(CategoryChanged { from: live.category.clone(), to }.into());
        }
        if let Some(changed) = tags.and_then(|tags| retagged(live, tags)) {
            emit(changed.into());
        }
        if let Some(set) = properties.event(world, self.ticket_id, &live.properties)? {
            emit(set.into());
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        let name = self.name.as_ref().map(|_| "name");
        let priority = self.priority.map(|_| "priority");
        let category = self.category.as_ref().map(|_| "category");
        let tags = self.tags.as_ref().map(|_| "tags");
        let words = name.into_iter().chain(priority).chain(category).chain(tags);
        self.properties.touches(words.fold(Aspects::none(), Aspects::and))
    }
}

fn renamed(
    world: &World<'_>,
    id: TicketId,
    live: &LiveTicket,
    to: Option<String>,
) -> Result<Option<TicketRenamed>, Halt> {
    let Some(to) = to else { return Ok(None) };
    let from = world.open(id, "name", &live.name)?.into_option();
    let differs = from.as_ref() != Some(&to);
    Ok(differs
        .then(|| TicketRenamed { from: from.map(|name| sealed(id, name)), to: sealed(id, to) }))
}

fn retagged(live: &LiveTicket, tags: Vec<String>) -> Option<TagsChanged> {
    let removed: Vec<_> = live.tags.iter().filter(|tag| !tags.contains(tag)).cloned().collect();
    let added: Vec<_> = tags.into_iter().filter(|tag| !live.tags.contains(tag)).collect();
    (!added.is_empty() || !removed.is_empty()).then_some(TagsChanged { added, removed })
}

/// Gives a ticket another name.
#[derive(Clone, Debug)]
pub struct RenameTicket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Its name from now on.
    pub name: Personal<String>,
}

impl RenameTicket {
    fn as_update(&self) -> UpdateTicket {
        UpdateTicket {
            ticket_id: self.ticket_id,
            name: Some(self.name.clone()),
            priority: None,
            category: None,
            tags: None,
            properties: PropertyInputs::default(),
        }
    }
}

impl Command for RenameTicket {
    fn name(&self) -> &'static str {
        "RenameTicket"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        self.as_update().decide(world)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["name"])
    }
}

#[cfg(test)]
mod tests {
    use decider::{Actor, Cipher, SealId, Sealed};
    use events::ticket::PropertiesSet;
    use events::value::{PropertyChange, PropertyValue};
    use serde_json::json;

    use super::*;
    use crate::fixtures::{Office, id, personal};
    use crate::ticket::Ticket;
    use crate::ticket::fixtures::{given, inputs};

    fn rename(name: &str) -> RenameTicket {
        RenameTicket { ticket_id: Office::TICKET, name: personal(name) }
    }

    fn update() -> UpdateTicket {
        UpdateTicket { name: None, ..rename("").as_update() }
    }

    fn name(text: &str) -> Sealed<String> {
        sealed(Office::TICKET, text)
    }

    #[test]
    fn a_ticket_gets_another_name() {
        let expected = TicketRenamed { from: Some(name("Printer")), to: name("Copier") };
        given().when(&rename(" Copier ")).then::<TicketEvent>(Office::TICKET, [expected.into()]);
        given().when(&rename("Printer")).then_nothing();
        given().when(&rename(" ")).then_rejected("required");
    }

    #[test]
    fn a_name_whose_key_was_destroyed_is_replaced_without_it() {
        let cipher =
            Cipher { seal: SealId(id(1)), key: id(2), nonce: Vec::new(), bytes: Vec::new() };
        let forgotten = TicketRenamed { from: None, to: Sealed::Cipher(cipher) };
        given()
            .events::<Ticket>(Office::TICKET, [forgotten.into()])
            .when(&rename("Copier"))
            .then::<TicketEvent>(
            Office::TICKET,
            [TicketRenamed { from: None, to: name("Copier") }.into()],
        );
    }

    #[test]
    fn only_what_differs_becomes_an_event_t11() {
        let tagged = TagsChanged { added: vec!["a".into(), "b".into()], removed: Vec::new() };
        let given = given().events::<Ticket>(Office::TICKET, [tagged.into()]);
        let all = UpdateTicket {
            name: Some(personal("Printer")),
            priority: Some(Priority::Urgent),
            category: Some(Some("Hardware".to_owned())),
            tags: Some(vec!["b".to_owned(), "c".to_owned()]),
            properties: inputs(&[("amount", json!(5)), ("sku", json!(null))]),
            ..update()
        };
        let amount = PropertyChange {
            property: events::PropertyId(id(53)),
            from: None,
            to: Some(PropertyValue::Number("5".to_owned())),
        };
        given.when(&all).then::<TicketEvent>(
            Office::TICKET,
            [
                PriorityChanged { from: Priority::None, to: Priority::Urgent }.into(),
                CategoryChanged { from: None, to: Some("Hardware".to_owned()) }.into(),
                TagsChanged { added: vec!["c".to_owned()], removed: vec!["a".to_owned()] }.into(),
                PropertiesSet { changes: vec![amount] }.into(),
            ],
        );
    }

    #[test]
    fn a_personal_text_is_sealed_and_the_same_again_is_no_change() {
        let fuse =
            UpdateTicket { properties: inputs(&[("root_cause", json!("Fuse"))]), ..update() };
        let change = PropertyChange {
            property: Office::ROOT_CAUSE,
            from: None,
            to: Some(PropertyValue::Text(name("Fuse"))),
        };
        let expected = TicketEvent::from(PropertiesSet { changes: vec![change] });
        given().when(&fuse).then(Office::TICKET, [expected.clone()]);
        let given = given().events::<Ticket>(Office::TICKET, [expected]);
        given.when(&fuse).then_nothing();
        let emptied = UpdateTicket { properties: inputs(&[("root_cause", json!(""))]), ..update() };
        let change = PropertyChange {
            property: Office::ROOT_CAUSE,
            from: Some(PropertyValue::Text(name("Fuse"))),
            to: None,
        };
        given
            .when(&emptied)
            .then::<TicketEvent>(Office::TICKET, [PropertiesSet { changes: vec![change] }.into()]);
    }

    #[test]
    fn what_stays_as_it_is_is_no_change() {
        let same = UpdateTicket {
            priority: Some(Priority::None),
            category: Some(None),
            tags: Some(Vec::new()),
            ..update()
        };
        given().when(&same).then_nothing();
        given().when(&update()).then_nothing();
    }

    #[test]
    fn unsound_input_is_refused_field_by_field() {
        let wrong = UpdateTicket {
            name: Some(personal("")),
            category: Some(Some("x".repeat(101))),
            tags: Some(vec!["\u{202e}".to_owned()]),
            properties: inputs(&[("due", json!("soon"))]),
            ..update()
        };
        let rejected = given().when(&wrong).then_rejected("required");
        let fields: Vec<_> = rejected.fields.iter().map(|f| (f.field.as_str(), f.code)).collect();
        let expected = [
            ("name", "required"),
            ("category", "too_long"),
            ("tags.0", "invalid_text"),
            ("properties.due", "invalid_value"),
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_known_ticket_is_changed_by_who_may() {
        let unknown = UpdateTicket { ticket_id: TicketId(id(9)), ..update() };
        given().when(&unknown).then_rejected("not_found");
        let light = Actor::user(Office::LIGHT.0);
        let rejected = given().actor(light).when(&update()).then_rejected("forbidden");
        assert_eq!(rejected.missing_right, Some("tickets.edit"));
        given().actor(Actor::user(Office::GONE.0)).when(&update()).then_rejected("no_access");
    }
}
