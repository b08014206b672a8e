//! What operators may set, and every bound of the HTTP layer, named once.

use std::sync::Arc;
use std::time::Duration;

use decider::Timestamp;
use http::HeaderName;

/// Tells the time; a test holds it still.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The clock of this machine.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| jiff::Timestamp::now().into())
}

/// How much of anything a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a JSON body.
    pub json_bytes_max: usize,
    /// Bytes of an uploaded file.
    pub upload_bytes_max: usize,
    /// How long a JSON body may take to arrive.
    pub body_within: Duration,
    /// How long nothing may arrive of an upload.
    pub upload_idle: Duration,
    /// How long a request may take.
    pub request_within: Duration,
    /// How long an upload may take.
    pub upload_within: Duration,
    /// How many requests are worked on at a time.
    pub running_max: usize,
    /// How many uploads and downloads are worked on at a time; each is held in memory.
    pub uploads_max: usize,
    /// How many requests may wait for their turn; one more is refused.
    pub waiting_max: usize,
    /// How long a request waits for its turn.
    pub turn_within: Duration,
    /// How long a read waits for a view to reach the position it asks for.
    pub view_within: Duration,
    /// How many live connections one user may have.
    pub live_per_user_max: usize,
    /// How many live connections one workspace may have.
    pub live_per_workspace_max: usize,
    /// How many live connections there may be in all.
    pub live_max: usize,
    /// How many messages are kept for all live connections of a workspace.
    pub live_kept_max: usize,
    /// How many positions a live connection may be behind; one that is further behind is told to load again.
    pub live_behind_max: u64,
    /// After how much silence a live connection says how far it is.
    pub live_heartbeat: Duration,
    /// How often a live connection looks whether its caller may still have it; much of what ends it, it learns at once.
    pub live_check_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_bytes_max: 2 << 20,
            upload_bytes_max: 25 << 20,
            body_within: Duration::from_secs(15),
            upload_idle: Duration::from_secs(15),
            request_within: Duration::from_secs(30),
            upload_within: Duration::from_secs(300),
            running_max: 512,
            uploads_max: 16,
            waiting_max: 1024,
            turn_within: Duration::from_secs(10),
            view_within: Duration::from_millis(500),
            live_per_user_max: 32,
            live_per_workspace_max: 2_000,
            live_max: 4_000,
            live_kept_max: 4_096,
            live_behind_max: 10_000,
            live_heartbeat: Duration::from_secs(15),
            live_check_every: Duration::from_secs(30),
        }
    }
}

/// Settings of the HTTP layer.
#[derive(Clone)]
pub struct Settings {
    /// Bounds.
    pub limits: Limits,
    /// Whether the session cookie is sent over HTTPS only.
    pub cookie_secure: bool,
    /// How browsers reach the service, such as `https://desk.example.org`; none when it is only known by the Host header.
    pub public_url: Option<String>,
    /// The header in which the proxy in front says who the client is, such as `x-forwarded-for`; none when there is no proxy.
    pub client_address_header: Option<HeaderName>,
    /// Whether `GET /metrics` answers without sign-in.
    pub metrics_open: bool,
    /// Whether `/` is the plain page that says where things are; off where the workspace is served.
    pub start_page: bool,
    /// The time.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            cookie_secure: false,
            public_url: None,
            client_address_header: None,
            metrics_open: true,
            start_page: true,
            clock: system_clock(),
        }
    }
}
