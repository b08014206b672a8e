//! Stored events as they are shown: the payload with its sealed values opened in their places (Z01).

use std::collections::{BTreeSet, HashMap};

use decider::{Cipher, DecodeError, LogPosition, Opened, StoredEvent, WorkspaceId};
use events::AnyEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;
use vault::{Vault, VaultError};

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::opened::Erased;

/// Only for those who may write to contacts (C04).
const BCC: &str = "message.bcc";

/// An event as it is stored, its sealed values opened.
#[derive(Serialize, ToSchema)]
pub struct EventShown {
    /// Its place in the log.
    position: String,
    /// The stream: the id of the ticket, contact, user or whatever it is about.
    stream_id: Uuid,
    /// The stream's kind, such as `ticket`.
    stream_kind: String,
    /// Its place in the stream.
    version: u32,
    /// When it was recorded.
    #[schema(format = DateTime)]
    at: String,
    /// When it happened: earlier than `at` for imported history.
    #[schema(format = DateTime)]
    occurred_at: String,
    /// The stored type.
    #[serde(rename = "type")]
    kind: String,
    /// The version of the payload's shape.
    schema_version: u16,
    /// Who caused it, such as `user:0190…`.
    actor: String,
    /// The command that wrote it.
    command_id: Uuid,
    /// The command or event that led to it.
    cause: Option<Uuid>,
    /// The chain of causes it belongs to.
    correlation: Option<Uuid>,
    /// The API token that was used.
    token: Option<Uuid>,
    /// The position of the event that it took back.
    undoes: Option<String>,
    /// The payload; null when the caller no longer sees what it is about.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
}

/// Why events cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Unshown {
    /// One of them is not known to this program.
    #[error("an event cannot be read")]
    Decode(#[from] DecodeError),
    /// Something sealed cannot be opened.
    #[error("sealed content could not be opened")]
    Vault(#[from] VaultError),
}

impl From<Unshown> for ApiError {
    fn from(error: Unshown) -> Self {
        match error {
            Unshown::Decode(error) => Self::failed(error),
            Unshown::Vault(error) => error.into(),
        }
    }
}

/// Opened contents by nonce and ciphertext; none for what stays closed.
type Contents = HashMap<(Vec<u8>, Vec<u8>), Value>;

/// Shows events of any kind; of those `withheld` only the envelope.
pub async fn show(
    app: &App,
    caller: &Caller,
    stored: Vec<StoredEvent>,
    withheld: &BTreeSet<LogPosition>,
) -> Result<Vec<EventShown>, ApiError> {
    let sees_bcc = caller.scope.has(access::Right::TicketsCommunicate);
    Ok(shown_by(app.vault(), (caller.ws, sees_bcc), stored, withheld).await?)
}

/// Shows events as whoever may see everything sees them: for the operator, who holds the keys.
///
/// # Errors
/// When an event cannot be read, or a key.
pub async fn whole_events(
    vault: &Vault,
    ws: WorkspaceId,
    stored: Vec<StoredEvent>,
) -> Result<Vec<EventShown>, Unshown> {
    shown_by(vault, (ws, true), stored, &BTreeSet::new()).await
}

async fn shown_by(
    vault: &Vault,
    (ws, sees_bcc): (WorkspaceId, bool),
    stored: Vec<StoredEvent>,
    withheld: &BTreeSet<LogPosition>,
) -> Result<Vec<EventShown>, Unshown> {
    let mut ciphers: Vec<(Uuid, String, Cipher)> = Vec::new();
    for event in stored.iter().filter(|event| !withheld.contains(&event.position)) {
        let mut typed = AnyEvent::decode(event)?;
        typed.visit_sealed(&mut |field, slot| {
            let cipher = slot.cipher().cloned();
            ciphers.extend(cipher.map(|cipher| (event.stream, field.to_owned(), cipher)));
        });
    }
    let contents = open(vault, (ws, sees_bcc), ciphers).await?;
    let shown = stored.into_iter().map(|event| {
        let data = match withheld.contains(&event.position) {
            true => None,
            false => Some(data_of(&event, &contents)?),
        };
        Ok(shown(event, data))
    });
    shown.collect()
}

async fn open(
    vault: &Vault,
    (ws, sees_bcc): (WorkspaceId, bool),
    ciphers: Vec<(Uuid, String, Cipher)>,
) -> Result<Contents, VaultError> {
    let keys: Vec<Uuid> = ciphers.iter().map(|(_, _, cipher)| cipher.key).collect();
    vault.load_keys(ws, &keys).await?;
    let mut contents = Contents::with_capacity(ciphers.len());
    for (stream, field, cipher) in ciphers {
        if field == BCC && !sees_bcc {
            contents.insert((cipher.nonce, cipher.bytes), Value::Null);
            continue;
        }
        let sealed = decider::Sealed::<Value>::Cipher(cipher.clone());
        let content = match vault.open_sealed(ws, stream, &field, &sealed).await? {
            Opened::Open(content) => content,
            Opened::Forgotten => json!(Erased::of(vault, ws, &sealed)),
        };
        contents.insert((cipher.nonce, cipher.bytes), content);
    }
    Ok(contents)
}

fn data_of(event: &StoredEvent, contents: &Contents) -> Result<Value, VaultError> {
    let mut data: Value =
        serde_json::from_slice(&event.payload).map_err(|_| VaultError::Content)?;
    replace(&mut data, contents);
    Ok(data)
}

fn shown(event: StoredEvent, data: Option<Value>) -> EventShown {
    EventShown {
        position: event.position.to_string(),
        stream_id: event.stream,
        stream_kind: event.kind,
        version: event.version,
        at: event.at.to_string(),
        occurred_at: event.occurred_at.to_string(),
        kind: event.type_name,
        schema_version: event.schema_version,
        actor: event.actor.to_string(),
        command_id: event.command.0,
        cause: event.context.causation,
        correlation: event.context.correlation,
        token: event.context.token,
        undoes: event.context.undoes.map(|position| position.to_string()),
        data,
    }
}

/// Puts contents in the place of their ciphertexts.
fn replace(value: &mut Value, contents: &Contents) {
    let content = Cipher::deserialize(&*value)
        .ok()
        .and_then(|cipher| contents.get(&(cipher.nonce, cipher.bytes)).cloned());
    match (content, value) {
        (Some(content), value) => *value = content,
        (None, Value::Array(items)) => items.iter_mut().for_each(|item| replace(item, contents)),
        (None, Value::Object(fields)) => {
            fields.values_mut().for_each(|field| replace(field, contents));
        }
        (None, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use decider::SealId;
    use serde_json::json;

    use super::*;

    #[test]
    fn contents_stand_where_their_ciphertexts_stood_and_nothing_else_changes_z01() {
        let cipher =
            Cipher { seal: SealId(Uuid::nil()), key: Uuid::nil(), nonce: vec![1], bytes: vec![2] };
        let contents = Contents::from([((vec![1], vec![2]), json!("Printer"))]);
        let mut payload = json!({"number": 7, "name": cipher, "list": [{"name": cipher}]});
        replace(&mut payload, &contents);
        assert_eq!(payload, json!({"number": 7, "name": "Printer", "list": [{"name": "Printer"}]}));
    }
}
