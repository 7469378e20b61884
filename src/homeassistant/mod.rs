//! Layer 2: topics, payloads and discovery as Home Assistant and MQTT users expect them. Pure.

mod body;
pub mod bridge_device;
pub mod command;
pub mod component;
pub mod discovery;
pub mod entity;
pub mod entity_command;
mod entity_id;
mod labels;
mod likeness;
pub mod request;
mod request_schedule;
mod request_zone;
mod roles;
pub mod schedule_sensors;
pub mod slug;
pub mod state;
mod templates;
pub mod topic;
