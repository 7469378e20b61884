//! What the core makes of a broker that refuses, and of strangers that want answers.

use std::collections::BTreeMap;

use super::effect::Effect;
use super::input::{Input, Message, ReplyTo};
use super::town::{Town, s};

#[test]
fn a_bridge_whose_command_filters_are_refused_is_not_ready_and_says_so() {
    let mut town = Town::new(&[("home", 1)], |_| {});
    town.run_until(s(30));
    assert_eq!(town.bridge.why_not_ready(), None);
    let refused = |filter: &str| {
        Input::SubscriptionsRefused(BTreeMap::from([(
            filter.to_owned(),
            "NotAuthorized".to_owned(),
        )]))
    };
    town.tell(refused("homeassistant/status"));
    assert_eq!(town.bridge.why_not_ready(), None, "commands arrive");
    town.tell(refused("g/+/set"));
    let reason = town.bridge.why_not_ready().unwrap();
    assert!(
        reason.contains("g/+/set") && reason.contains("NotAuthorized"),
        "{reason}"
    );
    let (_, info) = town.infos.last().unwrap();
    assert_eq!(
        info["mqtt"]["refused_subscriptions"]["g/+/set"],
        "NotAuthorized"
    );
    town.tell(Input::SubscriptionsRefused(BTreeMap::new()));
    assert_eq!(town.bridge.why_not_ready(), None);
    town.tell(refused("g/+/set"));
    town.tell(Input::MqttDown { reason: "x".into() });
    town.tell(Input::MqttUp);
    assert_eq!(
        town.bridge.why_not_ready(),
        None,
        "a new link is asked anew"
    );
}

#[test]
fn an_answer_goes_to_no_topic_that_the_bridge_or_home_assistant_keeps() {
    let mut town = Town::new(&[("home", 1)], |_| {});
    town.run_until(s(30));
    for (response, is_taken) in [
        ("me/answers", true),
        ("g/bridge/response/health", true),
        ("g/bridge/state", false),
        ("g/pool/availability", false),
        ("g", false),
    ] {
        let message = Message {
            topic: "g/nobody/set".into(),
            payload: b"{}".to_vec(),
            retained: false,
            reply: Some(ReplyTo {
                topic: response.into(),
                correlation: None,
            }),
        };
        let effects = town
            .bridge
            .handle(super::town::at(town.now), Input::Message(message));
        let topics: Vec<&str> = effects
            .iter()
            .filter_map(|effect| {
                let Effect::Publish(message) = effect else {
                    return None;
                };
                Some(message.topic.as_str())
            })
            .collect();
        assert_eq!(
            topics.contains(&response),
            is_taken,
            "{response}: {topics:?}"
        );
        assert!(topics.contains(&"g/nobody/result"), "{topics:?}");
    }
}
