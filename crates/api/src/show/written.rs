//! What somebody wrote: HTML made safe on its way in, each form derived from the other where one is missing.

use channels::email::html;
use commands::limits::BODY_BYTES_MAX;
use decider::Personal;

use crate::error::ApiError;

/// A text and its HTML form.
pub struct WrittenText {
    pub text: Personal<String>,
    pub html: Option<Personal<String>>,
}

/// Cleans and completes. It may take a while for large texts, so it happens off the request's thread.
///
/// # Errors
/// When the service stops.
pub async fn complete(
    html: Option<Personal<String>>,
    text: Option<Personal<String>>,
) -> Result<WrittenText, ApiError> {
    let work = move || complete_now(html.map(|html| html.0), text.map(|text| text.0));
    tokio::task::spawn_blocking(work).await.map_err(ApiError::failed)
}

fn complete_now(html: Option<String>, text: Option<String>) -> WrittenText {
    let is_said = |text: &String| !text.trim().is_empty();
    let cleaned = html.filter(is_said).map(|html| html::clean(&html).html);
    let text = text.filter(is_said);
    let (text, html) = match (text, cleaned) {
        (Some(text), Some(html)) => (text, Some(html)),
        (None, Some(html)) => (html::to_text(&html), Some(html)),
        (Some(text), None) => {
            // What was written counts, not how much longer it is as HTML.
            let html = html::from_text(&text);
            (text, Some(html).filter(|html| html.len() <= BODY_BYTES_MAX))
        }
        (None, None) => (String::new(), None),
    };
    WrittenText { text: Personal(text), html: html.map(Personal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(html: Option<&str>, text: Option<&str>) -> (String, Option<String>) {
        let written = complete_now(html.map(str::to_owned), text.map(str::to_owned));
        (written.text.0, written.html.map(|html| html.0))
    }

    #[test]
    fn html_is_always_cleaned_c07() {
        let (_, html) = written(Some("<p onclick=\"x()\">Hi<script>x()</script></p>"), Some("Hi"));
        let html = html.unwrap();
        assert!(
            html.contains("Hi") && !html.contains("script") && !html.contains("onclick"),
            "{html}"
        );
    }

    #[test]
    fn the_missing_form_is_made_of_the_other_c07() {
        let (text, _) = written(Some("<p>One</p><p>Two</p>"), None);
        assert!(text.contains("One") && text.contains("Two") && !text.contains('<'), "{text}");
        let (_, html) = written(None, Some("a < b"));
        assert!(html.unwrap().contains("a &lt; b"));
    }

    #[test]
    fn nothing_stays_nothing() {
        assert_eq!(written(None, None), (String::new(), None));
        assert_eq!(written(Some("  "), Some("")), (String::new(), None));
    }
}
