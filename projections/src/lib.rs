//! What can be read: views folded from the log.
