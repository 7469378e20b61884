//! Layer 4: What outlives a run: tokens, schemas, what was announced.
