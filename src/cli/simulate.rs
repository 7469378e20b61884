//! `simulate`: the simulated cloud alone.

use std::sync::Arc;

use serde_json::json;

use crate::app::clock::Clock;
use crate::app::signals::{Signal, Signals};
use crate::simulator::http::ClockMs;
use crate::simulator::{self, Scenario};

use super::args::SimulateArgs;
use super::logging;
use super::output::Output;
use super::trouble::Trouble;

/// Unix milliseconds that never go back.
pub(super) fn clock_ms(clock: Clock) -> ClockMs {
    let began = clock.now();
    Arc::new(move || {
        let since = clock.now().mono.saturating_sub(began.mono);
        began.unix.saturating_mul(1000) + i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

pub(super) async fn simulate(
    args: SimulateArgs,
    verbosity: i16,
    output: &Output,
) -> Result<(), Trouble> {
    logging::start(logging::QUIET, verbosity);
    let scenario = match (&args.scenario, args.devices) {
        (Some(file), _) => {
            let name = file.display();
            let text = std::fs::read_to_string(file)
                .map_err(|err| Trouble::usage(format!("{name} cannot be read: {err}")))?;
            Scenario::parse(&text).map_err(|err| Trouble::usage(format!("{name}: {err}")))?
        }
        (None, Some(count)) => Scenario::with_devices(count),
        (None, None) => Scenario::standard(),
    };
    let clock = clock_ms(Clock::start());
    let mut signals = Signals::listen().map_err(|err| Trouble::failed(err.to_string()))?;
    let listen = args.listen;
    let mut simulator = simulator::start(listen, scenario, fastrand::u64(..), Arc::clone(&clock))
        .await
        .map_err(|err| Trouble::failed(format!("cannot listen at {listen}: {err}")))?;
    let url = format!("http://{}", simulator.addr());
    output.result(&json!({ "listening": url }), &format!("listening on {url}"))?;
    if args.live {
        simulator = simulator.living(clock);
    }
    let end = loop {
        match signals.next().await {
            Signal::Reload => {}
            Signal::Terminate => break Ok(()),
            Signal::Interrupt => break Err(Trouble::interrupted()),
        }
    };
    drop(simulator);
    end
}
