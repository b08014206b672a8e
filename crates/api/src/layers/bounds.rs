//! Back-pressure: so many requests at a time, so many waiting, so long each.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
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
    match timeout(at_most, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::unavailable("timeout", "the request took too long").into_response(),
    }
}

fn overloaded() -> Response {
    metrics::counter!("ledgerdesk_http_refused_overloaded_total").increment(1);
    ApiError::unavailable("overloaded", "too many requests are waiting").into_response()
}
