//! An event of any kind, for readers of the whole log.

use decider::{Aspects, DecodeError, Event, SealedSlot, StoredEvent};

use crate::seal::decode_stored;
use crate::{
    AuditEvent, ChannelEvent, ContactEvent, DraftEvent, ErasureEvent, EventType, PipelineEvent,
    PropertyEvent, SignInEvent, TicketEvent, UserEvent, WorkspaceEvent,
};

macro_rules! any_event {
    ($($(#[$doc:meta])* $variant:ident($events:ident),)+) => {
        /// An event of any kind.
        #[expect(clippy::large_enum_variant, reason = "read once, then passed by reference")]
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyEvent {
            $($(#[$doc])* $variant($events),)+
        }

        $(impl From<$events> for AnyEvent {
            fn from(event: $events) -> Self {
                Self::$variant(event)
            }
        })+

        impl AnyEvent {
            /// Every kind with its stored types.
            pub const KINDS: &'static [(&'static str, &'static [EventType])] =
                &[$((<$events as Event>::KIND, $events::TYPES)),+];

            /// Reads a stored event and checks that its sealed fields are its own.
            ///
            /// # Errors
            /// When kind, type or version are unknown, the payload does not fit, or a sealed field belongs elsewhere.
            pub fn decode(stored: &StoredEvent) -> Result<Self, DecodeError> {
                match stored.kind.as_str() {
                    $(<$events as Event>::KIND => decode_stored(stored).map(Self::$variant),)+
                    _ => Err(DecodeError::UnknownType {
                        kind: stored.kind.clone(),
                        type_name: stored.type_name.clone(),
                        schema_version: stored.schema_version,
                    }),
                }
            }

            /// Reads a payload from any format; none when kind, type or version are unknown.
            #[doc(hidden)]
            pub fn read<'de, D: serde::Deserializer<'de>>(
                kind: &str,
                type_name: &str,
                schema_version: u16,
                payload: D,
            ) -> Option<Result<Self, D::Error>> {
                match kind {
                    $(<$events as Event>::KIND => $events::read(type_name, schema_version, payload)
                        .map(|read| read.map(Self::$variant)),)+
                    _ => None,
                }
            }

            /// The stream kind.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => <$events as Event>::KIND,)+
                }
            }

            /// The stored type name.
            #[must_use]
            pub fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$variant(event) => event.type_name(),)+
                }
            }

            /// The version of the payload's shape that is written today.
            #[must_use]
            pub fn schema_version(&self) -> u16 {
                match self {
                    $(Self::$variant(event) => event.schema_version(),)+
                }
            }

            /// The payload as JSON.
            ///
            /// # Errors
            /// When a sealed field is still clear.
            pub fn encode(&self) -> Result<Vec<u8>, decider::EncodeError> {
                match self {
                    $(Self::$variant(event) => event.encode(),)+
                }
            }

            /// Shows every sealed field with its stable name.
            pub fn visit_sealed(&mut self, visit: &mut dyn FnMut(&str, &mut dyn SealedSlot)) {
                match self {
                    $(Self::$variant(event) => event.visit_sealed(visit),)+
                }
            }

            /// What it changed (W03).
            #[must_use]
            pub fn touches(&self) -> Aspects {
                match self {
                    $(Self::$variant(event) => event.touches(),)+
                }
            }
        }
    };
}

any_event! {
    /// Of a workspace.
    Workspace(WorkspaceEvent),
    /// Of a user.
    User(UserEvent),
    /// Of a pipeline.
    Pipeline(PipelineEvent),
    /// Of a property definition.
    Property(PropertyEvent),
    /// Of a channel.
    Channel(ChannelEvent),
    /// Of a contact.
    Contact(ContactEvent),
    /// Of a ticket.
    Ticket(TicketEvent),
    /// Of a draft.
    Draft(DraftEvent),
    /// Of an erasure.
    Erasure(ErasureEvent),
    /// Of a sign-in.
    SignIn(SignInEvent),
    /// Of an act that changes nothing and is kept.
    Audit(AuditEvent),
}
