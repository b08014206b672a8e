//! `token create`: makes a token for the API. It is printed once; only its hash is kept.

use std::process::ExitCode;

use clap::Args;
use commands::claims::{USER_EMAIL, email_key};
use commands::user::CreateToken;
use decider::{CommandId, WorkspaceId};
use events::{TokenId, UserId};
use ops::NewApiToken;
use uuid::Uuid;

use super::{CliError, Common, output, session};
use crate::service::{Service, now};

/// How a token is made.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ledgerdesk token create --email anna@example.org --name \"nightly script\""
)]
pub struct TokenCreateArgs {
    /// The user it acts for
    #[arg(long)]
    email: String,
    /// What it is for
    #[arg(long)]
    name: Option<String>,
}

pub async fn run(common: &Common, args: TokenCreateArgs) -> Result<ExitCode, CliError> {
    session::with_workspace(common, |service, ws| async move {
        let user_id = user_of(&service, ws, &args.email).await?;
        let token_id = TokenId(Uuid::now_v7());
        // The event first: a token that works must be in the log.
        let command = CreateToken { user_id, token_id, label: args.name.clone() };
        service.handle(ws, CommandId(Uuid::now_v7()), command).await?;
        let label = args.name.unwrap_or_default();
        let token = NewApiToken { ws, id: token_id.0, user: user_id.0, label };
        let secret = service.ops.tokens.create(&token, now()).await?;
        if common.json {
            output::json_line(&serde_json::json!({ "id": token_id, "token": secret.expose() }))?;
        } else {
            output::line(secret.expose())?;
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

async fn user_of(service: &Service, ws: WorkspaceId, email: &str) -> Result<UserId, CliError> {
    let mac = service.vault.mac(ws, &format!("claim.{USER_EMAIL}"), email_key(email).as_bytes());
    let rows = service.reader.claims(ws, &[(USER_EMAIL, mac)]).await?;
    let holder = rows.first().and_then(|row| row.holder);
    holder.map(UserId).ok_or_else(|| CliError::Missing { what: "user", name: email.to_owned() })
}
