//! What a number measures, if that is plain.
//!
//! A wrong unit is worse than none: Home Assistant keeps statistics under it. So a unit counts only where
//! it is spelled, or where name and range agree.

use crate::ids::AttrName;
use crate::model::{Access, AttrValue, Datapoint, NumberSpec, ProductSchema};
use crate::profile::entity::{Condition, Range, Statistics, Test};

use super::purpose::is_internal;
use super::rule::Rule;
use super::table::RULES;
use super::unit_switch::{UnitSwitch, unit_switch};
use super::words::Words;

/// What a number measures, in Home Assistant's words.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meaning {
    /// `temperature`, `power`, …
    pub device_class: Option<&'static str>,
    /// Limits and unit; several where the device's own switch decides on the unit.
    pub ranges: Vec<Range>,
    /// What statistics make of it.
    pub statistics: Option<Statistics>,
    /// For a person who looks for a fault.
    pub is_diagnostic: bool,
}

/// A code, a version or a choice is a number without being an amount.
const NO_AMOUNT: &[&str] = &[
    "mode*",
    "*mode",
    "state*",
    "status*",
    "code*",
    "*code",
    "type*",
    "err*",
    "error*",
    "fault*",
    "ver",
    "version*",
    "firmware*",
    "fw",
    "hw",
    "id",
    "idx",
    "index*",
    "group*",
    "program*",
    "week*",
    "reserve*",
    "模式",
    "状态",
    "代码",
    "类型",
    "版本",
    "故障",
    "编号",
    "程序",
    "星期",
];

/// What a number measures; without a class and a unit where that is not plain.
#[must_use]
pub fn meaning(schema: &ProductSchema, datapoint: &Datapoint, spec: &NumberSpec) -> Meaning {
    let words = Words::of(datapoint);
    let is_amount = datapoint.access == Access::ReadOnly && !words.any(NO_AMOUNT);
    let unknown = || Meaning {
        ranges: vec![range(spec, "")],
        statistics: is_amount.then_some(Statistics::Measurement),
        ..Meaning::default()
    };
    // The limits of a guessed schema say nothing, and the hands of a clock measure nothing.
    if datapoint.access == Access::Inferred || is_internal(datapoint) {
        return unknown();
    }
    let named = || RULES.iter().filter(|rule| rule.names(&words));
    let of = |rule: &Rule, ranges| Meaning {
        device_class: Some(rule.class).filter(|class| !class.is_empty()),
        ranges,
        statistics: is_amount.then_some(rule.statistics()),
        is_diagnostic: rule.is_diagnostic,
    };
    if let Some(rule) = named().find(|rule| rule.class.starts_with("temperature")) {
        match unit_switch(schema) {
            UnitSwitch::None => {}
            UnitSwitch::Unclear => return unknown(),
            UnitSwitch::Known(attr, value) if within(spec, (-100.0, 300.0)) => {
                return of(rule, switched(spec, attr, value));
            }
            UnitSwitch::Known(..) => return unknown(),
        }
    }
    let settable = datapoint.is_settable();
    let found = named().find_map(|rule| Some((rule, rule.unit(&words, spec, settable)?)));
    found.map_or_else(unknown, |(rule, unit)| of(rule, vec![range(spec, unit)]))
}

/// A temperature, whatever its unit.
#[must_use]
pub fn is_temperature(datapoint: &Datapoint) -> bool {
    is_named("temperature", datapoint)
}

/// A humidity of the air, measured or wanted.
#[must_use]
pub fn is_humidity(datapoint: &Datapoint) -> bool {
    is_named("humidity", datapoint)
}

fn is_named(class: &str, datapoint: &Datapoint) -> bool {
    let words = Words::of(datapoint);
    let mut rules = RULES.iter().filter(|rule| rule.class == class);
    rules.any(|rule| rule.names(&words))
}

/// Its limits in °C, or in °F while the device's switch of units says so.
#[must_use]
pub fn degrees(schema: &ProductSchema, spec: &NumberSpec) -> Vec<Range> {
    match unit_switch(schema) {
        UnitSwitch::Known(attr, value) => switched(spec, attr, value),
        UnitSwitch::None | UnitSwitch::Unclear => vec![range(spec, "°C")],
    }
}

fn switched(spec: &NumberSpec, attr: AttrName, fahrenheit: AttrValue) -> Vec<Range> {
    let when = Condition(vec![(attr, Test::OneOf(vec![fahrenheit]))]);
    let fahrenheit = Range {
        when,
        ..range(spec, "°F")
    };
    vec![fahrenheit, range(spec, "°C")]
}

/// The limits of the schema, whatever else holds.
#[must_use]
pub fn range(spec: &NumberSpec, unit: &str) -> Range {
    Range {
        min: Some(spec.min),
        max: Some(spec.max),
        step: Some(spec.ratio),
        unit: Some(unit.to_owned()).filter(|unit| !unit.is_empty()),
        ..Range::default()
    }
}

fn within(spec: &NumberSpec, (least, most): (f64, f64)) -> bool {
    least <= spec.min && spec.max <= most
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::DataType;
    use crate::profile::hints::testing::schema;

    /// `NAME LABEL|MIN..MAX/STEP`, with `=` in front where it can be set.
    fn number(line: &str) -> Value {
        let (words, range) = line.split_once('|').unwrap();
        let (set, words) = (words.starts_with('='), words.trim_start_matches('='));
        let (name, label) = words.split_once(' ').unwrap_or((words, ""));
        let (range, step) = range.split_once('/').unwrap_or((range, "1"));
        let (min, max) = range.split_once("..").unwrap();
        let number = |text: &str| text.parse::<f64>().unwrap();
        let step = number(step);
        let kind = if number(min) < 0.0 { "int32" } else { "uint32" };
        json!({
            "name": name, "display_name": label, "data_type": kind,
            "type": if set { "status_writable" } else { "status_readonly" },
            "uint_spec": { "min": number(min) / step, "max": number(max) / step, "ratio": step },
        })
    }

    fn of(attrs: &Value) -> Meaning {
        let schema = schema(attrs);
        let datapoint = &schema.datapoints()[0];
        let DataType::Number(spec) = &datapoint.data_type else {
            panic!("{datapoint:?}")
        };
        meaning(&schema, datapoint, spec)
    }

    /// `CLASS UNIT`, `-` for what there is none of.
    fn shown(meaning: &Meaning) -> String {
        let unit = meaning
            .ranges
            .iter()
            .map(|range| range.unit.as_deref().unwrap_or("-"));
        let unit = unit.collect::<Vec<_>>().join(",");
        format!("{} {unit}", meaning.device_class.unwrap_or("-"))
    }

    #[test]
    fn name_and_range_agree_or_there_is_no_unit() {
        for (line, want) in [
            ("temp_now|0..60", "temperature °C"),
            ("roomtemp|0..50/0.5", "temperature °C"),
            ("x 当前温度|0..99", "temperature °C"),
            ("Temperature|-13..187", "temperature °C"),
            ("temp|32..212", "- -"),
            ("temp|0..255", "- -"),
            ("T (℉)|32..212", "- -"),
            ("temp 温度(℉)|32..212", "temperature °F"),
            ("color_temp|0..100", "- -"),
            ("=Colour_Kelvin 色温值|0..65535", "- K"),
            ("=color_temp|2700..6500", "- K"),
            ("cur_tempH|0..255", "- -"),
            ("com_temp|0..100", "- -"),
            ("temp_set_step|0..5", "- -"),
            ("attempts|0..60", "- -"),
            ("=room_temperature_compensate|-5..5", "temperature_delta °C"),
            ("=hyst_temp|0..10/0.5", "temperature_delta °C"),
            ("x 温度回差|0..10", "temperature_delta °C"),
            ("Humidity|0..100", "humidity %"),
            ("humi|0..255", "- -"),
            ("humi_time|0..100", "- -"),
            ("battery|0..100", "battery %"),
            ("battery_voltage|0..5000", "- -"),
            ("battery_voltage_mv|0..5000", "voltage mV"),
            ("power|0..3500", "power W"),
            ("power|0..100", "- -"),
            ("power|0..65535", "- -"),
            ("power 功率(kW)|0..65535/0.01", "power kW"),
            ("power 功率(千瓦)|0..100/0.1", "power kW"),
            ("=Adaptation_Power|0..100", "- -"),
            ("=power|0..3500", "- -"),
            ("Power_Save|0..3500", "- -"),
            ("power_factor|0..1/0.01", "power_factor -"),
            ("energy|0..42949672/0.01", "energy kWh"),
            ("energy|0..4294967295", "- -"),
            ("energy_wh|0..4294967295", "energy Wh"),
            ("energy_saving|0..100000/0.1", "- -"),
            ("voltage|0..300/0.1", "voltage V"),
            ("voltage|0..6553.5/0.1", "- -"),
            ("x 电压(V)|0..6553.5/0.1", "voltage V"),
            ("mV|-2000..2000", "voltage mV"),
            ("orp|-2000..2000", "voltage mV"),
            ("motor_current|0..20/0.01", "current A"),
            ("motor_current|0..20", "- -"),
            ("current_ma|0..20000", "current mA"),
            ("current_mode|0..20/0.1", "- -"),
            ("current_speed|0..20/0.1", "- -"),
            ("compressor_freq|0..120", "frequency Hz"),
            ("=Frequency 频率|5..100", "- -"),
            ("pressure|0..10", "- -"),
            ("pressure_bar|0..10/0.1", "pressure bar"),
            ("flow|0..100", "- -"),
            ("x 流量 L/min|0..100", "volume_flow_rate L/min"),
            ("x 用水量(升)|0..100000", "water L"),
            ("water_level|0..100", "- %"),
            ("water_level|0..3", "- -"),
            ("=water_pump|0..100", "- -"),
            ("co2|0..5000", "carbon_dioxide ppm"),
            ("pm25|0..999", "pm25 μg/m³"),
            ("filter_life|0..100", "- %"),
            ("filter_timer_min|0..65535", "duration min"),
            ("rssi|-100..0", "signal_strength dBm"),
            ("wifi_signal|0..100", "- %"),
            ("=heat_appm_min|0..65535", "duration min"),
            ("=delay_sec|0..600", "duration s"),
            ("=x 延时(毫秒)|0..9000", "duration ms"),
            ("=x 定时小时|0..24", "duration h"),
            ("=PRE_TIME_HOUR|0..23", "- -"),
            ("=x 预约分钟|0..59", "- -"),
            ("set_temperature_min|5..15", "temperature °C"),
            ("time_min|0..255", "- -"),
            ("flow_min|0..100", "- -"),
            ("FeedTime 喂食时间|1..60", "- -"),
            ("pH|0..14/0.01", "ph -"),
            ("phase|0..14", "- -"),
            ("firmware|0..100", "- -"),
            ("Brightness (%)|0..100", "- %"),
            ("Blue 0~125%|0..255", "- -"),
        ] {
            assert_eq!(shown(&of(&json!([number(line)]))), want, "{line}");
        }
    }

    #[test]
    fn an_explanation_may_tell_the_unit() {
        let attr = json!([{ "name": "Pause_timer", "type": "status_writable", "data_type": "uint8",
            "uint_spec": { "min": 0, "max": 60, "ratio": 1 }, "desc": "时间范围为1~60分钟" }]);
        assert_eq!(shown(&of(&attr)), "duration min");
    }

    #[test]
    fn the_devices_own_switch_decides_on_fahrenheit() {
        let water = number("temp_now|0..255");
        let clear = json!({ "name": "scale", "data_type": "enum", "enum": ["摄氏", "华氏"] });
        let unclear = |name: &str| json!({ "name": name, "data_type": "bool" });
        for (switch, want) in [
            (clear, "temperature °F,°C"),
            (unclear("Tunit"), "- -"),
            (unclear("C_F"), "- -"),
            (unclear("unit_sel"), "- -"),
        ] {
            assert_eq!(shown(&of(&json!([water, switch]))), want, "{switch}");
        }
    }

    #[test]
    fn what_adds_up_is_a_total_and_what_counts_nothing_has_no_statistics() {
        use Statistics::{Measurement, TotalIncreasing};
        for (line, want) in [
            ("temp_now|0..60", Some(Measurement)),
            ("=temp_set|0..60", None),
            ("energy|0..42949672/0.01", Some(TotalIncreasing)),
            ("run_time_hours|0..65535", Some(TotalIncreasing)),
            ("something|0..9", Some(Measurement)),
            ("cur_mode|0..9", None),
            ("err_code|0..9", None),
            ("ver|0..65535", None),
        ] {
            assert_eq!(of(&json!([number(line)])).statistics, want, "{line}");
        }
    }

    /// Those of Home Assistant's list that a line of the table may give.
    #[test]
    fn home_assistant_accepts_each_pair_of_class_and_unit() {
        let pairs = [
            ("", &["", "K", "%", "ppm", "rpm"][..]),
            ("ph", &[""]),
            ("voltage", &["V", "mV"]),
            ("temperature", &["°C", "°F"]),
            ("temperature_delta", &["°C", "°F"]),
            ("humidity", &["%"]),
            ("battery", &["%"]),
            ("power_factor", &["", "%"]),
            ("energy", &["kWh", "Wh"]),
            ("power", &["W", "kW"]),
            ("current", &["A", "mA"]),
            ("frequency", &["Hz"]),
            ("pressure", &["kPa", "hPa", "Pa", "bar", "psi"]),
            ("volume_flow_rate", &["m³/h", "L/min", "L/h"]),
            ("water", &["L", "m³"]),
            ("carbon_dioxide", &["ppm"]),
            ("pm25", &["μg/m³"]),
            ("pm10", &["μg/m³"]),
            ("conductivity", &["mS/cm", "μS/cm"]),
            ("illuminance", &["lx"]),
            ("signal_strength", &["dBm"]),
            ("duration", &["d", "h", "min", "s", "ms"]),
            ("weight", &["kg", "g"]),
        ];
        for rule in RULES {
            let known = pairs.iter().find(|(class, _)| *class == rule.class);
            let (_, units) = known.unwrap_or_else(|| panic!("{}", rule.class));
            let mut all = rule.units();
            assert!(all.all(|unit| units.contains(&unit)), "{}", rule.class);
            let adds_up = ["energy", "water"].contains(&rule.class);
            assert!(rule.statistics() == Statistics::TotalIncreasing || !adds_up);
        }
    }
}
