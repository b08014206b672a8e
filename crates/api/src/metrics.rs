//! What the metrics of the service mean, in one place for those who draw them.

use metrics::{describe_counter, describe_gauge, describe_histogram};

const COUNTERS: &[(&str, &str)] = &[
    ("ledgerdesk_http_requests_total", "Requests answered."),
    ("ledgerdesk_http_refused_overloaded_total", "Requests refused because too many were waiting."),
    ("ledgerdesk_commands_accepted_total", "Commands accepted."),
    ("ledgerdesk_commands_repeated_total", "Commands that had been accepted before."),
    ("ledgerdesk_commands_refused_busy_total", "Commands refused because the queue was full."),
    ("ledgerdesk_events_appended_total", "Events appended to the log."),
    ("ledgerdesk_append_conflicts_total", "Commands decided again because others were faster."),
    ("ledgerdesk_append_races_total", "Batches sent again because another node appended first."),
    ("ledgerdesk_projection_apply_events_total", "Events folded into a view."),
    (
        "ledgerdesk_facets_answers_total",
        "Counts and lists of tickets answered from memory, or from the tables.",
    ),
    ("ledgerdesk_facets_given_up_total", "Indexes of tickets in memory given up, by reason."),
    (
        "ledgerdesk_projection_scrubbed_streams_total",
        "Streams folded anew and compared with their rows.",
    ),
    ("ledgerdesk_projection_scrub_differences_total", "Rows that were not as the log says."),
    ("ledgerdesk_live_messages_total", "Messages told to live connections."),
    (
        "ledgerdesk_live_log_reads_total",
        "Reads of the log by live connections that fell behind what is kept for all of them.",
    ),
    ("ledgerdesk_live_resets_total", "Live connections told to load again, by reason."),
    ("ledgerdesk_live_refused_total", "Live connections refused because too many were open."),
];

const GAUGES: &[(&str, &str)] = &[
    (
        "ledgerdesk_log_rewound",
        "1 once commits that were seen are not in a workspace's log any more.",
    ),
    (
        "ledgerdesk_log_verify_findings",
        "What the last verification of a workspace's log found wrong.",
    ),
    (
        "ledgerdesk_oldest_snapshot_seconds",
        "How long somebody has been holding on to an old state of the database.",
    ),
    ("ledgerdesk_log_head", "The newest position in a workspace's log that this process knows."),
    ("ledgerdesk_commands_waiting", "Commands that wait to be decided."),
    ("ledgerdesk_state_cache_bytes", "Bytes of folded state in memory."),
    ("ledgerdesk_facets_bytes", "Bytes of the index of a workspace's tickets in memory, about."),
    ("ledgerdesk_facets_tickets", "Tickets in that index; 0 while there is none."),
    ("ledgerdesk_live_connections", "Open live connections."),
    ("ledgerdesk_live_lag_events", "How many events the live messages of a workspace are behind."),
    ("ledgerdesk_projection_checkpoint", "The last position folded into a view."),
    ("ledgerdesk_projection_lag_events", "How many events a view is behind."),
    ("ledgerdesk_projection_lag_seconds", "How many seconds a view is behind."),
    ("ledgerdesk_projection_quarantined_streams", "How many streams a view leaves out."),
    (
        "ledgerdesk_projection_state",
        "0 standby, 1 catching up, 2 following, 3 backing off, 4 stopped.",
    ),
];

const HISTOGRAMS: &[(&str, &str)] = &[
    ("ledgerdesk_http_request_seconds", "From the head of a request to the head of its answer."),
    ("ledgerdesk_append_seconds", "Time of one append."),
    ("ledgerdesk_append_batch_commands", "Commands of one append."),
    ("ledgerdesk_append_batch_events", "Events of one append."),
    ("ledgerdesk_projection_batch_seconds", "Time of one batch of a view."),
    ("ledgerdesk_facets_build_seconds", "Time to read an index of tickets from the tables."),
];

/// Describes them; the recorder must be installed before.
pub(crate) fn describe() {
    for (name, meaning) in COUNTERS {
        describe_counter!(*name, *meaning);
    }
    for (name, meaning) in GAUGES {
        describe_gauge!(*name, *meaning);
    }
    for (name, meaning) in HISTOGRAMS {
        describe_histogram!(*name, *meaning);
    }
}
