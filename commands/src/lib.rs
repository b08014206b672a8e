//! What may be asked, and the rules. Pure.
