//! One message of an import, read again from its stored bytes: parsed, cleaned, its files stored.

use std::sync::Arc;

use bytes::Bytes;
use commands::Directory;
use commands::limits::ATTACHMENTS_MAX;
use commands::ticket::{ImportedMessage, NewAttachment, UnreadableMail};
use decider::{KeyScope, Opened, Personal, Timestamp};
use events::message::{Address, Automatic, ObjectRef};
use events::{AttachmentId, MessageId};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use vault::{SealedObjects, Vault, VaultError};

use super::ImportError;
use super::known::{Claims, hex};
use super::patience::patiently;
use super::people::{People, Proposed, made_meanwhile};
use super::scan::Scanned;
use crate::email::html;
use crate::email::parse::{self, Attachment, AutomaticReason, ParsedMail};

/// What a stored message turned out to be.
pub enum Content {
    Message(Box<ImportedMessage>),
    Unreadable(UnreadableMail),
}

/// Reads stored messages.
#[derive(Clone)]
pub struct Contents {
    pub claims: Claims,
    pub objects: SealedObjects,
    pub directory: Arc<Directory>,
    pub proposed: Arc<Proposed>,
}

impl Contents {
    fn vault(&self) -> &Vault {
        &self.claims.vault
    }

    /// One message; none when its bytes were forgotten. Of a copy the files are not stored: they are in its raw bytes.
    pub async fn read(
        &self,
        one: &Scanned,
        sent_at: Timestamp,
        is_copy: bool,
    ) -> Result<Option<Content>, ImportError> {
        let ws = self.claims.ws;
        let get = || self.objects.get(ws, &one.object);
        let Opened::Open(raw) = patiently(get, VaultError::is_unavailable).await? else {
            return Ok(None);
        };
        if !one.parsed {
            return Ok(Some(unreadable(one, sent_at)));
        }
        let Some((mail, html)) = parsed(raw).await? else {
            return Ok(Some(unreadable(one, sent_at)));
        };
        let people = People::of(&mail, &self.claims, &self.directory, &self.proposed).await?;
        let id = MessageId(Uuid::now_v7());
        let scope = KeyScope::content(id.0, people.subjects.clone());
        self.assign(one.object.key, &scope).await?;
        let (mut mail, mut attachments) = (mail, Vec::new());
        let files = std::mem::take(&mut mail.attachments);
        if !is_copy {
            for file in files.into_iter().take(ATTACHMENTS_MAX) {
                attachments.push(self.store(file, &scope).await?);
            }
        }
        let mut message = message_of(mail, id, &people, one);
        message.sent_at = sent_at;
        message.html = html.map(Personal);
        message.attachments = attachments;
        Ok(Some(Content::Message(Box::new(message))))
    }

    async fn store(
        &self,
        file: Attachment,
        scope: &KeyScope,
    ) -> Result<NewAttachment, ImportError> {
        let ws = self.claims.ws;
        let sha256 = hex(&Sha256::digest(&file.bytes));
        let (size_bytes, bytes) = (file.bytes.len() as u64, Bytes::from(file.bytes));
        let put = || async {
            let key = self.vault().take_key(ws).await?;
            self.objects.put(ws, &key, bytes.clone()).await
        };
        let object = patiently(put, VaultError::is_unavailable).await?;
        self.assign(object.key, scope).await?;
        Ok(NewAttachment {
            id: AttachmentId(Uuid::now_v7()),
            object: stored_at(&object),
            name: Personal(file.name),
            media_type: file.media_type,
            size_bytes,
            sha256: Personal(sha256),
            inline_cid: file.content_id.filter(|_| file.inline).map(Personal),
        })
    }

    /// Once messages are in the log: their bytes and files concern contacts that were made meanwhile, too.
    pub async fn settle(&self, messages: &[ImportedMessage]) -> Result<(), ImportError> {
        for (index, subjects) in made_meanwhile(messages, &self.claims, &self.proposed).await? {
            let message = &messages[index];
            let scope = KeyScope::content(message.id.0, subjects);
            let files = message.attachments.iter().map(|file| file.object.key);
            for key in message.raw.iter().map(|raw| raw.key).chain(files) {
                self.assign(key, &scope).await?;
            }
        }
        Ok(())
    }

    /// What is sealed outside the log is forgotten together with the message, and with the people it is about.
    async fn assign(&self, key: Uuid, scope: &KeyScope) -> Result<(), ImportError> {
        let assign = || self.vault().assign(self.claims.ws, key, scope);
        Ok(patiently(assign, VaultError::is_unavailable).await?)
    }
}

/// The object as the log names it. Its size is that of the clear bytes, without which it cannot be read.
pub fn stored_at(object: &vault::ObjectRef) -> ObjectRef {
    ObjectRef { key: object.key, hash: object.hash.clone(), size_bytes: object.size }
}

fn unreadable(one: &Scanned, at: Timestamp) -> Content {
    let raw = stored_at(&one.object);
    Content::Unreadable(UnreadableMail { raw, raw_mac: hex(&one.mac), at })
}

/// The mail and its HTML, cleaned; none when it cannot be read.
async fn parsed(raw: Bytes) -> Result<Option<(ParsedMail, Option<String>)>, ImportError> {
    let work = move || {
        let mail = parse::parse(&raw, jiff::Timestamp::now());
        let html = mail.html.as_deref().map(|html| html::clean(html).html);
        mail.parsed.then_some((mail, html))
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| ImportError::Stopping)
}

fn message_of(mail: ParsedMail, id: MessageId, people: &People, one: &Scanned) -> ImportedMessage {
    let list =
        |addresses: Vec<parse::Address>| Personal(addresses.into_iter().map(address).collect());
    let mut answered = mail.in_reply_to.into_iter();
    let in_reply_to = answered.next().map(Personal);
    // A mail that answers several has one In-Reply-To in the log; the others lead to its ticket as well.
    let mut references: Vec<String> = answered.filter(|id| !mail.references.contains(id)).collect();
    references.extend(mail.references);
    ImportedMessage {
        id,
        new_contact_id: people.new_contact,
        direction: people.direction,
        sent_at: Timestamp::default(),
        from: list(mail.from.into_iter().collect()),
        reply_to: list(mail.reply_to),
        to: list(mail.to),
        cc: list(mail.cc),
        bcc: list(mail.bcc),
        subject: Personal(mail.subject.unwrap_or_default()),
        text: Personal(mail.text.unwrap_or_default()),
        html: None,
        mail_message_id: Some(Personal(one.id.clone())),
        in_reply_to,
        references: Personal(references),
        attachments: Vec::new(),
        raw: Some(stored_at(&one.object)),
        raw_mac: hex(&one.mac),
        automatic: mail.automatic.map(automatic),
        problems: mail.problems.into_iter().map(str::to_owned).collect(),
    }
}

fn address(address: parse::Address) -> Address {
    Address { name: address.name, email: address.email }
}

const fn automatic(reason: AutomaticReason) -> Automatic {
    match reason {
        AutomaticReason::DeliveryReport => Automatic::Bounce,
        AutomaticReason::AutoSubmitted => Automatic::AutoReply,
        AutomaticReason::Precedence => Automatic::Bulk,
        AutomaticReason::AutoResponseSuppress | AutomaticReason::EmptyReturnPath => {
            Automatic::Other
        }
    }
}
