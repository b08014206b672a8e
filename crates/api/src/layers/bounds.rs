//! Back-pressure: so many requests at a time, so many waiting, so long each.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::error::ApiError;
use crate::settings::Limits;

/// Turns, and places to wait for one.
pub struct Gate {
    turns: Semaphore,
    places: Semaphore,
    turn_within: Duration,
}

impl Gate {
    pub fn new(running_max: usize, limits: Limits) -> Self {
        Self {
            turns: Semaphore::new(running_max),
            places: Semaphore::new(running_max + limits.waiting_max),
            turn_within: limits.turn_within,
        }
    }
}

/// Lets a request in when it is its turn.
pub async fn gate(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let Ok(_place) = gate.places.try_acquire() else { return overloaded() };
    match timeout(gate.turn_within, gate.turns.acquire()).await {
        Ok(Ok(_turn)) => next.run(request).await,
        Ok(Err(_)) | Err(_) => overloaded(),
    }
}

/// Ends a request that takes too long. What a command did is settled by sending it again with its key.
pub async fn deadline(State(at_most): State<Duration>, request: Request, next: Next) -> Response {
    timeout(at_most, next.run(request)).await.unwrap_or_else(|_| too_late())
}

/// The same for what is answered at once: so long until the body is asked for, and again from when it is there. The time in
/// between has a bound of its own.
pub async fn prompt_deadline(
    State((body_within, at_most)): State<(Duration, Duration)>,
    request: Request,
    next: Next,
) -> Response {
    let (request, asked_for, arrived) = watched(request);
    let mut answering = pin!(next.run(request));
    tokio::select! {
        response = answering.as_mut() => return response,
        asked = timeout(at_most, asked_for) => if asked.is_err() { return too_late() },
    }
    tokio::select! {
        response = answering.as_mut() => return response,
        _ = timeout(body_within, arrived) => {}
    }
    timeout(at_most, answering).await.unwrap_or_else(|_| too_late())
}

/// A request that tells when its body begins to be read, and when it has been read to the end: by giving up the other end.
fn watched(request: Request) -> (Request, oneshot::Receiver<()>, oneshot::Receiver<()>) {
    let (begin, asked_for) = oneshot::channel();
    let (end, arrived) = oneshot::channel();
    if request.body().is_end_stream() {
        return (request, asked_for, arrived);
    }
    let watch = |body: Body| {
        let told = tells(begin).chain(body.into_data_stream()).chain(tells(end));
        Body::from_stream(told)
    };
    (request.map(watch), asked_for, arrived)
}

/// An empty part of a body, that tells when it is its turn.
fn tells(other_end: oneshot::Sender<()>) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    let mut other_end = Some(other_end);
    stream::poll_fn(move |_| {
        drop(other_end.take());
        Poll::Ready(None)
    })
}

fn too_late() -> Response {
    ApiError::unavailable("timeout", "the request took too long").into_response()
}

fn overloaded() -> Response {
    metrics::counter!("ledgerdesk_http_refused_overloaded_total").increment(1);
    ApiError::unavailable("overloaded", "too many requests are waiting").into_response()
}
