//! A running service with a database and a data folder of its own.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use decider::{LogPosition, Timestamp, WorkspaceId};
use event_store::log::{Head, SignedHead};
use event_store::projection::Freshness;
use events::UserId;
use server::database::{PoolSizes, Starter};
use server::running::Running;
use server::service::Service;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::client::Client;
use crate::database::TestDatabase;
use crate::template;

/// The address the administrator signs in with.
pub const ADMIN_EMAIL: &str = "ada@desk.example.org";
/// The administrator's password.
pub const ADMIN_PASSWORD: &str = "correct horse battery staple";

/// How long the views may take to catch up on a busy machine.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(30);

/// A help desk for one test. It is also a [`Client`] signed in as the administrator.
pub struct Helpdesk {
    client: Client,
    running: Option<Running>,
    // Dropped in this order: the service's tasks end with the test's runtime, then database and folder go.
    database: Arc<TestDatabase>,
    folder: Arc<TempDir>,
}

impl Helpdesk {
    /// Starts one, with a workspace, an administrator and nothing else.
    pub async fn start() -> Self {
        let database = Arc::new(TestDatabase::create().await);
        let folder = tempfile::tempdir().unwrap();
        write_key_file(folder.path(), &database.template.key_file);
        Self::on(database, Arc::new(folder)).await
    }

    /// A second node on the same database and data folder.
    pub async fn second_node(&self) -> Self {
        Self::on(Arc::clone(&self.database), Arc::clone(&self.folder)).await
    }

    async fn on(database: Arc<TestDatabase>, folder: Arc<TempDir>) -> Self {
        let running = start(&database, folder.path()).await;
        let client = client(&running, &database);
        Self { client, running: Some(running), database, folder }
    }

    /// Stops the service as a signal would, and starts it again on the same database.
    pub async fn restart(&mut self) {
        self.stop().await;
        let running = start(&self.database, self.folder.path()).await;
        self.client = client(&running, &self.database);
        self.running = Some(running);
    }

    /// Stops the service as a signal would. Database and folder stay until the value is dropped.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// The service, for what cannot be seen from outside.
    #[must_use]
    pub fn service(&self) -> &Service {
        self.running.as_ref().expect("the service runs").service()
    }

    /// The workspace.
    #[must_use]
    pub fn ws(&self) -> WorkspaceId {
        self.service().workspace().unwrap()
    }

    /// A head as this service would have signed it.
    #[must_use]
    pub fn sign_head(&self, commit: u64, hash: [u8; 32]) -> serde_json::Value {
        let (ws, head) = (self.ws(), Head { commit, hash, ..Head::EMPTY });
        let signer = self.service().vault.signer(ws);
        serde_json::to_value(SignedHead::sign(ws, &head, &signer, Timestamp::default())).unwrap()
    }

    /// The administrator.
    #[must_use]
    pub fn admin_id(&self) -> UserId {
        self.database.template.admin
    }

    /// The administrator's token.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        &self.database.template.token
    }

    /// A client that has not signed in.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        self.client.with_token(None)
    }

    /// The database, for looking behind the service's back.
    #[must_use]
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// The newest position of the log.
    pub async fn head(&self) -> LogPosition {
        self.service().reader.head(self.ws()).await.unwrap().position
    }

    /// Waits until every view has folded everything there is.
    pub async fn catch_up(&self) {
        let (head, ws) = (self.head().await, self.ws());
        let checkpoints = self.running.as_ref().expect("the service runs").app.checkpoints();
        for projection in projections::registry() {
            let freshness = checkpoints.wait(ws, projection.name, head, CATCH_UP_WITHIN).await;
            assert_eq!(
                freshness,
                Freshness::Reached,
                "the view {} does not reach {head}",
                projection.name
            );
        }
    }
}

impl Deref for Helpdesk {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

async fn start(database: &TestDatabase, data: &Path) -> Running {
    let config = template::config(data, &database.url());
    let service = Service::open(config, Starter::Server, PoolSizes::TEST).await.unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    Running::start(service, listener).await.unwrap()
}

fn client(running: &Running, database: &TestDatabase) -> Client {
    Client::new(format!("http://{}", running.address), Some(database.template.token.clone()))
}

fn write_key_file(data: &Path, content: &[u8]) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let folder = data.join("keys");
    std::fs::create_dir_all(&folder).unwrap();
    let mut open = std::fs::OpenOptions::new();
    let file = open.write(true).create_new(true).mode(0o600).open(folder.join("master.key"));
    file.unwrap().write_all(content).unwrap();
}
