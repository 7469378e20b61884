//! Layer 2: topics, payloads and discovery as Home Assistant and MQTT users expect them. Pure.

pub mod bridge_device;
pub mod command;
pub mod component;
pub mod discovery;
pub mod entity;
pub mod slug;
pub mod state;
pub mod topic;
