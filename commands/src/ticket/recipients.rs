//! Whom a reply goes to: who was named, else who the answered message says (C01, C04).

use decider::{Halt, Personal};
use events::TicketId;
use events::contact::email_field;
use events::message::{Address, Direction, SealedAddresses};

use super::{LiveTicket, MessageSummary, TicketRejection};
use crate::address::{checked, normalised};
use crate::contact::Contact;
use crate::desk::Desk;
use crate::limits::{LABEL_CHARS_MAX, RECIPIENTS_MAX};
use crate::refusal::Checks;
use crate::text;

/// Addresses of a message that goes out.
#[derive(Default)]
pub struct Recipients {
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub bcc: Vec<Address>,
}

impl Recipients {
    pub fn all(&self) -> impl Iterator<Item = &Address> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }
}

/// Who was named; inner none leaves it to the rules.
pub struct Named<'a> {
    pub to: Option<&'a Personal<Vec<Address>>>,
    pub cc: Option<&'a Personal<Vec<Address>>>,
    pub bcc: Option<&'a Personal<Vec<Address>>>,
}

/// Addresses as a user gave them: sound, and each once.
pub fn checked_addresses(
    field: &str,
    addresses: Option<&Personal<Vec<Address>>>,
    checks: &mut Checks,
) -> Option<Vec<Address>> {
    let addresses = &addresses?.0;
    if addresses.len() > RECIPIENTS_MAX {
        checks.fault(field, "too_many", "there are too many recipients");
    }
    let mut sound: Vec<Address> = Vec::new();
    for (index, address) in addresses.iter().take(RECIPIENTS_MAX).enumerate() {
        let field = format!("{field}.{index}");
        let email = checks.take(&field, checked(&address.email));
        let name = address.name.as_deref().unwrap_or("");
        let name = checks.take(&field, text::optional_line(name, LABEL_CHARS_MAX));
        if sound.iter().all(|other| normalised(&other.email) != normalised(&email)) {
            sound.push(Address { name, email });
        }
    }
    Some(sound)
}

/// Whom a reply goes to.
pub fn recipients(
    desk: &Desk<'_>,
    (id, ticket): (TicketId, &LiveTicket),
    target: Option<&MessageSummary>,
    named: &Named<'_>,
) -> Result<Recipients, Halt> {
    let mut checks = Checks::default();
    let to = checked_addresses("to", named.to, &mut checks);
    let cc = checked_addresses("cc", named.cc, &mut checks).unwrap_or_default();
    let bcc = checked_addresses("bcc", named.bcc, &mut checks).unwrap_or_default();
    checks.finish()?;
    let to = match to {
        Some(to) => to,
        None => default_to(desk, id, ticket, target)?,
    };
    let recipients = Recipients { to, cc, bcc };
    match recipients.all().count() {
        0 => Err(TicketRejection::NoRecipients.into()),
        count if count > RECIPIENTS_MAX => {
            let mut checks = Checks::default();
            checks.fault("to", "too_many", "there are too many recipients");
            checks.finish().map(|()| recipients)
        }
        _ => Ok(recipients),
    }
}

/// Who wrote what is answered, or whom we wrote to; the ticket's first contact when that says nothing.
fn default_to(
    desk: &Desk<'_>,
    id: TicketId,
    ticket: &LiveTicket,
    target: Option<&MessageSummary>,
) -> Result<Vec<Address>, Halt> {
    if let Some(target) = target {
        let to = match target.direction {
            Direction::Outgoing => outsiders(desk, id, "message.to", &target.to)?,
            Direction::Incoming => {
                let wished = match &target.reply_to {
                    Some(wished) => outsiders(desk, id, "message.reply_to", wished)?,
                    None => Vec::new(),
                };
                if wished.is_empty() {
                    outsiders(desk, id, "message.from", &target.from)?
                } else {
                    wished
                }
            }
        };
        if !to.is_empty() {
            return Ok(to);
        }
    }
    primary_address(desk, ticket)
}

/// The sound addresses that are none of our channels': answering ourselves would go in circles.
fn outsiders(
    desk: &Desk<'_>,
    id: TicketId,
    field: &str,
    sealed: &SealedAddresses,
) -> Result<Vec<Address>, Halt> {
    let addresses = desk.world.open(id, field, sealed)?.into_option().unwrap_or_default();
    let is_outsider = |address: &Address| {
        checked(&address.email).is_ok()
            && desk.directory.channel_by_address(&address.email).is_none()
    };
    Ok(addresses.into_iter().filter(is_outsider).take(RECIPIENTS_MAX).collect())
}

fn primary_address(desk: &Desk<'_>, ticket: &LiveTicket) -> Result<Vec<Address>, Halt> {
    let Some(id) = ticket.primary_contact else { return Ok(Vec::new()) };
    let contact = desk.world.state::<Contact>(id)?;
    let known = contact.live().filter(|contact| contact.erased.is_none());
    let Some(contact) = known else { return Ok(Vec::new()) };
    let Some(primary) = contact.primary() else { return Ok(Vec::new()) };
    let email = desk.world.open(id, &email_field(primary.no), &primary.address)?.into_option();
    let name = match &contact.name {
        Some(name) => desk.world.open(id, "name", name)?.into_option(),
        None => None,
    };
    Ok(email.map(|email| Address { name, email }).into_iter().collect())
}
