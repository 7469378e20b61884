//! Products that nobody has seen before, from a seed: half of them as vendors write them, half as odd as the
//! cloud's document can be. With what their devices report: what is right, and what is not.
//!
//! What is right is worked out from the documentation here, not by the bridge's own reading.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part of it"
)]

use std::collections::BTreeSet;
use std::ops::Range;

use fastrand::Rng;
use serde_json::{Map, Value, json};

#[path = "odd_words.rs"]
mod words;

use words::{DATA_TYPES, ODD, ODD_LABELS, PLAUSIBLE};

/// See the module.
#[derive(Debug, Clone)]
pub struct OddProduct {
    pub seed: u64,
    pub name: String,
    /// What the user of its device called it.
    pub alias: String,
    pub points: Vec<OddPoint>,
}

/// One attribute.
#[derive(Debug, Clone)]
pub struct OddPoint {
    /// As the schema document spells it.
    pub spec: Value,
    /// What the device reports when all is well, smallest and largest first; none where the document cannot
    /// be understood.
    pub legal: Vec<Value>,
}

/// `SEED=n`, `SEEDS=first..last`, else these.
#[must_use]
pub fn seeds(otherwise: Range<u64>) -> Range<u64> {
    if let Ok(seed) = std::env::var("SEED") {
        let seed = seed.parse().unwrap();
        return seed..seed + 1;
    }
    let Ok(seeds) = std::env::var("SEEDS") else {
        return otherwise;
    };
    let (first, last) = seeds.split_once("..").expect("SEEDS=first..last");
    first.parse().unwrap()..last.parse().unwrap()
}

impl OddProduct {
    /// Even seeds are plausible.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut chance = Rng::with_seed(seed);
        let plausible = seed.is_multiple_of(2);
        let count = match chance.u32(0..12) {
            0 if !plausible => 0,
            1 if !plausible => 1,
            2 if !plausible => 300,
            _ => chance.usize(2..25),
        };
        let mut points = Vec::new();
        let mut names = BTreeSet::new();
        for at in 0..count {
            let point = if plausible || chance.u32(0..4) == 0 {
                plausible_point(&mut chance)
            } else {
                odd_point(&mut chance, at)
            };
            // Of two that can be read and have one name the first counts, so only its values are right.
            let counts = point.is_readable() && names.insert(point.name().to_owned());
            let legal = point.legal.clone().into_iter().filter(|_| counts).collect();
            if counts || !plausible {
                points.push(OddPoint { legal, ..point });
            }
        }
        Self {
            seed,
            name: title(&mut chance, plausible, "Spa"),
            // Some devices share theirs.
            alias: title(&mut chance, plausible, "Pool"),
            points,
        }
    }

    #[must_use]
    pub fn datapoints(&self) -> Value {
        self.points.iter().map(|point| point.spec.clone()).collect()
    }

    /// The document of `GET /app/datapoint`.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({ "name": self.name, "entities": [{ "attrs": self.datapoints() }] })
    }

    /// The attribute of a name whose values are known.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OddPoint> {
        let mut points = self.points.iter();
        points.find(|point| point.name() == name && !point.legal.is_empty())
    }

    /// Do several attributes have this name? Which of them the cloud sets is not documented.
    #[must_use]
    pub fn is_doubled(&self, name: &str) -> bool {
        self.points
            .iter()
            .filter(|point| point.name() == name)
            .count()
            > 1
    }

    /// A report in which all is well.
    pub fn right(&self, chance: &mut Rng) -> Map<String, Value> {
        let known = self.points.iter().filter(|point| !point.legal.is_empty());
        known
            .map(|point| (point.name().to_owned(), any(chance, &point.legal).clone()))
            .collect()
    }

    /// A report in which things are missing, beyond their limits, of another type, or never heard of.
    pub fn wrong(&self, chance: &mut Rng) -> Map<String, Value> {
        let mut report = Map::new();
        for point in &self.points {
            let value = match chance.u32(0..8) {
                0 => continue,
                1 => odd_value(chance),
                2 => beyond(chance, point),
                _ if point.legal.is_empty() => odd_value(chance),
                _ => any(chance, &point.legal).clone(),
            };
            report.insert(point.name().to_owned(), value);
        }
        for _ in 0..chance.usize(0..3) {
            let name = format!("{}_", any(chance, &ODD));
            report.insert(name, odd_value(chance));
        }
        report
    }
}

impl OddPoint {
    #[must_use]
    pub fn name(&self) -> &str {
        self.spec["name"].as_str().unwrap_or_default()
    }

    /// A name is no blank and no control character.
    fn is_readable(&self) -> bool {
        let name = self.name();
        let is_name = !name.trim().is_empty() && !name.contains(char::is_control);
        // What stands on `BASE/DEV` under `_meta` is the bridge's own.
        is_name && name != "_meta" && !self.legal.is_empty()
    }

    fn data_type(&self) -> &str {
        self.spec["data_type"].as_str().unwrap_or_default()
    }
}

fn any<'a, T>(chance: &mut Rng, of: &'a [T]) -> &'a T {
    &of[chance.usize(..of.len())]
}

fn title(chance: &mut Rng, plausible: bool, word: &str) -> String {
    match chance.u32(0..6) {
        0..=2 if plausible => format!("{word} {}", chance.u32(0..1000)),
        0 => word.to_owned(),
        1 => "泳池过滤器".to_owned(),
        2 => String::new(),
        3 => word.repeat(60),
        _ => (*any(chance, &ODD)).to_owned(),
    }
}

fn point(
    name: &str,
    display_name: &str,
    access: &str,
    (spec, legal): (Value, Vec<Value>),
) -> OddPoint {
    let mut whole =
        json!({ "name": name, "display_name": display_name, "type": access, "desc": "" });
    for (key, value) in spec.as_object().into_iter().flatten() {
        whole[key] = value.clone();
    }
    OddPoint { spec: whole, legal }
}

fn plausible_point(chance: &mut Rng) -> OddPoint {
    let (name, display_name, kind) = *any(chance, &PLAUSIBLE);
    let reads = name.contains("now") || name.contains("current") || name == "ver";
    let access = match kind {
        "fault" => *any(chance, &["fault", "alert"]),
        _ if reads || chance.u32(0..4) == 0 => "status_readonly",
        _ => "status_writable",
    };
    let whole = [0.0, 1.0];
    let described = match kind {
        "bool" | "fault" => boolean(),
        "degrees" => match chance.u32(0..5) {
            0 => number("uint8", [32.0, 104.0], whole),
            1 => number("uint16", [0.0, 500.0], [0.0, 0.1]),
            2 => number("uint8", [0.0, 200.0], [-13.0, 1.0]),
            3 => number("uint8", [10.0, 160.0], [-40.0, 0.5]),
            _ => number("uint8", [5.0, 40.0], whole),
        },
        "percent" => number("uint8", [0.0, 100.0], whole),
        "speed" => match chance.u32(0..3) {
            0 => number("uint8", [0.0, 3.0], whole),
            1 => number("uint8", [30.0, 100.0], whole),
            _ => number("uint8", [0.0, 5.0], [-5.0, 1.0]),
        },
        "scaled" => number(
            "uint16",
            [0.0, 5_000.0],
            [0.0, *any(chance, &[0.1, 0.01, 1.0])],
        ),
        "ph" => number("uint16", [0.0, 1_400.0], [0.0, 0.01]),
        "unit" => labels(&["摄氏", "华氏"].map(str::to_owned)),
        "enum" => labels(&["cft", "eco", "fro", "stop"].map(str::to_owned)),
        "binary" => binary(12),
        "text" => (
            json!({ "data_type": "float" }),
            vec![json!("1.2.3"), json!("1.5")],
        ),
        other => {
            let largest = if other == "uint8" { 255.0 } else { 10_000.0 };
            let largest = if other == "int8" { 100.0 } else { largest };
            number(other, [0.0, largest], whole)
        }
    };
    point(name, display_name, access, described)
}

fn odd_point(chance: &mut Rng, at: usize) -> OddPoint {
    let name = match chance.u32(0..10) {
        0 => format!("{}{at}", any(chance, &ODD).trim()),
        1 => "long ".repeat(chance.usize(40..50)),
        2 => "温度".repeat(100),
        3 => format!("{}{at}", "🌡".repeat(240)),
        4 => any(chance, &PLAUSIBLE).0.to_uppercase(),
        5 => format!("attr{at}"),
        _ => (*any(chance, &ODD)).to_owned(),
    };
    let display_name = match chance.u32(0..8) {
        0..=1 => String::new(),
        2 => "Label".to_owned(),
        3 => "x".repeat(300),
        4 => any(chance, &PLAUSIBLE).0.to_owned(),
        5 => any(chance, &PLAUSIBLE).1.to_owned(),
        _ => (*any(chance, &ODD)).to_owned(),
    };
    let access = *any(
        chance,
        &[
            "status_writable",
            "status_writable",
            "status_writable",
            "status_readonly",
            "status_readonly",
            "alert",
            "fault",
            "status_magic",
            "",
        ],
    );
    let described = match chance.u32(0..10) {
        0..=1 => boolean(),
        2..=4 => odd_enum(chance),
        5..=7 => odd_number(chance),
        8 => match chance.u32(0..6) {
            0 => (json!({ "data_type": "binary" }), Vec::new()),
            1 => (
                json!({ "data_type": "binary", "position": { "len": 0 } }),
                Vec::new(),
            ),
            _ => binary(*any(chance, &[1, 10, 127, 128, 200, 5000])),
        },
        _ => {
            let word = *any(chance, &["float", "string", "", "json", "uint64"]);
            let legal = vec![json!("text"), json!("0.25"), json!("t".repeat(255))];
            (json!({ "data_type": word }), legal)
        }
    };
    point(&name, &display_name, access, described)
}

fn boolean() -> (Value, Vec<Value>) {
    (
        json!({ "data_type": "bool" }),
        vec![json!(false), json!(true)],
    )
}

fn binary(len: usize) -> (Value, Vec<Value>) {
    let spec = json!({ "data_type": "binary", "position": { "byte_offset": 0, "len": len, "unit": "byte" } });
    (
        spec,
        ["00", "ff", "5a"]
            .map(|byte| byte.repeat(len).into())
            .into(),
    )
}

fn labels(labels: &[String]) -> (Value, Vec<Value>) {
    // A blank one is there, and shown as nothing.
    let shown = labels.iter().filter(|label| !label.trim().is_empty());
    let legal = shown.map(|label| label.as_str().into()).collect();
    (json!({ "data_type": "enum", "enum": labels }), legal)
}

fn odd_enum(chance: &mut Rng) -> (Value, Vec<Value>) {
    let count = *any(chance, &[0, 1, 2, 3, 5, 60]);
    let label = |at: usize| match chance.u32(0..6) {
        0 => "equal".to_owned(),
        1 => format!("label {at}"),
        2 => format!("{at}{}", "long".repeat(75)),
        3 => "long".repeat(75),
        _ => (*any(chance, &ODD_LABELS)).to_owned(),
    };
    let all: Vec<String> = (0..count).map(label).collect();
    labels(&all)
}

/// Raw limits; addition and ratio.
fn number(
    data_type: &str,
    [min, max]: [f64; 2],
    [addition, ratio]: [f64; 2],
) -> (Value, Vec<Value>) {
    let spec = json!({ "data_type": data_type,
        "uint_spec": { "min": min, "max": max, "ratio": ratio, "addition": addition } });
    let decimals = |number: f64| {
        let text = number.to_string();
        text.split_once('.')
            .map_or(0, |(_, decimals)| decimals.len().min(12))
    };
    let decimals = decimals(ratio).max(decimals(addition));
    let shown = |raw: f64| -> Value {
        let shown = raw.mul_add(ratio, addition);
        let tidy: f64 = format!("{shown:.decimals$}").parse().unwrap_or(shown);
        // As the cloud writes it: a whole number without a point.
        #[allow(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        if tidy.fract() == 0.0 && tidy.abs() < 9e15 {
            json!(tidy as i64)
        } else {
            json!(tidy)
        }
    };
    let middle = ((min + max) / 2.0).floor().max(min);
    (spec, vec![shown(min), shown(max), shown(middle)])
}

fn odd_number(chance: &mut Rng) -> (Value, Vec<Value>) {
    let data_type = *any(chance, &DATA_TYPES);
    let (least, most) = match data_type {
        "uint8" => (0.0, 255.0),
        "uint16" => (0.0, 65_535.0),
        "uint24" => (0.0, 16_777_215.0),
        "uint32" => (0.0, 4_294_967_295.0),
        "int8" => (-128.0, 127.0),
        "int16" => (-32_768.0, 32_767.0),
        _ => (-2_147_483_648.0, 2_147_483_647.0),
    };
    match chance.u32(0..8) {
        // Nothing said.
        0 => {
            let (_, legal) = number(data_type, [least, most], [0.0, 1.0]);
            (json!({ "data_type": data_type }), legal)
        }
        // What makes no sense.
        1 => {
            let spec = any(
                chance,
                &[
                    json!({ "min": 10, "max": 5 }),
                    json!({ "ratio": 0 }),
                    json!({ "ratio": -0.5 }),
                    json!({ "min": "warm" }),
                    json!({ "ratio": 1e308, "max": 100 }),
                ],
            )
            .clone();
            (
                json!({ "data_type": data_type, "uint_spec": spec }),
                Vec::new(),
            )
        }
        _ => {
            let ratio = *any(chance, &[1.0, 1.0, 0.1, 0.01, 0.001, 1e-7, 3.0, 1e6, 0.5]);
            let addition = *any(chance, &[0.0, 0.0, -5.0, -40.0, 1e6, 0.25]);
            // More digits than a number has are nobody's fault.
            let addition = if ratio >= 1e6 { 0.0 } else { addition };
            let (min, max) = match chance.u32(0..5) {
                0 => (least, most),
                1 => (7.0, 7.0),
                2 => (0.0, 1.0),
                3 => (least, least + 3.0),
                _ => (0.0, 100.0),
            };
            number(data_type, [min, max], [addition, ratio])
        }
    }
}

fn odd_value(chance: &mut Rng) -> Value {
    any(
        chance,
        &[
            Value::Null,
            json!(true),
            json!(-1),
            json!(2),
            json!(1e12),
            json!(0.1),
            json!(""),
            json!(" "),
            json!("None"),
            json!("unknown"),
            json!("text"),
            json!("12"),
            json!("{{ 1 / 0 }}"),
            json!("y".repeat(500)),
            json!([1, 2, 300]),
            json!({ "a": 1 }),
        ],
    )
    .clone()
}

/// Of the right type, but not in the schema.
fn beyond(chance: &mut Rng, point: &OddPoint) -> Value {
    match point.data_type() {
        "bool" => json!(7),
        "enum" => any(
            chance,
            &[
                json!("brand new"),
                json!(99),
                json!("it's \"new\""),
                json!(""),
            ],
        )
        .clone(),
        "binary" => json!("0a0b0c"),
        _ => any(
            chance,
            &[
                json!(-1_000_000),
                json!(7_000_000_000_u64),
                json!(0.123_456_789),
            ],
        )
        .clone(),
    }
}
