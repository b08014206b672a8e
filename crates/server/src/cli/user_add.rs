//! `user add`: lets somebody sign in.

use std::io::BufRead;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use commands::user::{AddUser, RecordPasswordSet};
use decider::{CommandId, Personal};
use events::UserId;
use events::user::Role;
use ops::Login;
use uuid::Uuid;

use super::{CliError, Common, output, session};
use crate::secret::Secret;
use crate::service::now;

/// How a user is added.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ledgerdesk user add --email anna@example.org --name Anna --role agent"
)]
pub struct UserAddArgs {
    /// The address to sign in with
    #[arg(long)]
    email: String,
    /// The name others see
    #[arg(long)]
    name: String,
    /// What the user may do
    #[arg(long, value_enum)]
    role: RoleName,
    /// Read a password from the first line of stdin
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    SuperAdmin,
    AccountAdmin,
    Agent,
    LightAgent,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::SuperAdmin => Self::SuperAdmin,
            RoleName::AccountAdmin => Self::AccountAdmin,
            RoleName::Agent => Self::Agent,
            RoleName::LightAgent => Self::LightAgent,
        }
    }
}

pub async fn run(common: &Common, args: UserAddArgs) -> Result<ExitCode, CliError> {
    let password = args.password_stdin.then(read_password).transpose()?;
    session::with_workspace(common, |service, ws| async move {
        let user_id = UserId(Uuid::now_v7());
        let command = AddUser {
            user_id,
            name: Personal(args.name),
            email: Personal(args.email.clone()),
            role: args.role.into(),
        };
        service.handle(ws, CommandId(Uuid::now_v7()), command).await?;
        if let Some(password) = password {
            let login = Login { ws, user: user_id.0 };
            let credentials = &service.ops.credentials;
            credentials.set_password(login, &args.email, password.expose(), now()).await?;
            let command = RecordPasswordSet { user_id };
            service.handle(ws, CommandId(Uuid::now_v7()), command).await?;
        }
        if common.json {
            output::json_line(&serde_json::json!({ "id": user_id }))?;
        } else {
            output::line(&user_id.to_string())?;
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

fn read_password() -> Result<Secret, CliError> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(CliError::Terminal)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(CliError::Usage("--password-stdin: the first line of stdin is empty"));
    }
    Ok(Secret::new(password))
}
