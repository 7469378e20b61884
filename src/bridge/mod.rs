//! Layer 3: the bridge itself, a value that is told what happened and answers with what to do.
//!
//! It never waits, reads a clock or opens a socket. See `docs/ARCHITECTURE.md` for walks through it.

mod absence;
mod account;
mod account_state;
mod announcer;
mod answer;
mod batch;
mod belongings;
#[cfg(test)]
mod broker_tests;
mod bucket;
mod budget;
mod caller;
mod calls;
mod commands;
mod deadlines;
mod device_line;
#[cfg(test)]
mod dispatch_tests;
pub mod effect;
mod estate;
mod gate;
mod health;
pub mod input;
mod intent;
mod link;
mod listing;
#[cfg(test)]
mod listing_tests;
mod log_fold;
mod login_limit;
mod looks;
mod machine;
mod membership;
mod message;
mod outcome;
mod own_changes;
mod own_state;
#[cfg(test)]
mod owner_tests;
mod pending;
mod plans;
mod poll;
mod presence;
mod products;
mod publisher;
mod push;
mod push_events;
#[cfg(test)]
mod push_tests;
mod ranges;
mod reconcile;
mod registry;
mod report;
mod republish;
mod request;
mod request_account;
mod requests;
mod schedule_book;
mod schedules;
mod session;
pub mod settings;
mod shared_budget;
pub mod socket;
mod tell;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod town;
mod whereabouts;

pub use account_state::AccountState;
pub use effect::{CloudCall, Effect, Publication};
pub use input::{CallError, CallOutcome, ErrorClass, Input, Reply};
pub use machine::{Bridge, Restored};
pub use settings::Settings;
pub use socket::{SocketEvent, SocketOrder};
