//! All retained topics at once, after a reconnect or Home Assistant's birth.

use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::clock::Now;

impl Bridge {
    /// All retained topics but discovery, which has a timing of its own. Only what the publisher
    /// does not know to be there goes out.
    pub(in crate::bridge) fn publish_everything(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.publish_info(out);
        // What an earlier run said of devices that are not known again yet must not count as true.
        for level in self.registry.remembered_levels() {
            let topic = self.topics.below_device(&level, "availability");
            self.publisher.retain(topic, b"offline".to_vec(), out);
        }
        for did in self.registry.dids() {
            self.publish_device(now, &did, out);
            self.publish_schedules(&did, out);
        }
        self.publish_inventory(now, out);
        self.publisher
            .retain(self.topics.bridge("state"), b"online".to_vec(), out);
    }
}
