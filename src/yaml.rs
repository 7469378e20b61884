//! Text to a YAML tree with line numbers. The only user of `serde_yaml` and `saphyr-parser`.
