//! The configuration, read once: defaults, then `ledgerdesk.toml`, then the environment, then flags. All problems are
//! reported together; unknown keys are refused.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::database::CONNECTIONS_MIN;
use crate::secret::Secret;

/// Every setting: its key in the file, its variable in the environment.
const KEYS: &[(&str, &str)] = &[
    ("data", "LEDGERDESK_DATA"),
    ("listen", "LEDGERDESK_LISTEN"),
    ("public_url", "LEDGERDESK_PUBLIC_URL"),
    ("key_file", "LEDGERDESK_KEY_FILE"),
    ("objects", "LEDGERDESK_OBJECTS"),
    ("workspace", "LEDGERDESK_WORKSPACE"),
    ("client_address_header", "LEDGERDESK_CLIENT_ADDRESS_HEADER"),
    ("metrics", "LEDGERDESK_METRICS"),
    ("database.url", "DATABASE_URL"),
    ("database.owner_url", "DATABASE_OWNER_URL"),
    ("database.connections", "DATABASE_CONNECTIONS"),
    ("admin.email", "LEDGERDESK_ADMIN_EMAIL"),
    ("admin.password", "LEDGERDESK_ADMIN_PASSWORD"),
    ("admin.name", "LEDGERDESK_ADMIN_NAME"),
    ("log.filter", "LEDGERDESK_LOG"),
    ("log.format", "LEDGERDESK_LOG_FORMAT"),
];
/// Variables with our prefix that are read elsewhere.
const OTHER_VARIABLES: &[&str] = &["LEDGERDESK_CONFIG", "LEDGERDESK_PG_BIN"];
const PREFIX: &str = "LEDGERDESK_";
const FILE_NAME: &str = "ledgerdesk.toml";

/// What the program was told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder: private Postgres, key file, objects.
    pub data: PathBuf,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// How browsers reach it, when that is not `http://` and the address it listens on.
    pub public_url: Option<String>,
    /// The header in which a proxy in front says who the client is, such as `x-forwarded-for`.
    pub client_address_header: Option<axum::http::HeaderName>,
    /// Whether anybody may read the metrics, or only who has signed in.
    pub metrics_open: bool,
    /// The file with the master keys.
    pub key_file: PathBuf,
    /// The folder of sealed objects.
    pub objects: PathBuf,
    /// The workspace commands are about, where there are several.
    pub workspace: Option<uuid::Uuid>,
    /// The database.
    pub database: DatabaseConfig,
    /// The first administrator, to be made without a browser.
    pub admin: Option<FirstAdmin>,
    /// What is logged, and how.
    pub log: LogConfig,
}

/// Which database to use.
#[derive(Clone, Debug, Default)]
pub struct DatabaseConfig {
    /// A Postgres of one's own; none means the private one.
    pub url: Option<Secret>,
    /// Its owner, for migrations; none means that `url` may migrate.
    pub owner_url: Option<Secret>,
    /// How many connections the server may hold at most; none means as many as it is made for.
    pub connections: Option<u32>,
}

/// The first administrator.
#[derive(Clone, Debug)]
pub struct FirstAdmin {
    /// The address to sign in with.
    pub email: String,
    /// The password.
    pub password: Secret,
    /// The name; none means the part of the address before the at sign.
    pub name: Option<String>,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// A filter in the words of `tracing`, such as `info` or `info,event_store=debug`.
    pub filter: String,
    /// The form.
    pub format: LogFormat,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What the command line said.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// Keys of the file and their values.
    pub values: Vec<(&'static str, OsString)>,
}

/// Something in the configuration is wrong. Never quotes a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key or file.
    pub subject: String,
    /// What is wrong and what would be right.
    pub what: String,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    /// Each problem.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        self.problems.iter().try_for_each(|one| write!(f, "\n  {}: {}", one.subject, one.what))
    }
}

impl Config {
    /// Reads the configuration of this process.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        Self::from_layers(flags, std::env::vars_os())
    }

    /// Reads the configuration from flags, the file they name, and these variables.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_layers(
        flags: &Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        let mut named_file = flags.config.clone();
        let mut later = Vec::new();
        for (name, value) in environment {
            let Some(name) = name.to_str().map(str::to_owned) else { continue };
            if name == "LEDGERDESK_CONFIG" && named_file.is_none() {
                named_file = Some(PathBuf::from(&value));
            } else if let Some((key, _)) = KEYS.iter().find(|(_, variable)| *variable == name) {
                later.push((*key, value, name));
            } else if name.starts_with(PREFIX) && !OTHER_VARIABLES.contains(&name.as_str()) {
                layers.problem(&name, "is not a variable this program knows");
            }
        }
        let flagged = flags.values.iter().map(|(key, value)| (*key, value.clone(), flag_of(key)));
        let above: Vec<_> = later.into_iter().chain(flagged).collect();
        let data = above.iter().rev().find(|(key, ..)| *key == "data").map(|(_, value, _)| value);
        let data = data.map_or_else(|| PathBuf::from("data"), PathBuf::from);
        layers.read_file(named_file.as_deref(), &data.join(FILE_NAME));
        for (key, value, source) in above {
            layers.set(key, value, source);
        }
        layers.finish()
    }
}

fn flag_of(key: &str) -> String {
    format!("--{}", key.replace(['.', '_'], "-"))
}

/// The values so far, each with where it came from.
#[derive(Default)]
struct Layers {
    values: BTreeMap<&'static str, (OsString, String)>,
    problems: Vec<Problem>,
}

impl Layers {
    fn problem(&mut self, subject: &str, what: impl Into<String>) {
        self.problems.push(Problem { subject: subject.to_owned(), what: what.into() });
    }

    /// An empty value counts as none: that is how a variable is switched off in many places.
    fn set(&mut self, key: &'static str, value: OsString, source: String) {
        if value.is_empty() {
            self.values.remove(key);
        } else {
            self.values.insert(key, (value, source));
        }
    }

    /// A named file must be there; the one in the data folder may be missing.
    fn read_file(&mut self, named: Option<&Path>, usual: &Path) {
        let path = named.unwrap_or(usual);
        let shown = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return self.problem(&shown, format!("cannot be read: {error}")),
        };
        match text.parse::<toml::Table>() {
            Ok(table) => self.take_table("", &table, &shown),
            // The message may quote the file, and the file may hold a password: only the place is told.
            Err(error) => {
                let line = error.span().map_or(1, |span| {
                    text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count()
                        + 1
                });
                self.problem(&shown, format!("is not valid TOML in line {line}"));
            }
        }
    }

    fn take_table(&mut self, prefix: &str, table: &toml::Table, file: &str) {
        for (name, value) in table {
            let path = format!("{prefix}{name}");
            match (value, KEYS.iter().find(|(key, _)| *key == path)) {
                (toml::Value::Table(inner), None) if prefix.is_empty() => {
                    self.take_table(&format!("{path}."), inner, file);
                }
                (toml::Value::String(text), Some((key, _))) => {
                    self.set(key, text.into(), file.to_owned());
                }
                (_, Some(_)) => {
                    self.problem(&path, format!("must be a text in quotes (in {file})"))
                }
                (_, None) => {
                    self.problem(&path, format!("is not a setting this program knows (in {file})"));
                }
            }
        }
    }

    fn text(&mut self, key: &'static str) -> Option<String> {
        let (value, source) = self.values.get(key)?;
        match value.to_str() {
            Some(text) => Some(text.to_owned()),
            None => {
                let what = format!("is not UTF-8 (from {source})");
                self.problem(key, what);
                None
            }
        }
    }

    fn path(&self, key: &'static str) -> Option<PathBuf> {
        self.values.get(key).map(|(value, _)| PathBuf::from(value))
    }

    /// Parses a value that may be quoted in an error.
    fn parse<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            let source = self.values.get(key).map_or("", |(_, source)| source);
            let what = format!("{text:?} is not {wanted} (from {source})");
            self.problem(key, what);
        }
        parsed
    }

    fn secret(&mut self, key: &'static str) -> Option<Secret> {
        self.text(key).map(Secret::new)
    }

    fn database_url(&mut self, key: &'static str) -> Option<Secret> {
        let url = self.secret(key)?;
        // The parser takes any scheme.
        let ours =
            ["postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme));
        if !ours || url.expose().parse::<sqlx::postgres::PgConnectOptions>().is_err() {
            self.problem(
                key,
                "is not a Postgres URL, such as postgres://user@host:5432/ledgerdesk",
            );
        }
        Some(url)
    }

    fn admin(&mut self) -> Option<FirstAdmin> {
        let email = self.text("admin.email");
        let password = self.secret("admin.password");
        let name = self.text("admin.name");
        match (email, password) {
            (Some(email), Some(password)) => Some(FirstAdmin { email, password, name }),
            (None, None) => None,
            (Some(_), None) => {
                self.problem("admin.password", "is missing (admin.email is set)");
                None
            }
            (None, Some(_)) => {
                self.problem("admin.email", "is missing (admin.password is set)");
                None
            }
        }
    }

    fn finish(mut self) -> Result<Config, ConfigError> {
        let data = self.path("data").unwrap_or_else(|| PathBuf::from("data"));
        let wanted = format!("a number of connections, at least {CONNECTIONS_MIN}");
        let database = DatabaseConfig {
            url: self.database_url("database.url"),
            owner_url: self.database_url("database.owner_url"),
            connections: self.parse("database.connections", &wanted, |text| {
                text.parse().ok().filter(|count| *count >= CONNECTIONS_MIN)
            }),
        };
        if database.url.is_none() && database.owner_url.is_some() {
            self.problem("database.url", "is missing (database.owner_url is set)");
        }
        let listen = self.parse("listen", "an address and port, such as 127.0.0.1:8080", |text| {
            text.parse().ok()
        });
        let public_url =
            self.parse("public_url", "a URL, such as https://desk.example.org", |text| {
                let known = text.starts_with("http://") || text.starts_with("https://");
                known.then(|| text.trim_end_matches('/').to_owned())
            });
        let client_address_header = self.parse(
            "client_address_header",
            "the name of a header, such as x-forwarded-for",
            |text| text.parse().ok(),
        );
        let metrics = self.parse("metrics", "`open` or `signed-in`", |text| match text {
            "open" => Some(true),
            "signed-in" => Some(false),
            _ => None,
        });
        let workspace = self.parse("workspace", "a workspace id", |text| text.parse().ok());
        let format = self.parse("log.format", "`text` or `json`", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        });
        let filter = self.parse("log.filter", "a log filter, such as `info`", |text| {
            text.parse::<tracing_subscriber::filter::Targets>().ok().map(|_| text.to_owned())
        });
        let config = Config {
            key_file: self.path("key_file").unwrap_or_else(|| data.join("keys").join("master.key")),
            objects: self.path("objects").unwrap_or_else(|| data.join("objects")),
            data,
            listen: listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
            public_url,
            client_address_header,
            metrics_open: metrics.unwrap_or(true),
            workspace,
            database,
            admin: self.admin(),
            log: LogConfig {
                filter: filter.unwrap_or_else(|| "info,sqlx=warn".to_owned()),
                format: format.unwrap_or(LogFormat::Text),
            },
        };
        if self.problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { problems: self.problems })
        }
    }
}

#[cfg(test)]
mod tests;
