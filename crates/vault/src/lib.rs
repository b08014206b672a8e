//! Keys, sealing and opening of personal content, sealed objects.
