//! Requests written byte by byte, for what no client library sends.

use std::time::Duration;

use testkit::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the service may take to answer or to hang up.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A connection to the service.
pub async fn connect(client: &Client) -> TcpStream {
    let address = client.base().trim_start_matches("http://").to_owned();
    TcpStream::connect(address).await.unwrap()
}

/// Sends bytes and reads what comes until the service hangs up.
pub async fn exchange(client: &Client, bytes: &[u8]) -> String {
    let mut stream = connect(client).await;
    stream.write_all(bytes).await.unwrap();
    rest_of(&mut stream).await
}

/// What comes until the service hangs up.
pub async fn rest_of(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the service keeps the connection: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// The head of a request, without its last line break.
pub fn head(method: &str, path: &str, token: &str, more: &[&str]) -> String {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: desk.example\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\ncontent-type: application/json\r\n"
    );
    for line in more {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head
}
