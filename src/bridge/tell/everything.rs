//! All retained topics, after a reconnect, Home Assistant's birth, a reload or a loss.

use std::time::Duration;

use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::bridge::republish::Round;
use crate::clock::Now;
use crate::ids::Did;

/// What a round offers next.
enum Item {
    /// A topic level of an earlier run.
    Level(String),
    Device(Did, Duration),
    Rest,
}

impl Bridge {
    /// Begins to offer all retained topics. Discovery messages are sent anew, each at a moment of its own
    /// within `spread`; of the other topics only those go out that the publisher does not know to be there.
    pub(in crate::bridge) fn offer_all(
        &mut self,
        now: Now,
        spread: Duration,
        out: &mut Vec<Effect>,
    ) {
        self.publish_info(out);
        let delay = spread.mul_f64(self.chance.f64());
        self.bridge_announcing.renew(now.mono, delay);
        self.republish.begin(Round {
            spread,
            levels: self.registry.remembered_levels(self.settings.shard),
            last: None,
        });
    }

    /// Offers the next slice.
    pub(in crate::bridge) fn offer_next(&mut self, now: Now, out: &mut Vec<Effect>) {
        while self.republish.has_room()
            && let Some(item) = self.next_item()
        {
            match item {
                Item::Level(level) => {
                    // What an earlier run said of a device that is not known again yet must not count as true.
                    if self.registry.at_level(&level).is_none() {
                        let topic = self.topics.below_device(&level, "availability");
                        self.publisher.retain(topic, b"offline".to_vec(), out);
                    }
                    self.republish.offered(out);
                }
                Item::Device(did, spread) => {
                    let delay = spread.mul_f64(self.chance.f64());
                    self.announcer.renew(&did, now.mono, delay);
                    self.publish_device(now, &did, out);
                    self.publish_schedules(&did, out);
                    self.republish.offered(out);
                }
                Item::Rest => {
                    self.publish_inventory(now, out);
                    self.publisher
                        .retain(self.topics.bridge("state"), b"online".to_vec(), out);
                }
            }
        }
    }

    fn next_item(&mut self) -> Option<Item> {
        let round = self.republish.round_mut()?;
        if let Some(level) = round.levels.pop() {
            return Some(Item::Level(level));
        }
        let Some(did) = self.registry.next_after(round.last.as_ref()).cloned() else {
            self.republish.end();
            return Some(Item::Rest);
        };
        round.last = Some(did.clone());
        Some(Item::Device(did, round.spread))
    }
}
