//! What tests with real parts share: a broker, a simulated cloud and the bridge as processes, and a
//! client that watches the broker.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part of it"
)]

pub mod bridge;
pub mod broker;
pub mod cli;
pub mod cloud;
pub mod odd_schemas;
pub mod watcher;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Longer than anything here takes on a slow machine; a test that waits this long has failed.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Tells the one who runs the tests, once. `eprintln!` would not: of a test that passes, the harness
/// shows nothing.
pub fn say(words: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.insert(words.to_owned()) {
        // One write, so that lines of other threads stay whole; nobody to tell is no fault.
        drop(std::io::stderr().write_all(format!("{words}\n").as_bytes()));
    }
}

/// Looks until it is so, where nothing tells when.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let looked = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(DEADLINE, looked).await;
    assert!(in_time.is_ok(), "waited in vain: {what}");
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_gizwits2mqtt");
