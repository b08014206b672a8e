//! Nothing waits for the database for ever: a network that swallows what is sent tells nobody.

use std::future::Future;
use std::io::ErrorKind;
use std::time::Duration;

use super::error::LogError;

/// How long a statement of the log may take. What takes longer has lost its connection, or would be of use to nobody.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// Waits for an answer of the database for [`ANSWER_WITHIN`] at most.
pub(crate) async fn bounded<T, E>(asking: impl Future<Output = Result<T, E>>) -> Result<T, LogError>
where
    LogError: From<E>,
{
    match tokio::time::timeout(ANSWER_WITHIN, asking).await {
        Ok(answered) => Ok(answered?),
        Err(_) => Err(sqlx::Error::Io(ErrorKind::TimedOut.into()).into()),
    }
}
