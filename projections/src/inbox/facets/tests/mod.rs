//! Tests of the index: it shows what a scan of the rows shows; it starts from rows and follows as if it had read everything;
//! and it is trusted only as far as the tables agree.

mod cost;
mod history;
mod properties;
mod tables;
