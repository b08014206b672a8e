//! State, command, world: the vocabulary of a pure core, and the types for personal content.
