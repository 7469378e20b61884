//! Layer 4: Health checks over HTTP.
