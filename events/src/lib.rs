//! What happened: event types, ids and value types, readable for ever.
