//! The list that makes an enum of facts an event type: adding an event is one line in the list and its struct.

/// One stored type of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    /// The stored type name.
    pub name: &'static str,
    /// The version written today.
    pub version: u16,
    /// Versions that are read, but no longer written.
    pub older: &'static [u16],
}

/// Declares the events of one kind of stream: `Variant(Struct) = "StoredName", version;`. A list of older shapes may
/// follow the version, oldest first, as `, { 1 => StructV1, 2 => StructV2 }`: each needs `From` the one before it, and `Struct` from
/// the last. How that is done is told in `docs/guides/changing-an-event.md`.
macro_rules! event_list {
    // Reads an older shape and takes it from version to version up to the one that is written today.
    (@older $version:ident, $from:ident, $current:ident;) => {
        None
    };
    (
        @older $version:ident, $from:ident, $current:ident;
        $number:literal => $old:ident $(, $next:literal => $later:ident)*
    ) => {
        if $version == $number {
            Some(<$old>::deserialize($from).map(|old| {
                $(let old = <$later>::from(old);)*
                <$current>::from(old)
            }))
        } else {
            $crate::event_list::event_list!(
                @older $version, $from, $current; $($next => $later),*
            )
        }
    };
    (
        $(#[$doc:meta])*
        pub enum $events:ident of $kind:literal, touches $touches:path {
            $(
                $(#[$variant_doc:meta])*
                $variant:ident($payload:ident) = $name:literal, $version:literal
                    $(, { $($old_version:literal => $old:ident),+ })?;
            )+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $events {
            $($(#[$variant_doc])* $variant($payload),)+
        }

        impl $events {
            /// Every stored type of this kind.
            pub const TYPES: &'static [$crate::EventType] = &[$($crate::EventType {
                name: $name,
                version: $version,
                older: &[$($($old_version),+)?],
            }),+];

            /// Reads a payload from any format; none when type or version are unknown.
            #[doc(hidden)]
            pub fn read<'de, D: serde::Deserializer<'de>>(
                type_name: &str,
                schema_version: u16,
                payload: D,
            ) -> Option<Result<Self, D::Error>> {
                use serde::Deserialize;
                Some(match (type_name, schema_version) {
                    $(
                        ($name, $version) => {
                            <$payload>::deserialize(payload).map(Self::$variant)
                        }
                        $(($name, older) => {
                            return $crate::event_list::event_list!(
                                @older older, payload, $payload; $($old_version => $old),+
                            )
                            .map(|read| read.map(Self::$variant));
                        })?
                    )+
                    _ => return None,
                })
            }
        }

        $(impl From<$payload> for $events {
            fn from(payload: $payload) -> Self {
                Self::$variant(payload)
            }
        })+

        impl decider::Event for $events {
            const KIND: &'static str = $kind;

            fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                }
            }

            fn schema_version(&self) -> u16 {
                match self {
                    $(Self::$variant(_) => $version,)+
                }
            }

            fn encode(&self) -> Result<Vec<u8>, decider::EncodeError> {
                match self {
                    $(Self::$variant(payload) => serde_json::to_vec(payload),)+
                }
                .map_err(|source| decider::EncodeError {
                    type_name: decider::Event::type_name(self),
                    source,
                })
            }

            fn decode(
                type_name: &str,
                schema_version: u16,
                payload: &[u8],
            ) -> Result<Self, decider::DecodeError> {
                let mut json = serde_json::Deserializer::from_slice(payload);
                match Self::read(type_name, schema_version, &mut json) {
                    None => Err(decider::DecodeError::UnknownType {
                        kind: $kind.to_owned(),
                        type_name: type_name.to_owned(),
                        schema_version,
                    }),
                    Some(read) => read
                        .and_then(|event| json.end().map(|()| event))
                        .map_err(|source| decider::DecodeError::Payload {
                            type_name: type_name.to_owned(),
                            schema_version,
                            source,
                        }),
                }
            }

            fn visit_sealed(&mut self, visit: &mut dyn FnMut(&str, &mut dyn decider::SealedSlot)) {
                match self {
                    $(Self::$variant(payload) => $crate::seal::SealedFields::visit_sealed(payload, visit),)+
                }
            }

            fn touches(&self) -> decider::Aspects {
                $touches(self)
            }
        }
    };
}

pub(crate) use event_list;
