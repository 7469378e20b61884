//! `run`: the daemon.

use std::path::Path;

use tokio::task::spawn_blocking;
use tracing::{error, info};

use crate::app::clock::Clock;
use crate::app::notify;
use crate::app::signals::{Signal, Signals};
use crate::app::supervisor::Running;
use crate::config::Config;

use super::ask::configuration;
use super::health::address_file;
use super::logging;
use super::trouble::Trouble;

/// The configuration with its profiles, read off the thread on which the bridge runs: a file may be
/// large, and a disk slow.
async fn read(file: Option<&Path>) -> Result<Config, Trouble> {
    let file = file.map(Path::to_path_buf);
    let read = spawn_blocking(move || configuration(file.as_deref())).await;
    let (config, _) = read.map_err(|err| {
        Trouble::failed(format!(
            "reading the configuration panicked ({err}); this is a bug, please report it"
        ))
    })??;
    Ok(config)
}

pub(super) async fn run(file: Option<&Path>, verbosity: i16) -> Result<(), Trouble> {
    let config = read(file).await?;
    let logging = logging::start(config.log, verbosity);
    let mut signals = Signals::listen().map_err(|err| Trouble::failed(err.to_string()))?;
    let address_file = Some(address_file(file));
    let mut running = Running::start(config, Clock::start(), address_file)
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
                match read(file).await {
                    Ok(config) => {
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
