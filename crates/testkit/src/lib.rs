//! The whole service inside a test.
