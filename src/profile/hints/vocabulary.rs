//! Words that several lines of the table of measures share.

/// Warmth, as products spell it; `cur_tempH` and `cur_tempL` are halves of a number.
pub(super) const TEMPERATURE: &[&str] = &[
    "temp*",
    "*temp",
    "*temperature",
    "tnow",
    "tset",
    "温度",
    "水温",
    "室温",
    "℃",
    "°c",
];
/// What has `temp` in its name and is no warmth, or says nothing of its unit.
pub(super) const NO_TEMPERATURE: &[&str] = &[
    "color",
    "colour",
    "color*",
    "colour*",
    "色温",
    "com",
    "temph",
    "templ",
    "h$",
    "l$",
    "time*",
    "timer*",
    "mode*",
    "step*",
    "unit*",
    "num*",
    "speed*",
    "template*",
    "humi*",
    "switch*",
    "state*",
    "功率",
    "单位",
    "时间",
    "模式",
];
/// Differences of two temperatures.
pub(super) const DIFFERENCE: &[&str] = &[
    "offset*",
    "diff*",
    "delta*",
    "hyst*",
    "compensat*",
    "calib*",
    "correct*",
    "补偿",
    "回差",
    "温差",
    "校准",
    "校正",
    "偏差",
];
/// Time, as an amount.
pub(super) const TIME: &[&str] = &[
    "time*",
    "*time",
    "timer*",
    "delay*",
    "countdown*",
    "count_down",
    "duration*",
    "remain*",
    "appm",
    "appoint*",
    "interval*",
    "run*",
    "work*",
    "boost*",
    "period*",
    "cycle*",
    "时间",
    "时长",
    "倒计时",
    "延时",
    "定时",
    "预约",
    "剩余",
    "间隔",
    "间隙",
    "周期",
    "持续",
    "天数",
];
/// Time that has added up.
pub(super) const RUN_TIME: &[&str] = &[
    "*runtime",
    "run_time*",
    "running_time*",
    "*accumul*",
    "accumul*",
    "total_time",
    "累计",
    "运行时间",
    "工作时间",
    "运行时长",
];
pub(super) const MINUTES: &[&str] = &["min$", "mins", "minute$", "minutes", "分钟"];
pub(super) const SECONDS: &[&str] = &["sec$", "secs", "second$", "seconds", "秒"];
pub(super) const HOURS: &[&str] = &["hr$", "hrs", "hour$", "hours", "小时"];
pub(super) const DAYS: &[&str] = &["day$", "days", "天", "天数"];
pub(super) const PERCENT: &[&str] = &["%", "％", "percent*", "pct", "百分"];
/// How well it is heard.
pub(super) const SIGNAL: &[&str] = &["rssi", "signal*", "*signal", "信号"];
