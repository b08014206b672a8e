//! A new channel (H01).

use access::Right;
use decider::{Changes, Command, Event, Halt, StreamRef, World};
use events::ChannelId;
use events::channel::{ChannelCreated, ChannelEvent, ChannelKind};

use super::{Channel, ChannelRejection};
use crate::address::{checked, normalised};
use crate::claims::CHANNEL_ADDRESS;
use crate::desk::Desk;
use crate::limits::LABEL_CHARS_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Creates a channel.
#[derive(Clone, Debug)]
pub struct CreateChannel {
    /// Its id.
    pub channel_id: ChannelId,
    /// What kind it is.
    pub kind: ChannelKind,
    /// Its name, also shown to who gets mail from it.
    pub name: String,
    /// Its address.
    pub address: String,
}

impl Command for CreateChannel {
    fn name(&self) -> &'static str {
        "CreateChannel"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![StreamRef { kind: ChannelEvent::KIND, id: self.channel_id.0 }]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::SettingsManage)?;
        let mut checks = Checks::default();
        let name = checks.take("name", text::line(&self.name, LABEL_CHARS_MAX));
        let address = checks.take("address", checked(&self.address));
        checks.finish()?;
        match &*world.state::<Channel>(self.channel_id)? {
            Channel::Unknown => {}
            Channel::Live(_) | Channel::Removed => {
                return Err(Refusal::AlreadyExists("channel").into());
            }
        }
        let key = normalised(&address);
        if world.claim(CHANNEL_ADDRESS, &key)?.is_some() {
            return Err(ChannelRejection::AddressInUse.into());
        }
        let created = ChannelCreated { kind: self.kind, name, address };
        let mut changes = Changes::none();
        changes.on(self.channel_id, ChannelEvent::from(created)).claim(
            CHANNEL_ADDRESS,
            key,
            self.channel_id,
        );
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    fn command() -> CreateChannel {
        CreateChannel {
            channel_id: ChannelId(id(500)),
            kind: ChannelKind::Email,
            name: " Orders ".to_owned(),
            address: " Orders@Example.org ".to_owned(),
        }
    }

    #[test]
    fn a_channel_takes_its_address() {
        let changes = Office::new().as_admin().when(&command()).then::<ChannelEvent>(
            id(500),
            [ChannelCreated {
                kind: ChannelKind::Email,
                name: "Orders".to_owned(),
                address: "Orders@Example.org".to_owned(),
            }
            .into()],
        );
        assert_eq!(changes.claims[0].key, "orders@example.org");
    }

    #[test]
    fn two_channels_cannot_have_one_address() {
        let taken = Office::new().as_admin().claim(CHANNEL_ADDRESS, "orders@example.org", id(7));
        taken.when(&command()).then_rejected("address_in_use");
    }

    #[test]
    fn a_channel_has_a_name_and_a_sound_address() {
        let wrong = CreateChannel { name: " ".into(), address: "orders".into(), ..command() };
        let rejected = Office::new().as_admin().when(&wrong).then_rejected("required");
        assert_eq!(rejected.fields[1].code, "invalid_email");
    }

    #[test]
    fn a_channel_is_made_once_and_not_by_agents() {
        let again = CreateChannel { channel_id: Office::EMAIL, ..command() };
        Office::new().as_admin().when(&again).then_rejected("already_exists");
        Office::new().as_agent().when(&command()).then_rejected("forbidden");
    }
}
