//! Where the broker is: asked, and tried.

use std::path::PathBuf;

use crate::cli::output::Output;
use crate::cli::prompt::{Wanted, yes};
use crate::cli::trouble::Trouble;
use crate::mqtt::{self, MqttConfig, Protocol, Will};
use crate::secret::Secret;

use super::answer;

const USUAL: &str = "mqtt://localhost:1883";

/// A broker, as typed.
pub(super) struct Broker {
    pub(super) url: String,
    pub(super) user: Option<(String, Secret<String>)>,
}

pub(super) async fn ask(output: &Output) -> Result<Broker, Trouble> {
    output.aside("\nThe MQTT broker that Home Assistant uses:\n");
    let mut usual = USUAL.to_owned();
    loop {
        let typed = answer(
            "Address (mqtt://HOST, mqtts://HOST, unix:///PATH)",
            &usual,
            output,
        )
        .await?;
        let url = if typed.contains("://") {
            typed
        } else {
            format!("mqtt://{typed}")
        };
        let username = answer("User name there (empty: none)", "", output).await?;
        let user = if username.is_empty() {
            None
        } else {
            let wanted = Wanted {
                what: "password there",
                flag: "--config",
            };
            Some((username, wanted.get(None, output).await?))
        };
        let broker = Broker { url, user };
        output.progress.doing("connecting to the broker");
        match mqtt::probe(&options(&broker)).await {
            Ok(address) => {
                output.aside(&format!("connected: {address}\n"));
                return Ok(broker);
            }
            Err(reason) => output.complain(&reason),
        }
        if yes(
            "Use it anyway, and look for the cause later?",
            false,
            output,
        )
        .await?
        {
            return Ok(broker);
        }
        usual = broker.url;
    }
}

fn options(broker: &Broker) -> MqttConfig {
    let id = std::process::id();
    let (username, password) = broker.user.clone().unzip();
    let none: Option<PathBuf> = None;
    MqttConfig {
        url: broker.url.clone(),
        username,
        password,
        ca_file: none.clone(),
        client_cert_file: none.clone(),
        client_key_file: none,
        // Of its own, so that a bridge that runs meanwhile keeps its link.
        client_id: format!("gizwits2mqtt-setup-{id}"),
        protocol: Protocol::V5,
        will: Will {
            topic: "gizwits2mqtt/bridge/setup".into(),
            payload: "offline".into(),
        },
    }
}
