//! Another name or address for a channel.

use access::Right;
use decider::{Aspects, Changes, Command, Halt, World};
use events::ChannelId;
use events::channel::{ChannelAddressChanged, ChannelEvent, ChannelRenamed};

use super::{Channel, ChannelRejection};
use crate::address::{checked, normalised};
use crate::claims::CHANNEL_ADDRESS;
use crate::desk::{Desk, ask_all};
use crate::limits::LABEL_CHARS_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Changes a channel's name and address; what is none stays.
#[derive(Clone, Debug)]
pub struct UpdateChannel {
    /// The channel.
    pub channel_id: ChannelId,
    /// Its name from now on.
    pub name: Option<String>,
    /// Its address from now on.
    pub address: Option<String>,
}

impl Command for UpdateChannel {
    fn name(&self) -> &'static str {
        "UpdateChannel"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::SettingsManage)?;
        let channel = world.state::<Channel>(self.channel_id)?;
        let current = channel.live().ok_or(Refusal::NotFound("channel"))?;
        let mut checks = Checks::default();
        let name = self
            .name
            .as_ref()
            .map(|name| checks.take("name", text::line(name, LABEL_CHARS_MAX)))
            .filter(|name| *name != current.name);
        let address = self
            .address
            .as_ref()
            .map(|address| checks.take("address", checked(address)))
            .filter(|address| *address != current.address);
        checks.finish()?;
        let mut changes = Changes::none();
        if let Some(to) = name {
            let renamed = ChannelRenamed { from: current.name.clone(), to };
            changes.on(self.channel_id, ChannelEvent::from(renamed));
        }
        if let Some(to) = address {
            let (old_key, key) = (normalised(&current.address), normalised(&to));
            if key != old_key {
                let asks = [&old_key, &key].map(|key| world.claim(CHANNEL_ADDRESS, key));
                if ask_all(asks)?[1].is_some() {
                    return Err(ChannelRejection::AddressInUse.into());
                }
                changes.release(CHANNEL_ADDRESS, old_key).claim(
                    CHANNEL_ADDRESS,
                    key,
                    self.channel_id,
                );
            }
            let changed = ChannelAddressChanged { from: current.address.clone(), to };
            changes.on(self.channel_id, ChannelEvent::from(changed));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        let name = self.name.as_ref().map(|_| "name");
        let address = self.address.as_ref().map(|_| "address");
        name.into_iter().chain(address).fold(Aspects::none(), Aspects::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    fn update(name: Option<&str>, address: Option<&str>) -> UpdateChannel {
        UpdateChannel {
            channel_id: Office::EMAIL,
            name: name.map(str::to_owned),
            address: address.map(str::to_owned),
        }
    }

    #[test]
    fn a_channel_gets_another_name_and_address() {
        let changes = Office::new()
            .as_admin()
            .when(&update(Some("Help"), Some("help@example.org")))
            .then::<ChannelEvent>(
                Office::EMAIL,
                [
                    ChannelRenamed { from: "Support".to_owned(), to: "Help".to_owned() }.into(),
                    ChannelAddressChanged {
                        from: "support@example.org".to_owned(),
                        to: "help@example.org".to_owned(),
                    }
                    .into(),
                ],
            );
        let claims: Vec<_> =
            changes.claims.iter().map(|claim| (claim.key.as_str(), claim.holder)).collect();
        assert_eq!(
            claims,
            [("support@example.org", None), ("help@example.org", Some(Office::EMAIL.0))]
        );
    }

    #[test]
    fn another_spelling_of_its_address_keeps_the_claim() {
        let changes =
            Office::new().as_admin().when(&update(None, Some("Support@example.org"))).accepted();
        assert!(changes.claims.is_empty());
        assert_eq!(changes.events_on::<ChannelEvent>(Office::EMAIL).len(), 1);
    }

    #[test]
    fn what_stays_as_it_is_is_no_change() {
        let same = update(Some("Support"), Some("support@example.org"));
        Office::new().as_admin().when(&same).then_nothing();
    }

    #[test]
    fn a_taken_or_unsound_address_is_refused() {
        let taken = Office::new().as_admin().claim(CHANNEL_ADDRESS, "help@example.org", id(7));
        taken.when(&update(None, Some("Help@example.org"))).then_rejected("address_in_use");
        Office::new().as_admin().when(&update(None, Some("x"))).then_rejected("invalid_email");
        Office::new().as_admin().when(&update(Some(" "), None)).then_rejected("required");
    }

    #[test]
    fn a_known_channel_is_changed_by_who_may() {
        let unknown = UpdateChannel { channel_id: ChannelId(id(9)), ..update(None, None) };
        Office::new().as_admin().when(&unknown).then_rejected("not_found");
        Office::new().as_agent().when(&update(None, None)).then_rejected("forbidden");
    }
}
