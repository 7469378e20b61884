//! Icons of Material Design, by a datapoint's words. Where a device class has an icon, that one stays.

use crate::model::Datapoint;

use super::words::Words;

/// The first line of which a word is there counts, so what is special stands first.
const ICONS: &[(&str, &[&str])] = &[
    (
        "mdi:lock",
        &["lock*", "childlock*", "keylock*", "童锁", "锁"],
    ),
    (
        "mdi:restore",
        &["reset*", "restore*", "重置", "复位", "恢复"],
    ),
    (
        "mdi:tag-outline",
        &["ver", "version*", "firmware*", "版本", "固件"],
    ),
    ("mdi:wifi", &["rssi", "wifi*", "signal*", "信号"]),
    (
        "mdi:temperature-celsius",
        &["*unit", "temp_unit", "c_f", "单位"],
    ),
    ("mdi:beaker-check", &["calib*", "calset", "calsw", "校准"]),
    ("mdi:fish", &["feed*", "*feed", "喂食", "投喂"]),
    ("mdi:food-drumstick", &["portion*", "deal", "份量"]),
    (
        "mdi:calendar-clock",
        &[
            "schedule*",
            "timer_on",
            "timer_switch",
            "timeon",
            "time_onoff",
            "定时开关",
            "program*",
            "预约",
        ],
    ),
    (
        "mdi:timer-outline",
        &[
            "timer*",
            "*timer",
            "countdown*",
            "delay*",
            "duration*",
            "interval*",
            "倒计时",
            "定时",
            "延时",
            "时长",
            "间隔",
            "间隙",
        ],
    ),
    ("mdi:white-balance-sunny", &["kelvin", "色温"]),
    ("mdi:palette", &["color", "colour", "颜色", "彩云"]),
    ("mdi:thermometer", &["temp*", "*temp", "温度"]),
    (
        "mdi:brightness-6",
        &["bright*", "*brightness", "dim*", "亮度", "调光"],
    ),
    (
        "mdi:moon-waning-crescent",
        &["moon*", "lunar*", "月光", "月相", "月运", "月圆"],
    ),
    ("mdi:weather-night", &["night*", "sleep*", "夜", "睡眠"]),
    ("mdi:weather-sunset-up", &["sunrise*", "日出"]),
    ("mdi:weather-sunset-down", &["sunset*", "日落"]),
    ("mdi:weather-sunny", &["daylight", "白天"]),
    (
        "mdi:led-strip-variant",
        &[
            "led*", "uv", "red", "green", "blue*", "white*", "violet", "purple", "红", "绿", "蓝",
            "紫", "白光", "冷白", "暖白",
        ],
    ),
    ("mdi:heart-pulse", &["heart*", "心率"]),
    ("mdi:window-open-variant", &["window*", "窗"]),
    ("mdi:lightbulb", &["light*", "lamp*", "*light", "灯"]),
    (
        "mdi:fan",
        &[
            "fan*",
            "wind",
            "windspeed*",
            "wind_speed",
            "*fan",
            "风扇",
            "风速",
            "风机",
            "送风",
        ],
    ),
    (
        "mdi:arrow-oscillating",
        &["swing*", "oscillat*", "摆风", "摇头"],
    ),
    ("mdi:chart-bubble", &["bubble*", "massage*", "气泡", "按摩"]),
    ("mdi:hydro-power", &["jet*", "水疗"]),
    (
        "mdi:waves",
        &["wave*", "pulse_tide", "tide*", "造浪", "潮汐", "脉冲"],
    ),
    ("mdi:sine-wave", &["freq*", "frequency", "频率"]),
    (
        "mdi:snowflake",
        &[
            "cool*", "defrost*", "frost*", "freez*", "制冷", "除霜", "防冻",
        ],
    ),
    (
        "mdi:radiator",
        &["heat*", "*heat", "boiler*", "加热", "制热", "采暖"],
    ),
    ("mdi:air-filter", &["filter*", "*filter", "滤"]),
    (
        "mdi:cup-water",
        &["water_level*", "tank*", "水位", "水箱", "液位"],
    ),
    (
        "mdi:pump",
        &["pump*", "*pump", "motor*", "泵", "电机", "马达"],
    ),
    ("mdi:gauge", &["flow*", "*flow", "流量", "流速"]),
    (
        "mdi:speedometer",
        &["speed*", "*speed", "gear*", "rpm", "转速", "档位"],
    ),
    ("mdi:water-percent", &["humi*", "湿度", "加湿", "除湿"]),
    ("mdi:water", &["water*", "水"]),
    ("mdi:leaf", &["eco", "energy_sav*", "power_sav*", "节能"]),
    (
        "mdi:volume-high",
        &[
            "beep*", "buzzer*", "sound*", "volume*", "voice*", "蜂鸣", "声音", "音量",
        ],
    ),
    ("mdi:translate", &["language*", "语言"]),
    ("mdi:rocket-launch", &["boost*", "turbo*", "强力"]),
    ("mdi:pause", &["pause*", "暂停"]),
    ("mdi:hand-back-right", &["manual*", "手动"]),
    (
        "mdi:link-variant",
        &["link*", "master*", "slave*", "联动", "主机", "从机", "同步"],
    ),
    ("mdi:tune-variant", &["mode*", "*mode", "preset*", "模式"]),
    (
        "mdi:power",
        &["power*", "switch*", "onoff", "on_off", "开关", "电源"],
    ),
    (
        "mdi:clock-outline",
        &["time*", "*time", "clock*", "hour*", "minute*", "时间"],
    ),
    (
        "mdi:alert-circle-outline",
        &["err*", "error*", "fault*", "故障", "错误"],
    ),
];

/// The icon that a datapoint's words suggest.
#[must_use]
pub fn icon(datapoint: &Datapoint) -> Option<&'static str> {
    let words = Words::of(datapoint);
    let found = ICONS.iter().find(|(_, names)| words.any(names));
    found.map(|(icon, _)| *icon)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::hints::testing::datapoint;

    #[test]
    fn the_special_word_has_the_icon() {
        for (name, label, want) in [
            ("Motor_Speed", "", Some("mdi:pump")),
            ("fan_speed", "", Some("mdi:fan")),
            ("FeedTime", "", Some("mdi:fish")),
            ("TimerON", "定时开关", Some("mdi:calendar-clock")),
            ("child_lock", "", Some("mdi:lock")),
            ("clock", "", Some("mdi:clock-outline")),
            ("wave_power", "", Some("mdi:waves")),
            ("x", "水泵", Some("mdi:pump")),
            ("water_pump", "", Some("mdi:pump")),
            ("Colour_Temp_Power", "", Some("mdi:palette")),
            ("cur_temp_set", "", Some("mdi:thermometer")),
            ("xyz", "", None),
        ] {
            let point = datapoint(&json!({ "name": name, "display_name": label }));
            assert_eq!(icon(&point), want, "{name} {label}");
        }
    }
}
