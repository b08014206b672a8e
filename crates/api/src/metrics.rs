//! What the metrics of this crate and of those below mean.

use metrics::{describe_counter, describe_histogram};

/// Describes them; the recorder must be installed before.
pub(crate) fn describe() {
    describe_counter!("ledgerdesk_http_requests_total", "Requests answered.");
    describe_histogram!(
        "ledgerdesk_http_request_seconds",
        "Time from the request's head to the answer's head."
    );
    describe_counter!(
        "ledgerdesk_http_refused_overloaded_total",
        "Requests refused because too many were waiting."
    );
    describe_counter!(
        "ledgerdesk_commands_refused_busy_total",
        "Commands refused because the queue was full."
    );
}
