//! The binary ledgerdesk: configuration, wiring, command line.
