//! The limit of the HTTP library: an endpoint that does nothing, 64 callers on this machine.

use std::time::Instant;

use axum::Router;
use axum::routing::get;
use futures_util::future::join_all;

use crate::http::Client;
use crate::setup::duration;
use crate::table::Table;

pub async fn measure(table: &mut Table) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let app = Router::new().route("/", get(|| async { "" }));
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let started = Instant::now();
    let counts = join_all((0..64).map(|_| async {
        let mut client = Client::connect(&address, "").await;
        let mut count = 0u64;
        while started.elapsed() < duration() {
            assert_eq!(client.send("GET", "/", None).await.0, 200);
            count += 1;
        }
        count
    }))
    .await;
    let rate = counts.iter().sum::<u64>() as f64 / started.elapsed().as_secs_f64();
    table.add("empty HTTP endpoint, 64 callers", "requests/s", rate);
    server.abort();
}
