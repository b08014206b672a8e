//! Operational state that is not in the log: credentials, sessions, tokens, uploads, draft bodies.
