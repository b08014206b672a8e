//! The door: takes connections and gives up those that only hold it open. What comes after the head of a request is bounded by
//! the HTTP layer itself.

use std::convert::Infallible;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use api::App;
use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::impatient::Impatient;

/// How long the head of a request may take to arrive, and how long a connection may stay between two requests.
const HEAD_WITHIN: Duration = Duration::from_secs(20);
/// How long a peer may take nothing of what is sent to it.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
/// How much is kept of what arrives faster than it is read, or is sent faster than it is taken.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// How long to wait when no further connection can be taken, for want of file descriptors for example.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes connections until the end is near, then waits for those that are there.
pub async fn serve(
    listener: TcpListener,
    app: App,
    mut stopping: watch::Receiver<bool>,
) -> Result<()> {
    let router = api::router(app.clone());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            // A sender that is gone means the end as well.
            _ = stopping.wait_for(|stopping| *stopping) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let ending = stopping.clone();
                let handler = (app.clone(), router.clone());
                connections.spawn(connection(stream, peer, handler, ending));
            }
            Err(error) if is_theirs(&error) => {}
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "no connection can be taken"
                );
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// One connection: request after request, each of which knows where it comes from. When the process is about to end, the next
/// answer is the last.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    (app, router): (App, Router),
    mut stopping: watch::Receiver<bool>,
) {
    let service = tower::service_fn(move |mut request: Request<_>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let (app, answering) = (app.clone(), router.clone().oneshot(request));
        async move {
            let mut response = answering.await?;
            if app.is_ending() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(BUFFER_BYTES_MAX);
    // Small messages are not to wait for each other; a socket that cannot be told so works too.
    drop(stream.set_nodelay(true));
    let stream = TokioIo::new(Impatient::new(stream, TAKEN_WITHIN));
    let served = builder.serve_connection(stream, TowerToHyperService::new(service));
    let mut served = pin!(served);
    // What it answers holds a lock, and must not be held.
    let ending = async move { drop(stopping.wait_for(|stopping| *stopping).await) };
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = ending => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Whether an error says something about one connection alone.
fn is_theirs(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}
