//! Layer 2: how datapoints become entities. Intent only; nothing here knows MQTT.

pub mod generic;
pub mod hints;
pub mod name;
pub mod rules;
