//! The HTTP layer: routes, request and response types, failure to status.
