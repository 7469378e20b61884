//! What a bool that is only shown says, if that is plain.
//!
//! Home Assistant says "open" or "wet" for on, so a name that may mean the contrary gets no class: of a lock
//! it takes on for unlocked, where `locked` means the opposite.

use crate::model::{Access, Datapoint};

use super::words::Words;

/// A class of binary sensors, by words of which one must be there, and by some of which none may be.
struct Condition {
    class: &'static str,
    words: &'static [&'static str],
    but: &'static [&'static str],
}

const fn condition(class: &'static str, words: &'static [&'static str]) -> Condition {
    Condition {
        class,
        words,
        but: &[
            "enable*", "count*", "mode*", "set", "switch", "test*", "使能",
        ],
    }
}

/// Of alarms and states alike.
const DANGERS: &[Condition] = &[
    condition(
        "moisture",
        &["leak*", "water_leak*", "flood*", "漏水", "浸水"],
    ),
    condition("smoke", &["smoke*", "烟雾", "烟感"]),
    condition("gas", &["gas", "gas_leak*", "gas_alarm*", "燃气", "煤气"]),
    condition(
        "battery",
        &[
            "low_batt*",
            "batt*_low",
            "battery_low",
            "lowbatt*",
            "低电量",
            "电量低",
        ],
    ),
    condition("tamper", &["tamper*", "防拆"]),
];

/// Of states alone.
const STATES: &[Condition] = &[
    condition(
        "door",
        &[
            "door_open*",
            "door",
            "door_state",
            "door_status",
            "门磁",
            "开门",
            "门开",
        ],
    )
    .but(&["close*", "closed", "lock*", "关门", "门锁"]),
    condition(
        "window",
        &["window_open*", "window", "window_state", "开窗", "窗开"],
    )
    .but(&["close*", "关窗"]),
    condition(
        "motion",
        &["motion", "pir", "infrared_detect*", "人体感应", "人体移动"],
    ),
    condition("occupancy", &["presence", "occupan*", "somebody", "有人"]),
    condition(
        "connectivity",
        &["online", "connected", "wifi_connected", "在线"],
    ),
    condition("battery_charging", &["charging", "充电中", "正在充电"]),
    condition(
        "running",
        &["running", "*compressor", "compressor*", "运行中", "压缩机"],
    ),
    condition(
        "problem",
        &[
            "water_full",
            "tank_full",
            "water_short*",
            "lack_water",
            "water_lack*",
            "no_water",
            "水满",
            "缺水",
            "fault*",
            "error*",
            "alarm*",
            "故障",
            "报警",
            "告警",
        ],
    ),
];

impl Condition {
    const fn but(self, but: &'static [&'static str]) -> Self {
        Self { but, ..self }
    }

    fn holds(&self, words: &Words) -> bool {
        words.any(self.words) && !words.any(self.but)
    }
}

/// The class of a bool that is only shown; whatever is an alarm is at least a problem.
#[must_use]
pub fn class(datapoint: &Datapoint) -> Option<&'static str> {
    let words = Words::of(datapoint);
    let is_alarm = matches!(datapoint.access, Access::Alert | Access::Fault);
    let of = |conditions: &'static [Condition]| {
        let mut conditions = conditions.iter();
        conditions
            .find(|condition| condition.holds(&words))
            .map(|found| found.class)
    };
    match datapoint.access {
        // "Smoke sensor failure" is a fault of the sensor.
        Access::Fault => Some("problem"),
        Access::Alert => of(DANGERS).or(Some("problem")),
        Access::ReadOnly => of(DANGERS).or_else(|| of(STATES)),
        Access::Writable | Access::Inferred => None,
    }
    .filter(|_| is_alarm || datapoint.access == Access::ReadOnly)
}

/// Does it warn of what a person must see to, and not only of the device itself?
#[must_use]
pub fn is_danger(class: &str) -> bool {
    matches!(class, "moisture" | "smoke" | "gas")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::hints::testing::datapoint;

    #[test]
    fn a_bool_has_a_class_only_where_on_means_the_same_to_both() {
        for (kind, name, label, want) in [
            ("fault", "E01", "", Some("problem")),
            ("fault", "smoke_sensor", "烟雾传感器故障", Some("problem")),
            ("alert", "OverTemp", "过温", Some("problem")),
            ("alert", "water_leak", "", Some("moisture")),
            ("status_readonly", "smoke", "", Some("smoke")),
            ("status_readonly", "door", "", Some("door")),
            ("status_readonly", "door_closed", "", None),
            ("status_readonly", "door_lock", "", None),
            ("status_readonly", "locked", "", None),
            ("status_readonly", "Infrared", "", None),
            (
                "status_readonly",
                "Infrared",
                "Infrared detection",
                Some("motion"),
            ),
            ("status_readonly", "infrared_detected", "", Some("motion")),
            ("status_readonly", "x", "有人", Some("occupancy")),
            ("status_readonly", "tank_full", "", Some("problem")),
            ("status_readonly", "Out_Compressor", "", Some("running")),
            ("status_readonly", "power", "", None),
            ("status_readonly", "pH_OUT", "", None),
            ("status_writable", "window", "", None),
        ] {
            let attr =
                json!({ "name": name, "display_name": label, "type": kind, "data_type": "bool" });
            assert_eq!(class(&datapoint(&attr)), want, "{kind} {name} {label}");
        }
    }
}
