//! Which part of a device a datapoint could be: its power, its speed, its target, a colour of its light.

use crate::model::Datapoint;

use super::measures::is_temperature;
use super::words::Words;

/// What switches the whole device. `heat_power` switches a part of it.
#[must_use]
pub fn is_power(datapoint: &Datapoint) -> bool {
    Words::of(datapoint).is(&[
        "power",
        "switch",
        "switchon",
        "on_off",
        "onoff",
        "power_switch",
        "powerswitch",
        "power_on",
        "power_onoff",
        "开关",
        "电源",
        "开机/关机",
        "开/关机",
        "开关机",
        "电源开关",
        "设备开关",
        "总开关",
    ])
}

/// What switches a light.
#[must_use]
pub fn is_light_power(datapoint: &Datapoint) -> bool {
    Words::of(datapoint).is(&[
        "light",
        "led",
        "lamp",
        "light_switch",
        "led_switch",
        "light_on",
        "led_on",
        "led_onoff",
        "light_onoff",
        "灯",
        "灯光",
        "灯开关",
        "灯光开关",
    ])
}

/// How fast it turns or flows.
#[must_use]
pub fn is_speed(datapoint: &Datapoint) -> bool {
    let words = Words::of(datapoint);
    words.any(&["speed*", "*speed", "gear*", "风速", "转速", "风量", "档位"])
        && !words.any(&["auto*", "定时", "unit*"])
        || words.is(&["flow", "流量"])
}

/// How it works.
#[must_use]
pub fn is_mode(datapoint: &Datapoint) -> bool {
    Words::of(datapoint).is(&[
        "mode",
        "work_mode",
        "workmode",
        "working_mode",
        "run_mode",
        "模式",
        "工作模式",
        "运行模式",
    ])
}

/// How bright.
#[must_use]
pub fn is_brightness(datapoint: &Datapoint) -> bool {
    let words = Words::of(datapoint);
    let of_a_programme = [
        "start*", "init*", "auto*", "moon*", "night*", "screen*", "初始", "起始", "定时", "月",
        "夜", "屏",
    ];
    words.any(&["bright*", "*brightness", "亮度"]) && !words.any(&of_a_programme)
}

/// Kelvin, where its range says that it is that.
#[must_use]
pub fn is_color_temperature(datapoint: &Datapoint) -> bool {
    Words::of(datapoint).any(&["kelvin", "色温", "color_temp*", "colour_temp*", "cct"])
}

/// `r`, `g`, `b`, or `x` for any other colour of a light.
#[must_use]
pub fn colour(datapoint: &Datapoint) -> Option<char> {
    let words = Words::of(datapoint);
    let colours = [
        (
            'x',
            &[
                "white*",
                "warm*",
                "violet*",
                "purple",
                "uv",
                "moonlight",
                "白",
                "紫",
                "月光",
            ][..],
        ),
        ('r', &["red", "r$", "红"]),
        ('g', &["green", "g$", "绿"]),
        ('b', &["blue", "b$", "蓝"]),
    ];
    let found = colours.iter().find(|(_, names)| words.any(names));
    found.map(|(colour, _)| *colour)
}

/// A temperature that a person sets day by day: no limit, and none of a programme.
#[must_use]
pub fn is_target_temperature(datapoint: &Datapoint) -> bool {
    let is_bound = Words::of(datapoint).any(&[
        "max*", "min*", "high*", "low*", "limit*", "upper*", "lower*", "alarm*", "protect*",
        "frost*", "anti*", "*freeze", "eco*", "night*", "away*", "上限", "下限", "最高", "最低",
        "保护", "报警", "防冻", "节能", "离家",
    ]);
    is_temperature(datapoint) && !is_bound
}

/// What is now and here, where several of a kind are measured.
#[must_use]
pub fn is_current(datapoint: &Datapoint) -> bool {
    Words::of(datapoint).any(&[
        "cur*", "now", "tnow", "room*", "indoor*", "inside*", "*now", "当前", "室内", "室温",
        "实际", "现在",
    ])
}

/// Takes water from the air, by the names of the product or of its datapoints.
#[must_use]
pub fn dries(text: &str) -> bool {
    let text = text.to_lowercase();
    ["dehum", "除湿", "抽湿"]
        .iter()
        .any(|word| text.contains(word))
}
