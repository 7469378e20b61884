//! What devices report, at once or some time after they were told something.

use serde_json::{Map, Value};

use super::world::World;

impl World {
    /// The device takes a command and will report.
    pub(super) fn command(&mut self, now_ms: i64, did: &str, attrs: Map<String, Value>) {
        let at_ms = now_ms.saturating_add(self.report_delay_ms);
        if at_ms <= now_ms {
            self.report(now_ms, did, attrs);
        } else {
            self.reports.push((at_ms, did.to_owned(), attrs));
        }
    }

    /// The device reports now.
    pub(super) fn report(&mut self, now_ms: i64, did: &str, attrs: Map<String, Value>) {
        if let Some(device) = self.device(did) {
            device.report(now_ms, attrs.clone());
            self.push_report(now_ms, did, &attrs);
        }
    }

    /// When the next report arrives.
    pub(super) fn reports_due(&self) -> Option<i64> {
        self.reports.iter().map(|(at_ms, ..)| *at_ms).min()
    }
}
