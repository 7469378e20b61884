//! What others are told, a file for each topic.

mod answer;
mod device;
mod discovery;
pub(super) mod entities;
mod event;
mod everything;
mod health;
mod info;
pub(super) mod inventory;
mod presence;
mod result;
mod schedules;
