//! Outcomes of calls whose command is over: they say nothing of another command.

use std::time::Duration;

use super::tests::{Town, name, settings, spa};
use super::*;
use crate::bridge::SocketEvent;
use crate::bridge::effect::CloudCall;
use crate::bridge::input::{CallOutcome, Input, Reply};

#[test]
fn the_outcome_of_a_call_says_nothing_of_another_command_of_its_device() {
    let failed = |class| -> CallOutcome {
        Err(CallError {
            class,
            code: Some(9041),
            retry_after: Some(Duration::ZERO),
            message: "late".into(),
        })
    };
    for outcome in [
        Ok(Reply::Done),
        failed(ErrorClass::Throttled),
        failed(ErrorClass::Unsent),
        failed(ErrorClass::Refused),
    ] {
        let mut town = Town::new();
        town.socket(SocketEvent::Down {
            reason: "gone".into(),
        });
        town.set(40);
        let (old, _) = town.calls.pop().unwrap();
        // The device leaves and joins again while its call is on the way.
        let mut without = settings();
        let home = without.accounts.get_mut(&name()).unwrap();
        home.exclude.insert(spa());
        town.tell(Input::Reconfigure(Box::new(without)));
        assert_eq!(town.result()["status"], "error");
        town.lists_the_spa();
        town.tell(Input::Reconfigure(Box::new(settings())));
        town.run_for(0);
        town.lists_the_spa();
        town.set(41);
        let is_control = |call: &CloudCall| call.kind() == "control";
        let newer = town.calls.iter().position(|(_, call)| is_control(call));
        let (newer, _) = town.calls.remove(newer.unwrap());
        town.tell(Input::CallDone {
            account: name(),
            id: old,
            outcome: outcome.clone(),
        });
        assert_eq!(town.published("g/spa/result"), [""; 0], "{outcome:?}");
        // Whatever that means for the account: one call is under way, and no second one leaves.
        for _ in 0..40 {
            town.run_for(500);
            assert_eq!(town.controls(), 0, "{outcome:?}");
        }
        town.tell(Input::CallDone {
            account: name(),
            id: newer,
            outcome: failed(ErrorClass::Refused),
        });
        assert_eq!(town.result()["error"], "late");
    }
}
