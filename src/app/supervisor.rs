//! Starts the edges and the engine, reloads them, ends them in order.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::bridge::{Bridge, Input};
use crate::config::{Config, UserProfiles};
use crate::gizwits::SetUpError;
use crate::ids::AccountName;
use crate::mqtt::{self, MqttConfig, MqttError, MqttHandle};
use crate::store::{self, AddressFile, StateDir, StoreError};
use crate::web::WebError;

use super::clock::Clock;
use super::cloud::{Cloud, Way};
use super::edges;
use super::engine::{BrokerLink, Engine, Order};
use super::health_checks::HealthChecks;
use super::notify;
use super::profile_watch;
use super::scribe::{Entry, Scribe};

/// The broker gets this long to take the last messages; all of the end takes less than 5 s.
const GOODBYE: Duration = Duration::from_secs(3);

/// Why the bridge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process uses the state folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker's address or certificates.
    #[error(transparent)]
    Mqtt(#[from] MqttError),
    /// The HTTP client.
    #[error(transparent)]
    Cloud(#[from] SetUpError),
    /// The health checks.
    #[error(transparent)]
    Web(#[from] WebError),
}

/// A running bridge.
#[derive(Debug)]
pub struct Running {
    config: Config,
    install_id: String,
    mqtt_config: MqttConfig,
    broker: MqttHandle,
    health_checks: HealthChecks,
    ways: BTreeMap<AccountName, Way>,
    orders: mpsc::Sender<Order>,
    engine: JoinHandle<MqttHandle>,
    scribe: Scribe,
}

impl Running {
    /// Starts everything. That the broker or the cloud is away is no error: both are tried for as
    /// long as it takes. `address_file` is where the health checks' address is left.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start(
        config: Config,
        clock: Clock,
        address_file: Option<AddressFile>,
    ) -> Result<Self, StartError> {
        for warning in config.warnings.iter().chain(&config.profile_warnings()) {
            warn!("{warning}");
        }
        let opened = match StateDir::open(&config.state_dir) {
            // Two that write the same files would undo each other's work.
            Err(err @ StoreError::InUse(_)) => return Err(err.into()),
            opened => opened,
        };
        let dir = opened.as_ref().ok();
        let install_id = dir.and_then(StateDir::load_install_id);
        let install_id = install_id.unwrap_or_else(store::new_install_id);
        let tokens = dir.map(StateDir::load_tokens).unwrap_or_default();
        let ways = edges::ways(&config, &tokens)?;
        let restored = edges::restored(&config, dir, &tokens);
        let mqtt_config = edges::mqtt_config(&config, &install_id);
        let link = mqtt::start(mqtt_config.clone())?;
        let broker = link.0.clone();
        let (tell_ready, not_ready) = watch::channel(Some("the bridge is starting".to_owned()));
        let mut health_checks = HealthChecks::new(not_ready, address_file);
        let change = health_checks.prepare(config.web.as_ref()).await?;
        health_checks.take(change);
        let scribe = Scribe::start(config.state_dir.clone(), opened);
        // Written at each start, also where it is there: this shows at once whether the folder can be
        // written.
        scribe.desk().keep(Entry::InstallId(install_id.clone()));
        let (cloud, home) = Cloud::new(ways.clone(), clock, scribe.desk());
        let (orders, receiver) = mpsc::channel(8);
        let bridge = Bridge::new(
            config.settings.clone(),
            restored,
            fastrand::u64(..),
            clock.now(),
        );
        let engine = Engine {
            bridge,
            clock,
            broker: broker_link(&mqtt_config, link),
            cloud,
            outcomes: home.outcomes,
            pushed: home.pushed,
            desk: scribe.desk(),
            state_dir: scribe.trouble(),
            orders: receiver,
            not_ready: tell_ready,
        };
        info!(
            version = env!("CARGO_PKG_VERSION"),
            broker = mqtt_config.url,
            accounts = config.accounts.len(),
            "started"
        );
        Ok(Self {
            engine: tokio::spawn(engine.run()),
            config,
            install_id,
            mqtt_config,
            broker,
            health_checks,
            ways,
            orders,
            scribe,
        })
    }

    /// Takes another configuration, or keeps the old one whole; true when it took it. The level of the
    /// log is the caller's to change.
    pub async fn reload(&mut self, mut config: Config) -> bool {
        let mut profiles = std::mem::take(&mut config.profiles);
        profiles.keep(&self.config.profiles);
        config.take_profiles(profiles);
        match self.try_reload(config).await {
            Ok(()) => {
                info!("the configuration was reloaded");
                true
            }
            Err(err) => {
                error!(%err, "the configuration is refused; the old one stays in force");
                false
            }
        }
    }

    async fn try_reload(&mut self, config: Config) -> Result<(), StartError> {
        for warning in config.warnings.iter().chain(&config.profile_warnings()) {
            warn!("{warning}");
        }
        let fixed = [
            ("state_dir", config.state_dir != self.config.state_dir),
            ("log.format", config.log.format != self.config.log.format),
        ];
        for (key, _) in fixed.into_iter().filter(|(_, changed)| *changed) {
            warn!(
                key,
                "this part of the configuration takes effect after a restart"
            );
        }
        let ways = edges::renewed_ways(&self.config, &self.ways, &config)?;
        let mqtt_config = edges::mqtt_config(&config, &self.install_id);
        let health_checks = self.health_checks.prepare(config.web.as_ref()).await?;
        let link = if mqtt_config == self.mqtt_config {
            None
        } else {
            Some(mqtt::start_after(&self.broker, mqtt_config.clone())?)
        };
        // From here on nothing fails.
        if let Some((handle, _)) = &link {
            self.broker = handle.clone();
        }
        self.health_checks.take(health_checks);
        let order = Order::Reload {
            settings: Box::new(config.settings.clone()),
            ways: ways.clone(),
            broker: link.map(|link| broker_link(&mqtt_config, link)),
        };
        if self.orders.send(order).await.is_err() {
            error!("the engine has ended");
        }
        self.ways = ways;
        self.mqtt_config = mqtt_config;
        self.config = config;
        Ok(())
    }

    /// Takes profiles that change in their folder. Returns when the engine ended by itself, which is a fault.
    /// May be dropped at any time and called again.
    pub async fn watch(&mut self) {
        loop {
            let profiles = tokio::select! {
                ended = &mut self.engine => {
                    match ended {
                        Ok(_) => error!("the engine ended by itself"),
                        Err(err) => error!(%err, "the engine panicked; this is a bug, please report it"),
                    }
                    return;
                }
                profiles = profile_watch::changed(&self.config.profiles) => profiles,
            };
            self.take_profiles(profiles).await;
        }
    }

    /// What was wrong before was told then.
    async fn take_profiles(&mut self, mut profiles: UserProfiles) {
        profiles.keep(&self.config.profiles);
        let mut config = self.config.clone();
        config.take_profiles(profiles);
        let order = Order::Reload {
            settings: Box::new(config.settings.clone()),
            ways: self.ways.clone(),
            broker: None,
        };
        if self.orders.send(order).await.is_err() {
            error!("the engine has ended");
        }
        let told = self.config.profile_warnings();
        let warnings = config.profile_warnings();
        for warning in warnings.iter().filter(|warning| !told.contains(warning)) {
            warn!("{warning}");
        }
        info!(
            profiles = config.profiles.profiles().count(),
            faults = config.profiles.faults().count(),
            "profiles_dir was read again"
        );
        self.config = config;
    }

    /// Ends: pending commands are settled, `offline` is published, files are written.
    pub async fn stop(mut self) {
        notify::stopping();
        if self.orders.send(Order::Stop).await.is_err() {
            error!("the engine has ended already");
        }
        match self.engine.await {
            Ok(handle) => handle.shutdown(GOODBYE).await,
            Err(err) => error!(%err, "the engine panicked; this is a bug, please report it"),
        }
        let scribe = self.scribe;
        let written = tokio::task::spawn_blocking(move || scribe.finish());
        if tokio::time::timeout(Duration::from_secs(1), written)
            .await
            .is_err()
        {
            warn!("state_dir is too slow; the last changes may not be kept");
        }
        self.health_checks.stop();
        info!("stopped");
    }
}

fn broker_link(
    config: &MqttConfig,
    (handle, inputs): (MqttHandle, mpsc::Receiver<Input>),
) -> BrokerLink {
    BrokerLink {
        handle,
        inputs,
        will_topic: config.will.topic.clone(),
    }
}
