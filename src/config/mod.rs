//! Layer 4: The configuration: a YAML file and the environment, to validated settings.
