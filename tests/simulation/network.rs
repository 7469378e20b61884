//! The way to the cloud and back: late, lost on either leg, or told twice.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place looks at the variants that it is about"
)]

use std::time::Duration;

use gizwits2mqtt::bridge::{CallError, CallOutcome, CloudCall, ErrorClass, Input, Reply};
use gizwits2mqtt::ids::{AccountName, CallId};
use gizwits2mqtt::model::Region;

use serde_json::Value;

use super::process::Session;
use super::universe::Universe;

/// The HTTP edge gives up then.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How bad it is, for how long.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Network {
    pub(crate) until: Duration,
    /// Of a hundred messages, so many are lost,
    pub(crate) lost: u32,
    /// and so many come twice.
    pub(crate) doubled: u32,
    /// The longest that a message takes.
    pub(crate) slowest_ms: u64,
}

/// A call on its way.
pub(crate) struct Flight {
    pub(crate) at: Duration,
    pub(crate) account: AccountName,
    pub(crate) id: CallId,
    pub(crate) what: String,
    life: u32,
    sent_at: Duration,
    leg: Leg,
}

enum Leg {
    /// To the cloud, with a token.
    There(CloudCall, Option<String>),
    /// Home, perhaps with a new token.
    Back(Box<CallOutcome>, Option<Session>),
}

impl Flight {
    pub(crate) const fn is_on_its_way_to_the_cloud(&self) -> bool {
        matches!(self.leg, Leg::There(..))
    }
}

pub(crate) fn error(class: ErrorClass, code: Option<u16>, message: &str) -> CallError {
    CallError {
        class,
        code,
        retry_after: None,
        message: message.into(),
    }
}

fn no_answer() -> Leg {
    let err = error(ErrorClass::Transient, None, "no answer");
    Leg::Back(Box::new(Err(err)), None)
}

impl Universe {
    /// A call leaves.
    pub(crate) fn send(
        &mut self,
        account: AccountName,
        region: Region,
        id: CallId,
        call: CloudCall,
    ) {
        self.note(|| match &call {
            CloudCall::Control { did, attrs } => {
                format!("call {id} control {did} {}", Value::from(attrs.to_json()))
            }
            CloudCall::Latest { did } => format!("call {id} latest {did}"),
            _ => format!("call {id} {}", call.kind()),
        });
        self.calls += 1;
        self.check_call(&account, id, &call);
        let what = what_of(&account, &call);
        if what.starts_with("login") || what.starts_with("command") {
            self.check_one_at_a_time(&what);
        }
        let is_empty = self.empty_region == Some(region);
        let is_cut = self.cut == Some((account.as_str(), call.kind()));
        let mut flight = Flight {
            at: self.now + self.leg(),
            account,
            id,
            what,
            life: self.here.life,
            sent_at: self.now,
            leg: no_answer(),
        };
        if is_empty && matches!(call, CloudCall::Bindings { .. }) {
            let nothing = Reply::Bindings {
                devices: Vec::new(),
                rows: 0,
                unreadable: Vec::new(),
            };
            flight.leg = Leg::Back(Box::new(Ok(nothing)), None);
        } else if !self.cloud_is_reachable || is_cut {
            let err = error(ErrorClass::Unsent, None, "no connection");
            flight.leg = Leg::Back(Box::new(Err(err)), None);
        } else if self.is_lost() {
            flight.at = self.now + TIMEOUT;
        } else {
            flight.leg = {
                let token = self.here.token(&flight.account);
                Leg::There(call, token)
            };
        }
        self.here.flights.push(flight);
    }

    pub(crate) fn check_one_at_a_time(&self, what: &str) {
        let mut flights = self.here.flights.iter();
        if flights.any(|other| other.what == what && other.life == self.here.life) {
            self.fail("one at a time", what.to_owned());
        }
    }

    /// The first flight arrives, there or at home.
    pub(crate) fn land(&mut self) {
        let flights = self.here.flights.iter().enumerate();
        let first = flights.min_by_key(|(_, flight)| flight.at);
        let Some((at, _)) = first else { return };
        let mut flight = self.here.flights.swap_remove(at);
        match flight.leg {
            Leg::There(call, token) => {
                let outcome = self.ask_cloud_as(&flight.account, &call, token.as_deref());
                // Taken at once: what a process that is gone would have got is no other's.
                let session = self.fresh.take();
                if flight.life != self.here.life || self.here.is_down {
                    return;
                }
                self.laws.said(self.now, &call, &outcome);
                let back = self.now + self.leg() + std::mem::take(&mut self.late);
                let gives_up = flight.sent_at + TIMEOUT;
                let hangs = matches!(&outcome, Err(err) if err.message == "hang");
                if hangs || back >= gives_up || self.is_lost() {
                    flight.at = gives_up;
                    flight.leg = no_answer();
                } else {
                    flight.at = back;
                    flight.leg = Leg::Back(Box::new(outcome), session);
                }
                self.here.flights.push(flight);
            }
            Leg::Back(..) if flight.life != self.here.life || self.here.is_down => {}
            Leg::Back(outcome, session) => {
                let outcome = *outcome;
                if let Some(session) = session {
                    self.keep(&flight.account, session, &outcome);
                }
                self.arrives(&flight.account, flight.id, outcome);
            }
        }
    }

    fn arrives(&mut self, account: &AccountName, id: CallId, outcome: CallOutcome) {
        self.note(|| match &outcome {
            Ok(Reply::Latest { updated_at, attrs }) => {
                let attrs = Value::from(attrs.clone());
                format!("call {id} answers {attrs} of {updated_at}")
            }
            Ok(_) => format!("call {id} is answered"),
            Err(err) => format!("call {id} failed: {err}, {:?}", err.class),
        });
        self.check_answer(id, &outcome);
        let input = Input::CallDone {
            account: account.clone(),
            id,
            outcome,
        };
        if self.chance.u32(0..100) < self.trouble_now().doubled {
            self.tell(input.clone());
        }
        self.tell(input);
    }

    /// The edge keeps it on disk, too.
    fn keep(&mut self, account: &AccountName, session: Session, outcome: &CallOutcome) {
        self.here.sessions.insert(account.clone(), session);
        if let Ok(Reply::LoggedIn { expires_at, .. }) = outcome {
            let settings = self.here.settings.accounts.get(account);
            let regions = settings.map(|settings| settings.regions.as_slice());
            if let Some([region]) = regions {
                let entry = (*region, *expires_at);
                self.here.saved.tokens.insert(account.clone(), entry);
            }
        }
    }

    pub(crate) fn trouble_now(&self) -> Network {
        if self.now < self.network.until {
            self.network
        } else {
            Network::default()
        }
    }

    pub(crate) fn is_lost(&mut self) -> bool {
        let lost = self.trouble_now().lost;
        lost > 0 && self.chance.u32(0..100) < lost
    }

    /// How long one message takes.
    fn leg(&mut self) -> Duration {
        let slowest = self.trouble_now().slowest_ms.max(750);
        Duration::from_millis(self.chance.u64(10..slowest))
    }
}

/// One command to one device at a time, and one login.
fn what_of(account: &AccountName, call: &CloudCall) -> String {
    match call {
        CloudCall::Control { did, .. } | CloudCall::Raw { did, .. } => format!("command {did}"),
        CloudCall::Login => format!("login {account}"),
        CloudCall::Bindings { .. }
        | CloudCall::Schema { .. }
        | CloudCall::Latest { .. }
        | CloudCall::Bind(_)
        | CloudCall::BindByMac(_)
        | CloudCall::Unbind(_)
        | CloudCall::Schedules { .. }
        | CloudCall::AddSchedule(_)
        | CloudCall::RemoveSchedule(_)
        | CloudCall::ScheduleLog(_) => call.kind().to_owned(),
    }
}
