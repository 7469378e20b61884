//! Layer 4: The cloud's Open API over HTTP. Translates, decides nothing.
