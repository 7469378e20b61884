//! Layer 2: how datapoints become entities. Intent only; nothing here knows MQTT.

pub mod built_in;
pub mod catalog;
pub mod distinct;
pub mod entity;
pub mod file;
pub mod generic;
pub mod glossary;
pub mod hints;
pub mod json_schema;
pub mod load;
pub mod name;
pub mod options;
pub mod ordered;
pub mod pattern;
pub mod platform;
pub mod possible;
pub mod read;
pub mod recognise;
pub mod resolve;
pub mod write;
