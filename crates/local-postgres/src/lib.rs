//! A private Postgres for those who bring none.
