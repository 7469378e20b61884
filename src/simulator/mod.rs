//! Layer 4: A Gizwits cloud that runs anywhere, for tests and demonstrations.
