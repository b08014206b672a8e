//! Operational state that is not in the log: credentials, sessions, tokens, uploads, draft bodies, the intake journal,
//! refusals. Time comes in as a parameter, so that a test says when it is.

mod api_tokens;
mod attempts;
mod credentials;
mod draft_content;
mod draft_saves;
mod drafts;
mod erasures;
mod error;
mod intake;
mod password;
mod refusals;
mod secret;
mod sessions;
mod setup;
mod sign_in_failures;
mod signed_heads;
mod sweep;
mod uploads;

use sqlx::PgPool;
use vault::Vault;

pub use api_tokens::{ApiToken, ApiTokenRow, ApiTokens, NewApiToken};
pub use credentials::{Credentials, Login};
pub use draft_content::{DraftContent, DraftPatch, Patch};
pub use draft_saves::KeyedSave;
pub use drafts::{DRAFT_BYTES_MAX, DraftBodies, DraftBody, DraftName, DraftSave, HeldDraft};
pub use erasures::{Erasures, KEYS_RELATION, Standing, Storage};
pub use error::OpsError;
pub use intake::{Intake, IntakeEntry};
pub use password::PASSWORD_BYTES_MAX;
pub use refusals::{Refusal, RefusalRow, Refusals, Stretch};
pub use secret::Secret;
pub use sessions::{Session, Sessions};
pub use setup::SetupTokens;
pub use sign_in_failures::{SignInFailure, SignInFailures};
pub use signed_heads::{KeptHead, SignedHeads};
pub use uploads::{ExpiredUpload, NewUpload, Upload, UploadMeta, Uploads};
pub use vault::is_unavailable;

/// The tables of this crate as (version, name, SQL), in order. They come after those of [`vault::MIGRATIONS`].
pub const MIGRATIONS: &[(i64, &str, &str)] = &[
    (2001, "ops", include_str!("../schema/0001_ops.sql")),
    (2002, "erasures", include_str!("../schema/0002_erasure.sql")),
    (2003, "ops_audit", include_str!("../schema/0003_audit.sql")),
    (9014, "signed heads", include_str!("../schema/0014_signed_heads.sql")),
];

/// All operational state. Cheap to clone.
#[derive(Clone)]
pub struct Ops {
    db: PgPool,
    /// Who may sign in with which password.
    pub credentials: Credentials,
    /// The link for the first administrator.
    pub setup: SetupTokens,
    /// Sessions of the browser.
    pub sessions: Sessions,
    /// API tokens.
    pub tokens: ApiTokens,
    /// The bodies of drafts.
    pub drafts: DraftBodies,
    /// Files that wait to be attached.
    pub uploads: Uploads,
    /// What came in, as received.
    pub intake: Intake,
    /// How far erasures are carried out.
    pub erasures: Erasures,
    /// Refused requests.
    pub refusals: Refusals,
    /// Signed heads of the log.
    pub heads: SignedHeads,
    /// Failures to sign in.
    pub sign_in_failures: SignInFailures,
}

impl Ops {
    /// Operational state in this database.
    #[must_use]
    pub fn new(db: PgPool, vault: Vault) -> Self {
        Self {
            credentials: Credentials::new(db.clone(), vault.clone()),
            setup: SetupTokens::new(db.clone()),
            sessions: Sessions::new(db.clone()),
            tokens: ApiTokens::new(db.clone()),
            drafts: DraftBodies::new(db.clone(), vault.clone()),
            uploads: Uploads::new(db.clone(), vault.clone()),
            erasures: Erasures::new(db.clone(), vault),
            intake: Intake::new(db.clone()),
            refusals: Refusals::new(db.clone()),
            heads: SignedHeads::new(db.clone()),
            sign_in_failures: SignInFailures::new(db.clone()),
            db,
        }
    }
}
