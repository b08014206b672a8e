//! `serve`: the server, from the first start to the last request.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{CliError, Common, output};
use crate::config::Config;
use crate::database::{PoolSizes, Starter};
use crate::descriptors;
use crate::logging::{self, Least};
use crate::running::Running;
use crate::seed;
use crate::service::{Service, ServiceError};

/// The exit code of a program that a signal ended at once.
const INTERRUPTED: u8 = 130;

/// How the server is started.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ledgerdesk serve --listen 127.0.0.1:9000\n\nWithout users it prints a link to set up the first \
                  administrator. LEDGERDESK_ADMIN_EMAIL and LEDGERDESK_ADMIN_PASSWORD do that without a browser."
)]
pub struct ServeArgs {
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

pub async fn run(common: &Common, args: ServeArgs) -> Result<ExitCode, CliError> {
    let listen = args.listen.map(|listen| ("listen", listen.into()));
    let config = common.configuration(listen.into_iter().collect())?;
    logging::start(&config.log, Least::AsConfigured);
    descriptors::raise();
    let mut signals = Signals::new().map_err(CliError::Runtime)?;
    let listener = listen_on(config.listen).await?;
    let opened = tokio::select! {
        opened = open(config, listener) => opened,
        () = signals.next() => return Ok(ExitCode::from(INTERRUPTED)),
    };
    let (mut running, welcome) = opened?;
    welcome.print(common.json)?;
    tokio::select! {
        () = signals.next() => tracing::info!("stopping: running requests are finished first"),
        () = running.failed() => {}
    }
    tokio::select! {
        () = running.stop() => {
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        () = signals.next() => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// What the person at the console is told.
struct Welcome {
    url: String,
    setup: Vec<String>,
    data: String,
}

async fn open(config: Config, listener: TcpListener) -> Result<(Running, Welcome), ServiceError> {
    let service = Service::open(config, Starter::Server, PoolSizes::SERVER).await?;
    let config = service.config.clone();
    let setup = match first_steps(&service).await {
        Ok(setup) => setup,
        Err(error) => {
            service.stop().await;
            return Err(error);
        }
    };
    let running = Running::start(service, listener).await?;
    let url = config.public_url.unwrap_or_else(|| format!("http://{}", running.address));
    let setup = setup.iter().map(|token| format!("{url}/setup?token={}", token.expose())).collect();
    let data = config.data.display().to_string();
    Ok((running, Welcome { url, setup, data }))
}

/// Workspaces and their first administrators; the tokens for those that have nobody yet.
async fn first_steps(service: &Service) -> Result<Vec<ops::Secret>, ServiceError> {
    let mut tokens = Vec::new();
    for ws in &service.workspaces {
        seed::workspace(service, *ws).await?;
    }
    if let (Some(admin), Some(first)) = (&service.config.admin, service.workspaces.first()) {
        seed::administrator(service, *first, admin).await?;
    }
    for ws in &service.workspaces {
        tokens.extend(seed::setup_token(service, *ws).await?);
    }
    Ok(tokens)
}

async fn listen_on(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => CliError::PortTaken { address },
        _ => CliError::Listen { address, source },
    })
}

impl Welcome {
    fn print(&self, json: bool) -> Result<(), CliError> {
        if json {
            let Self { url, setup, data } = self;
            return output::json_line(
                &serde_json::json!({ "url": url, "setup": setup, "data": data }),
            );
        }
        output::line(&format!("Ledgerdesk is running at {} (data in {})", self.url, self.data))?;
        match self.setup.as_slice() {
            [] => output::line("Sign in there with your address and password."),
            links => links.iter().try_for_each(|link| {
                output::line("Nobody can sign in yet. This link makes the first administrator, once, within a day:")?;
                output::line(&format!("  {link}"))
            }),
        }?;
        output::line("Stop it with Ctrl-C.")
    }
}

/// The signals that mean the end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
