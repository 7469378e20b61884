//! Whether a datapoint is for every day, for settling in, for finding faults, or for nobody.

use crate::model::{DataType, Datapoint};

use super::words::Words;

/// Packed schedules, clocks, reserves and internals, of no use as an entity unless somebody asks for it:
/// `p1_data1` (Heatzy), `time_week`, `ee…`, `word0`, `option0`, `bit2` (Bestway).
#[must_use]
pub fn is_internal(datapoint: &Datapoint) -> bool {
    let name = datapoint.name.as_str().to_lowercase();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let numbered = |prefix: &str| name.strip_prefix(prefix).is_some_and(is_number);
    let plan = name
        .strip_prefix('p')
        .and_then(|rest| rest.split_once("_data"))
        .is_some_and(|(day, slot)| is_number(day) && is_number(slot));
    let clock = [
        "time_week",
        "time_hour",
        "time_min",
        "week",
        "hour",
        "minute",
    ];
    plan || clock.contains(&name.as_str())
        || ["word", "option", "bit", "ee"]
            .iter()
            .any(|prefix| numbered(prefix))
        || (numbered("timer") && datapoint.data_type != DataType::Bool)
        || Words::of(datapoint).any(UNUSED)
        || is_of_the_app(datapoint)
}

const UNUSED: &[&str] = &[
    "reserv*", "unused", "spare", "dummy", "debug*", "test", "保留", "预留", "备用", "调试", "测试",
];

/// "The timer sends data": what the app is told, and nobody can set with sense.
fn is_of_the_app(datapoint: &Datapoint) -> bool {
    datapoint.display_name.ends_with("发数据") || datapoint.display_name.ends_with("发送数据")
}

/// Something that is set once, not day by day.
#[must_use]
pub fn is_setting(datapoint: &Datapoint) -> bool {
    let words = Words::of(datapoint);
    // A preset is what a person chooses every day.
    let preset = words.any(&["preset*"]);
    words.any(SETTINGS)
        || (words.any(&["*reset*", "reset*", "重置", "复位", "恢复出厂"]) && !preset)
}

const SETTINGS: &[&str] = &[
    "timer*",
    "*timer",
    "calib*",
    "cal",
    "calset",
    "calsw",
    "*unit",
    "c_f",
    "f_c",
    "fahrenheit*",
    "unit*",
    "interval*",
    "lock*",
    "childlock*",
    "keylock*",
    "offset*",
    "compensat*",
    "hyst*",
    "differ*",
    "correct*",
    "sensitiv*",
    "beep*",
    "buzzer*",
    "language*",
    "backlight*",
    "delay*",
    "limit*",
    "max$",
    "min$",
    "校准",
    "定时",
    "童锁",
    "补偿",
    "回差",
    "蜂鸣",
    "背光",
    "语言",
    "单位",
    "延时",
    "灵敏度",
    "上限",
    "下限",
];

/// A fact about the device itself.
#[must_use]
pub fn is_fact(datapoint: &Datapoint) -> bool {
    Words::of(datapoint).any(&[
        "ver",
        "*version",
        "version*",
        "firmware*",
        "fw",
        "hw",
        "rssi",
        "err*",
        "error*",
        "fault*",
        "版本",
        "固件",
        "故障",
        "代码",
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::hints::testing::datapoint;

    #[test]
    fn plans_and_internals_are_told_from_what_only_sounds_so() {
        for (name, internal, setting, fact) in [
            ("p1_data12", true, false, false),
            ("pump_data", false, false, false),
            ("word7", true, false, false),
            ("wording", false, false, false),
            ("Timer3", true, true, false),
            ("time_week", true, false, false),
            ("reserved_1", true, false, false),
            ("Preset_mode", false, false, false),
            ("Reset_set", false, true, false),
            ("lock_switch", false, true, false),
            ("temp_set_unit", false, true, false),
            ("clock", false, false, false),
            ("mcu_version", false, false, true),
            ("overheat", false, false, false),
        ] {
            let point = datapoint(&json!({ "name": name, "data_type": "uint8" }));
            let found = (is_internal(&point), is_setting(&point), is_fact(&point));
            assert_eq!(found, (internal, setting, fact), "{name}");
        }
    }
}
