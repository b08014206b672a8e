//! The end of a channel.

use access::Right;
use decider::{Changes, Command, Halt, World};
use events::ChannelId;
use events::channel::{ChannelEvent, ChannelRemoved};

use super::Channel;
use crate::address::normalised;
use crate::claims::CHANNEL_ADDRESS;
use crate::desk::Desk;
use crate::refusal::Refusal;

/// Removes a channel and gives its address back. Its messages stay.
#[derive(Clone, Copy, Debug)]
pub struct RemoveChannel {
    /// The channel.
    pub channel_id: ChannelId,
}

impl Command for RemoveChannel {
    fn name(&self) -> &'static str {
        "RemoveChannel"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::SettingsManage)?;
        let mut changes = Changes::none();
        match &*world.state::<Channel>(self.channel_id)? {
            Channel::Unknown => return Err(Refusal::NotFound("channel").into()),
            Channel::Removed => {}
            Channel::Live(channel) => {
                let key = normalised(&channel.address);
                world.claim(CHANNEL_ADDRESS, &key)?;
                changes
                    .on(self.channel_id, ChannelEvent::from(ChannelRemoved {}))
                    .release(CHANNEL_ADDRESS, key);
            }
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    const REMOVE: RemoveChannel = RemoveChannel { channel_id: Office::EMAIL };

    #[test]
    fn a_removed_channel_gives_its_address_back() {
        let changes = Office::new()
            .as_admin()
            .when(&REMOVE)
            .then::<ChannelEvent>(Office::EMAIL, [ChannelRemoved {}.into()]);
        assert_eq!(changes.claims[0].key, "support@example.org");
        assert_eq!(changes.claims[0].holder, None);
    }

    #[test]
    fn a_channel_is_removed_once() {
        let removed = Office::new().with(Office::EMAIL, ChannelEvent::from(ChannelRemoved {}));
        removed.as_admin().when(&REMOVE).then_nothing();
    }

    #[test]
    fn a_known_channel_is_removed_by_who_may() {
        let unknown = RemoveChannel { channel_id: ChannelId(id(9)) };
        Office::new().as_admin().when(&unknown).then_rejected("not_found");
        Office::new().as_agent().when(&REMOVE).then_rejected("forbidden");
    }
}
