//! Whether a write with a cookie comes from a page of our own.

use http::{HeaderMap, Uri, header};

use crate::error::{ApiError, Kind};

/// Refuses writes that another site made the browser send. A request that says neither where it comes from nor that it
/// crosses sites was not sent by a browser.
pub(crate) fn check(
    headers: &HeaderMap,
    uri: &Uri,
    public_url: Option<&str>,
) -> Result<(), ApiError> {
    let allowed = match text(headers, "origin") {
        Some(origin) => is_ours(origin, host(headers, uri), public_url),
        None => text(headers, "sec-fetch-site")
            .is_none_or(|site| matches!(site, "same-origin" | "none")),
    };
    if allowed {
        return Ok(());
    }
    let detail = "writes with a session cookie are taken from our own pages only";
    Err(ApiError::new(Kind::Forbidden, "bad_origin", detail))
}

fn is_ours(origin: &str, host: Option<&str>, public_url: Option<&str>) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let bare = |authority: &str| {
        let lower = authority.to_ascii_lowercase();
        lower.strip_suffix(default_port).map(str::to_owned).unwrap_or(lower)
    };
    let same_host = host.is_some_and(|host| bare(host) == bare(authority));
    let public =
        public_url.and_then(|url| url.split_once("://")).is_some_and(|(its_scheme, rest)| {
            its_scheme == scheme
                && bare(rest.split('/').next().unwrap_or_default()) == bare(authority)
        });
    same_host || public
}

fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    text(headers, header::HOST.as_str())
        .or_else(|| uri.authority().map(http::uri::Authority::as_str))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // A header that is not text is there, and matches nothing.
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn allowed(pairs: &[(&'static str, &'static str)], public_url: Option<&str>) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        check(&headers, &Uri::from_static("/api/v1/tickets"), public_url).is_ok()
    }

    #[test]
    fn a_page_of_our_own_may_write() {
        assert!(allowed(&[("host", "desk:8080"), ("origin", "http://desk:8080")], None));
        assert!(allowed(&[("host", "desk"), ("origin", "https://desk:443")], None));
        let behind_a_proxy = [("host", "10.0.0.7:8080"), ("origin", "https://desk.example.org")];
        assert!(allowed(&behind_a_proxy, Some("https://desk.example.org/")));
        assert!(!allowed(&behind_a_proxy, None));
    }

    #[test]
    fn another_site_may_not() {
        for origin in ["http://evil:8080", "https://desk.evil", "null", "", "http://desk:8081"] {
            assert!(!allowed(&[("host", "desk:8080"), ("origin", origin)], None), "{origin}");
        }
        assert!(!allowed(&[("host", "desk"), ("sec-fetch-site", "cross-site")], None));
        assert!(!allowed(&[("host", "desk"), ("sec-fetch-site", "same-site")], None));
    }

    #[test]
    fn what_is_no_browser_sends_neither() {
        assert!(allowed(&[("host", "desk")], None));
    }
}
