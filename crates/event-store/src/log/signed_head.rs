//! Heads of the log that are signed, to be kept where the owner of the database cannot reach: only against such a copy a log
//! shows that was cut off, set back or written anew.

use decider::{LogPosition, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vault::{PublicKey, Signer};

use super::hex;
use super::reader::Head;
use super::verify::KnownHead;

/// What every signed message begins with.
const DOMAIN: &[u8] = b"ledgerdesk.head.1";

/// A commit as the server saw and signed it; in its JSON form, one line of a file of heads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// The workspace.
    pub workspace: Uuid,
    /// Number of the commit.
    pub commit: u64,
    /// The newest position after it.
    pub position: LogPosition,
    /// Its chain hash, hexadecimal.
    pub hash: String,
    /// When it was written.
    pub at: Timestamp,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// What the signature is checked with, hexadecimal.
    pub public_key: String,
    /// Ed25519 over everything above, hexadecimal.
    pub signature: String,
}

/// Why a head that somebody kept proves nothing about a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadRefusal {
    /// It is something else.
    #[error("this is no signed head, as `ledgerdesk log head --signed` prints it")]
    Form,
    /// It tells of another log.
    #[error("the head of commit {commit} is of another workspace: {of}")]
    OtherWorkspace {
        /// Its commit.
        commit: u64,
        /// Its workspace.
        of: Uuid,
    },
    /// Its key is none of those that are trusted.
    #[error("the head of commit {commit} is signed with another key than this log's: {key}")]
    OtherKey {
        /// Its commit.
        commit: u64,
        /// The key it names.
        key: PublicKey,
    },
    /// It is not what was signed.
    #[error("the signature of the head of commit {commit} is wrong: it is not what was signed")]
    WrongSignature {
        /// Its commit.
        commit: u64,
    },
}

impl SignedHead {
    /// Signs a head.
    #[must_use]
    pub fn sign(ws: WorkspaceId, head: &Head, signer: &Signer, now: Timestamp) -> Self {
        let key = signer.public_key();
        let mut signed = Self {
            workspace: ws.0,
            commit: head.commit,
            position: head.position,
            hash: hex::encode(&head.hash),
            at: head.at,
            signed_at: now,
            public_key: key.to_string(),
            signature: String::new(),
        };
        signed.signature = hex::encode(&signer.sign(&signed.message(&head.hash, &key)));
        signed
    }

    /// Its line in a file of heads.
    ///
    /// # Errors
    /// Never; JSON says it can.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// A line of a file of heads.
    ///
    /// # Errors
    /// [`HeadRefusal::Form`].
    pub fn of_line(line: &str) -> Result<Self, HeadRefusal> {
        serde_json::from_str(line).map_err(|_| HeadRefusal::Form)
    }

    /// What it proves about the log of a workspace, if it was signed with one of these keys.
    ///
    /// # Errors
    /// See [`HeadRefusal`].
    pub fn check(&self, ws: WorkspaceId, trusted: &[PublicKey]) -> Result<KnownHead, HeadRefusal> {
        let commit = self.commit;
        let hash: [u8; 32] = hex::decode(&self.hash).ok_or(HeadRefusal::Form)?;
        let key: PublicKey = self.public_key.parse().map_err(|_| HeadRefusal::Form)?;
        let signature: [u8; 64] = hex::decode(&self.signature).ok_or(HeadRefusal::Form)?;
        if self.workspace != ws.0 {
            return Err(HeadRefusal::OtherWorkspace { commit, of: self.workspace });
        }
        if !trusted.contains(&key) {
            return Err(HeadRefusal::OtherKey { commit, key });
        }
        if !key.accepts(&self.message(&hash, &key), &signature) {
            return Err(HeadRefusal::WrongSignature { commit });
        }
        Ok(KnownHead { commit, hash })
    }

    fn message(&self, hash: &[u8; 32], key: &PublicKey) -> Vec<u8> {
        let mut message = Vec::with_capacity(160);
        message.extend_from_slice(DOMAIN);
        message.extend_from_slice(self.workspace.as_bytes());
        message.extend_from_slice(&self.commit.to_be_bytes());
        message.extend_from_slice(&self.position.0.to_be_bytes());
        message.extend_from_slice(hash);
        message.extend_from_slice(&self.at.as_micros().to_be_bytes());
        message.extend_from_slice(&self.signed_at.as_micros().to_be_bytes());
        message.extend_from_slice(key.as_bytes());
        message
    }
}

#[cfg(test)]
mod tests {
    use vault::Vault;

    use super::*;

    fn head() -> Head {
        Head {
            commit: 17,
            position: LogPosition(40),
            hash: [0xa5; 32],
            at: Timestamp::from_micros(1_700_000_000_123_456),
            ..Head::EMPTY
        }
    }

    #[tokio::test]
    async fn a_signed_head_is_read_from_its_line_and_accepted() {
        let (ws, vault) = (WorkspaceId(Uuid::from_u128(7)), Vault::detached());
        let signer = vault.signer(ws);
        let signed = SignedHead::sign(ws, &head(), &signer, Timestamp::from_micros(5));
        let read = SignedHead::of_line(&signed.to_line().unwrap()).unwrap();
        assert_eq!(read, signed);
        let known = read.check(ws, &[signer.public_key()]).unwrap();
        assert_eq!(known, KnownHead { commit: 17, hash: [0xa5; 32] });
    }

    #[tokio::test]
    async fn a_head_of_another_workspace_or_key_and_one_that_was_changed_are_refused() {
        let (ws, other) = (WorkspaceId(Uuid::from_u128(7)), WorkspaceId(Uuid::from_u128(8)));
        let vault = Vault::detached();
        let signer = vault.signer(ws);
        let keys = [signer.public_key()];
        let signed = SignedHead::sign(ws, &head(), &signer, Timestamp::from_micros(5));
        let of_other = SignedHead::sign(other, &head(), &vault.signer(other), Timestamp::default());
        let refused = of_other.check(ws, &keys);
        assert_eq!(refused, Err(HeadRefusal::OtherWorkspace { commit: 17, of: other.0 }));
        let moved = SignedHead { workspace: ws.0, ..of_other };
        assert!(matches!(moved.check(ws, &keys), Err(HeadRefusal::OtherKey { .. })));
        let claimed = SignedHead { public_key: keys[0].to_string(), ..moved };
        assert_eq!(claimed.check(ws, &keys), Err(HeadRefusal::WrongSignature { commit: 17 }));
        let wrong = |changed: SignedHead| {
            assert!(
                matches!(changed.check(ws, &keys), Err(HeadRefusal::WrongSignature { .. })),
                "{changed:?}"
            );
        };
        wrong(SignedHead { commit: 18, ..signed.clone() });
        wrong(SignedHead { position: LogPosition(41), ..signed.clone() });
        wrong(SignedHead { hash: "00".repeat(32), ..signed.clone() });
        wrong(SignedHead { at: Timestamp::from_micros(1), ..signed.clone() });
        wrong(SignedHead { signed_at: Timestamp::from_micros(1), ..signed.clone() });
        wrong(SignedHead { signature: "00".repeat(64), ..signed.clone() });
        for form in [
            SignedHead { signature: "00".repeat(63), ..signed.clone() },
            SignedHead { hash: "zz".repeat(32), ..signed.clone() },
            SignedHead { public_key: String::new(), ..signed },
        ] {
            assert_eq!(form.check(ws, &keys), Err(HeadRefusal::Form), "{form:?}");
        }
        for line in ["", "{}", "17:00", "{\"commit\":17}"] {
            assert_eq!(SignedHead::of_line(line), Err(HeadRefusal::Form), "{line}");
        }
    }
}
