//! `run`: the daemon.

use std::path::Path;

use tracing::{error, info};

use crate::app::clock::Clock;
use crate::app::notify;
use crate::app::signals::{Signal, Signals};
use crate::app::supervisor::Running;

use super::ask::configuration;
use super::logging;
use super::trouble::Trouble;

pub(super) async fn run(file: Option<&Path>, verbosity: i16) -> Result<(), Trouble> {
    let (config, _) = configuration(file)?;
    let logging = logging::start(config.log, verbosity);
    let mut signals = Signals::listen().map_err(|err| Trouble::failed(err.to_string()))?;
    let mut running = Running::start(config, Clock::start())
        .await
        .map_err(|err| Trouble::failed(err.to_string()))?;
    notify::ready();
    loop {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            () = running.watch() => {
                return Err(Trouble::failed("the bridge broke; see the log"));
            }
        };
        match signal {
            Signal::Reload => {
                notify::reloading();
                match configuration(file) {
                    Ok((config, _)) => {
                        let log = config.log;
                        if running.reload(config).await {
                            logging.change(log);
                        }
                    }
                    Err(trouble) => {
                        error!("{}", trouble.message);
                        error!("the new configuration is refused; the old one stays in force");
                    }
                }
                notify::ready();
            }
            Signal::Terminate => {
                info!("told to end");
                running.stop().await;
                return Ok(());
            }
            Signal::Interrupt => {
                info!("interrupted");
                running.stop().await;
                return Err(Trouble::interrupted());
            }
        }
    }
}
