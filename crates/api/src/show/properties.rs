//! Custom properties by name, and their values as JSON.

use std::collections::BTreeMap;

use commands::Directory;
use decider::{Opened, Sealed};
use events::ticket::property_field;
use events::value::PropertyValue;
use events::{PropertyId, TicketId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::opened::Erased;

/// The property of a key or an id.
pub fn property_named(directory: &Directory, name: &str) -> Option<PropertyId> {
    let by_id = || name.parse::<PropertyId>().ok().filter(|id| directory.property(*id).is_some());
    directory.property_by_key(name).or_else(by_id)
}

/// The keys of sealed values.
pub fn keys(properties: &BTreeMap<PropertyId, PropertyValue>) -> impl Iterator<Item = Uuid> {
    properties.values().filter_map(PropertyValue::sealed).filter_map(key_of)
}

/// The key a value is sealed with.
pub fn key_of<T>(sealed: &Sealed<T>) -> Option<Uuid> {
    sealed.cipher().map(|cipher| cipher.key)
}

/// Values by the properties' API names.
pub async fn by_key(
    app: &App,
    caller: &Caller,
    directory: &Directory,
    (ticket, properties): (TicketId, &BTreeMap<PropertyId, PropertyValue>),
) -> Result<BTreeMap<String, Value>, ApiError> {
    let mut shown = BTreeMap::new();
    for (id, value) in properties {
        let key = directory.property(*id).map_or_else(|| id.to_string(), |known| known.key.clone());
        let field = property_field(*id);
        shown.insert(key, value_of(app, caller, (ticket.0, &field), value).await?);
    }
    Ok(shown)
}

/// One value as JSON: a number and a date as text, choices by their stored values.
pub async fn value_of(
    app: &App,
    caller: &Caller,
    (stream, field): (Uuid, &str),
    value: &PropertyValue,
) -> Result<Value, ApiError> {
    Ok(match value {
        PropertyValue::Text(sealed) | PropertyValue::Link(sealed) => {
            match app.vault().open_sealed(caller.ws, stream, field, sealed).await? {
                Opened::Open(text) => text.into(),
                Opened::Forgotten => json!(Erased::of(app.vault(), caller.ws, sealed)),
            }
        }
        PropertyValue::TextClear(text)
        | PropertyValue::LinkClear(text)
        | PropertyValue::Number(text)
        | PropertyValue::Date(text)
        | PropertyValue::SingleChoice(text) => text.clone().into(),
        PropertyValue::Boolean(yes) => (*yes).into(),
        PropertyValue::MultiChoice(choices) => choices.clone().into(),
    })
}
