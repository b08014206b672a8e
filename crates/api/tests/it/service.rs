//! The whole layer over a database of its own; dropped with the value.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use api::{App, AppParts, Settings};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use decider::{Timestamp, WorkspaceId};
use event_store::handler::{CommandHandler, HandlerSettings};
use event_store::log::{LogReader, RecentCommits};
use event_store::projection::Checkpoints;
use event_store::projection::rebuild::Workshop;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use ops::Ops;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tower::ServiceExt;
use uuid::Uuid;
use vault::{SealedObjects, Vault};

pub const WS: WorkspaceId = WorkspaceId(Uuid::from_u128(1));
pub const PASSWORD: &str = "correct horse battery";

pub struct Service {
    pub app: App,
    pub clock: Arc<AtomicI64>,
    router: Router,
    _folder: tempfile::TempDir,
    name: String,
    admin_url: String,
    url: String,
}

/// An answer that was read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| Value::String(self.text.clone()))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The session that was begun, as a Cookie header.
    pub fn cookie(&self) -> String {
        let set = self.headers["set-cookie"].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }
}

impl Service {
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    /// With settings of its own; the clock is the test's in any case.
    pub async fn with(settings: Settings) -> Self {
        let postgres = local_postgres::scratch::shared_for_tests;
        let postgres = tokio::task::spawn_blocking(postgres).await.unwrap().unwrap();
        let (name, admin_url) =
            (format!("test_{}", Uuid::now_v7().simple()), postgres.url("postgres"));
        run(&admin_url, format!("create database {name}")).await;
        let url = postgres.url(&name);
        let mut owner = PgConnection::connect(&url).await.unwrap();
        let others = [vault::MIGRATIONS, ops::MIGRATIONS];
        event_store::migrate::migrate(&mut owner, &others).await.unwrap();
        sqlx::query("select es.open_workspace($1)").bind(WS.0).execute(&mut owner).await.unwrap();
        owner.close().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        let app = app(&url, &folder, &clock, settings).await;
        let router = api::router(app.clone());
        Self { app, clock, router, _folder: folder, name, admin_url, url }
    }

    /// With Anna, the first administrator; her session comes with it.
    pub async fn set_up() -> (Self, String) {
        Self::set_up_with(Settings::default()).await
    }

    /// The same with settings of its own.
    pub async fn set_up_with(settings: Settings) -> (Self, String) {
        let service = Self::with(settings).await;
        let token = service.app.ops().setup.issue_setup(WS, service.app.now()).await.unwrap();
        let body = serde_json::json!({"token": token.expose(), "name": "Anna",
            "email": "anna@example.org", "password": PASSWORD});
        let answer = service.post("/api/v1/setup", &body, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let cookie = answer.cookie();
        (service, cookie)
    }

    /// An answer whose body was not read.
    pub async fn open(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// What no application may do.
    pub async fn as_owner(&self, statements: &[&str]) {
        for statement in statements {
            run(&self.url, (*statement).to_owned()).await;
        }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.open(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(json) => {
                request = request.header("content-type", "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, None, headers).await
    }

    pub async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.ask("POST", path, Some(body), headers).await
    }

    /// Somebody else who may sign in; answers id and session.
    pub async fn user(&self, admin: &str, name: &str, role: &str) -> (String, String) {
        let email = format!("{name}@example.org");
        let body = serde_json::json!({"name": name, "email": email, "role": role});
        let added = self.post("/api/v1/users", &body, &[("cookie", admin)]).await;
        assert_eq!(added.status, 201, "{}", added.text);
        let id = added.json()["id"].as_str().unwrap().to_owned();
        let body = serde_json::json!({"password": PASSWORD});
        let path = format!("/api/v1/users/{id}/password");
        let set = self.ask("PUT", &path, Some(&body), &[("cookie", admin)]).await;
        assert_eq!(set.status, 200, "{}", set.text);
        let body = serde_json::json!({"email": email, "password": PASSWORD});
        let signed_in = self.post("/api/v1/session", &body, &[]).await;
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        (id, signed_in.cookie())
    }
}

async fn app(
    url: &str,
    folder: &tempfile::TempDir,
    clock: &Arc<AtomicI64>,
    settings: Settings,
) -> App {
    let pool = PgPool::connect(url).await.unwrap();
    let vault = Vault::open(pool.clone(), &folder.path().join("keys")).await.unwrap();
    let reader = LogReader::new(pool.clone());
    let handler = CommandHandler::new(
        (pool.clone(), reader.clone()),
        vault.clone(),
        RecentCommits::default(),
        (commands::stream_types(), commands::directory_type()),
        HandlerSettings::default(),
    );
    let clock = Arc::clone(clock);
    let objects = SealedObjects::local(vault.clone(), &folder.path().join("objects")).unwrap();
    let ops = Ops::new(pool.clone(), vault.clone());
    let erasing = erasure::Erasing {
        handler: handler.clone(),
        views: pool.clone(),
        projectors: pool.clone(),
        ops: ops.clone(),
        objects: objects.clone(),
    };
    App::new(AppParts {
        handler,
        reader,
        views: pool.clone(),
        objects,
        ops,
        erasing,
        vault,
        workshop: Workshop::new(LogReader::new(pool.clone()), pool.clone(), None),
        projections: Vec::new(),
        checkpoints: Checkpoints::new(pool, &[]),
        view_status: Arc::new(Vec::new),
        metrics: None,
        ending: tokio::sync::watch::channel(false).1,
        settings: Settings {
            clock: Arc::new(move || Timestamp::from_micros(clock.load(Ordering::Relaxed))),
            ..settings
        },
    })
}

impl Drop for Service {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        let url = self.admin_url.clone();
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(run(&url, statement));
        });
        let _ = dropped.join();
    }
}

async fn run(url: &str, statement: String) {
    let mut admin = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}
