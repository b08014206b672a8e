//! What rules ask about a channel.

use decider::{EventMeta, State};
use events::ChannelEvent;
use events::channel::ChannelKind;

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Channel {
    /// It does not exist.
    #[default]
    Unknown,
    /// It takes and sends.
    Live(LiveChannel),
    /// It was removed.
    Removed,
}

/// A channel that takes and sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveChannel {
    /// What kind it is.
    pub kind: ChannelKind,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
}

impl Channel {
    /// The channel, if it takes and sends.
    #[must_use]
    pub const fn live(&self) -> Option<&LiveChannel> {
        match self {
            Self::Unknown | Self::Removed => None,
            Self::Live(channel) => Some(channel),
        }
    }
}

impl State for Channel {
    type Event = ChannelEvent;
    const DIRECTORY: bool = true;

    fn evolve(&mut self, event: &ChannelEvent, _: &EventMeta) {
        match event {
            ChannelEvent::Created(created) => {
                *self = Self::Live(LiveChannel {
                    kind: created.kind,
                    name: created.name.clone(),
                    address: created.address.clone(),
                });
            }
            ChannelEvent::Renamed(renamed) => {
                if let Self::Live(channel) = self {
                    channel.name.clone_from(&renamed.to);
                }
            }
            ChannelEvent::AddressChanged(changed) => {
                if let Self::Live(channel) = self {
                    channel.address.clone_from(&changed.to);
                }
            }
            ChannelEvent::Removed(_) => *self = Self::Removed,
        }
    }

    fn size_bytes(&self) -> usize {
        std::mem::size_of::<Self>() + 100
    }
}
