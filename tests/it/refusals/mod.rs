//! Every refusal that API.md promises, on every operation of the OpenAPI document. An operation without an example in
//! `examples.rs` fails here.

mod addresses;
mod bodies;
mod broken_off;
mod credentials;
mod examples;
mod fields;
mod files;
mod headers;
mod operations;
pub mod problem;
mod queries;
mod rights;
mod secrets;
mod values;
mod wire;
mod world;
