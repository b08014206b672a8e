//! Channels: the ways messages come in and go out. Their addresses belong to the business and stay clear.

use decider::Aspects;
use serde::{Deserialize, Serialize};

use crate::event_list::event_list;
use crate::seal::sealed_fields;

event_list! {
    /// What happened to a channel.
    pub enum ChannelEvent of "channel", touches touches {
        /// It came into being.
        Created(ChannelCreated) = "ChannelCreated", 1;
        /// Its name changed.
        Renamed(ChannelRenamed) = "ChannelRenamed", 1;
        /// Its address changed.
        AddressChanged(ChannelAddressChanged) = "ChannelAddressChanged", 1;
        /// It takes and sends nothing any more.
        Removed(ChannelRemoved) = "ChannelRemoved", 1;
    }
}

/// What kind of channel it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// E-mail.
    Email,
}

/// A channel came into being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelCreated {
    /// What kind it is.
    pub kind: ChannelKind,
    /// Its name, also shown to who gets mail from it.
    pub name: String,
    /// Its address.
    pub address: String,
}

/// A channel's name changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRenamed {
    /// Until now.
    pub from: String,
    /// From now on.
    pub to: String,
}

/// A channel's address changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelAddressChanged {
    /// Until now.
    pub from: String,
    /// From now on.
    pub to: String,
}

/// A channel takes and sends nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRemoved {}

sealed_fields! {
    ChannelCreated {}
    ChannelRenamed {}
    ChannelAddressChanged {}
    ChannelRemoved {}
}

fn touches(event: &ChannelEvent) -> Aspects {
    match event {
        ChannelEvent::Created(_) | ChannelEvent::Removed(_) => Aspects::All,
        ChannelEvent::Renamed(_) => Aspects::of(&["name"]),
        ChannelEvent::AddressChanged(_) => Aspects::of(&["address"]),
    }
}
