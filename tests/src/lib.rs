//! Promises tested through the outside of the service.
