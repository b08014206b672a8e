//! What names are taken from: the directory and the contacts as they are, or as they were.

use std::sync::Arc;

use commands::Directory;

use super::at::At;
use super::directory::names_at;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;

/// Where names come from.
#[derive(Clone)]
pub struct Names {
    /// Users, pipelines, properties and channels.
    pub directory: Arc<Directory>,
    /// The place they are of; none for the present.
    pub at: Option<At>,
}

impl Names {
    /// As they were at a place, or are now.
    pub async fn of(app: &App, caller: &Caller, at: Option<At>) -> Result<Self, ApiError> {
        match at {
            None => Self::now(app, caller, |_| true).await,
            Some(place) => {
                let directory = names_at(app, caller, &[place]).await?;
                Ok(Self { directory: Arc::new(directory), at })
            }
        }
    }

    /// As they are now; what is not known may have been written elsewhere a moment ago.
    pub async fn now(
        app: &App,
        caller: &Caller,
        is_known: impl FnOnce(&Directory) -> bool,
    ) -> Result<Self, ApiError> {
        Ok(Self { directory: app.directory_where(caller.ws, is_known).await?, at: None })
    }
}
