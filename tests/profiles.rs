//! The built-in profiles, held against what real devices answer.
//!
//! A file of `tests/fixtures/profiles` is one product: its name, its datapoints and a report. Attribute
//! names and the reports of Bestway and Heatzy devices are real; where no schema is public, the types are
//! those that the reports suggest. Ids are invented, but for product keys.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gizwits2mqtt::homeassistant::discovery::{Components, DeviceView, announce};
use gizwits2mqtt::homeassistant::entity_command;
use gizwits2mqtt::homeassistant::topic::Topics;
use gizwits2mqtt::ids::{Did, ProductKey};
use gizwits2mqtt::model::{AttrValue, Attrs, Device, ProductSchema, infer};
use gizwits2mqtt::profile::built_in;
use gizwits2mqtt::profile::catalog::{Catalog, Plan, Product};
use serde_json::{Map, Value, json};

/// A product with what one of its devices reported.
struct Fixture {
    name: String,
    schema: ProductSchema,
    report: Value,
}

impl Fixture {
    fn read(fixture: &str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/profiles");
        let text = std::fs::read_to_string(format!("{folder}/{fixture}.json")).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let key = ProductKey::new(document["product_key"].as_str().unwrap()).unwrap();
        let entities = json!({ "entities": [{ "attrs": document["attrs"] }] });
        let (schema, faults) = ProductSchema::parse(&key, &entities).unwrap();
        assert!(faults.is_empty(), "{fixture}: {faults:?}");
        Self {
            name: document["name"].as_str().unwrap().to_owned(),
            schema,
            report: document["report"].clone(),
        }
    }

    /// The same device where its schema cannot be had.
    fn without_schema(mut self) -> Self {
        let key = self.schema.product_key.clone();
        let empty = ProductSchema::new(key, String::new(), true, Vec::new());
        self.schema = infer::widen(&empty, self.report.as_object().unwrap()).unwrap();
        self
    }

    fn plan(&self) -> Plan {
        Catalog::default().plan(Product {
            schema: &self.schema,
            name: &self.name,
            chosen: None,
        })
    }

    fn attrs(&self) -> Attrs {
        self.attrs_with("")
    }

    /// With other values, as JSON.
    fn attrs_with(&self, changes: &str) -> Attrs {
        let mut report = self.report.as_object().unwrap().clone();
        if !changes.is_empty() {
            report.extend(serde_json::from_str::<Map<String, Value>>(changes).unwrap());
        }
        let decode = |(name, value): (&String, &Value)| {
            let datapoint = self.schema.get(name).unwrap();
            let value = AttrValue::decode(datapoint, value).unwrap();
            (datapoint.name.clone(), value)
        };
        report.iter().map(decode).collect()
    }
}

/// Each fixture with the profile that it must get.
const FIXTURES: [(&str, &str); 35] = [
    ("airjet", "bestway-airjet"),
    ("airjet-v01", "bestway-airjet-v01"),
    ("hydrojet", "bestway-hydrojet"),
    ("pool-filter", "bestway-pool-filter"),
    ("heatzy-heatzy", "heatzy-pilote-v1"),
    ("heatzy-pilote2", "heatzy-pilote"),
    ("heatzy-pilote-soc-c3", "heatzy-pilote"),
    ("heatzy-pilote-pro", "heatzy-pro"),
    ("heatzy-onyx", "heatzy-glow"),
    ("heatzy-glow-simple", "heatzy-glow"),
    ("heatzy-bloom", "heatzy-bloom"),
    ("wavemaker", "jebao-wavemaker"),
    ("wavemaker-pro", "jebao-wavemaker-pro"),
    ("wavemaker-legacy", "jebao-wavemaker-legacy"),
    ("pump", "jebao-pump"),
    ("pump-simple", "jebao-pump-simple"),
    ("light-simple", "jebao-light-simple"),
    ("doser-1", "jebao-doser-1"),
    ("doser-4", "jebao-doser-4"),
    ("doser-8", "jebao-doser-8"),
    ("feeder", "jebao-feeder"),
    ("timer-switch", "jebao-timer-switch"),
    ("light", "jebao-light"),
    ("light-plant-pro", "jebao-light-plant-pro"),
    ("light-marine-pro", "jebao-light-marine-pro"),
    ("dd-light", "dd-marine-light"),
    ("hy09rf", "hy09rf"),
    ("heat-pump", "outes-heat-pump"),
    ("ph-803w", "ph-803w"),
    ("sauna", "clearlight-sauna"),
    ("demo-kit", "gizwits-demo-kit"),
    ("inverter", "vaysunic-inverter"),
    ("wave-spa", "wave-spa"),
    ("vaillant", "vaillant-vsmart"),
    ("gyre", "maxspect-gyre"),
];

/// The lines of a table, each with so many columns.
fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let lines = table.lines().filter(|line| !line.is_empty());
    lines.map(|line| {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        columns.try_into().unwrap_or_else(|_| panic!("{line}"))
    })
}

/// Key, platform, and what each role shows, for all entities that are not switched off.
fn table(plan: &Plan, attrs: &Attrs) -> String {
    let mut text = String::new();
    for entity in plan.entities.iter().filter(|entity| entity.enabled) {
        write!(text, "{} {}", entity.platform.as_str(), entity.key).unwrap();
        for (role, part) in &entity.parts {
            let shown = part.shown(attrs);
            let shown = shown.map_or_else(|| "None".to_owned(), |value| value.to_bare());
            let unit = part.range(attrs).and_then(|range| range.unit.clone());
            let unit = unit.unwrap_or_default();
            let sets = if part.writes.is_some() {
                ""
            } else {
                " (shown)"
            };
            write!(text, "\n    {}: {shown} {unit}{sets}", role.as_str()).unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn each_family_gets_its_profile_and_shows_what_its_device_said() {
    for (name, profile) in FIXTURES {
        let fixture = Fixture::read(name);
        let plan = fixture.plan();
        assert_eq!(plan.profile.as_deref(), Some(profile), "{name}");
        insta::assert_snapshot!(name, table(&plan, &fixture.attrs()));
    }
}

#[test]
fn each_profile_has_a_fixture() {
    let tried: BTreeSet<&str> = FIXTURES.iter().map(|(_, profile)| *profile).collect();
    for profile in built_in::profiles() {
        assert!(
            tried.contains(profile.profile.as_str()),
            "{}",
            profile.profile
        );
    }
}

/// A guessed schema has 0 and 1 for bools and texts for labels.
#[test]
fn the_main_entity_is_the_same_where_the_schema_cannot_be_had() {
    for name in [
        "airjet-v01",
        "heatzy-pilote2",
        "heatzy-pilote-pro",
        "heatzy-onyx",
        "airjet",
    ] {
        let main = |fixture: &Fixture| {
            let mut plan = fixture.plan();
            plan.entities.retain(|entity| entity.name.is_none());
            table(&plan, &fixture.attrs())
        };
        let known = main(&Fixture::read(name));
        let guessed = main(&Fixture::read(name).without_schema());
        assert_eq!(known, guessed, "{name}");
    }
}

/// The product keys that are known without a schema at hand.
#[test]
fn a_product_key_alone_chooses() {
    for (profile, keys) in [
        (
            "jebao-wavemaker",
            "0bc0064708414a2593b2390ca9dbfff1 1d8c63eaccac4205b92c84d77d5a08fb \
             54114ccdac1e41c0bb17e222887c07ba f0d844ab0d4947ac9527a286160bc705",
        ),
        (
            "jebao-pump",
            "02a69eb3b44b4a60a2187cbdce76a04e e7b4649fdf8d413ba0a60d57fdde7101 \
             c6b30f30e4444e818d97cfac5b2a1e58",
        ),
        (
            "jebao-doser-1",
            "1b834098d4aa4802a118a6ac73abbca9 995613fe416e421cb5ab7b4cf5a8572f",
        ),
        (
            "jebao-doser-4",
            "25c5b146791f465bbefdbfd312b9e8ea 5b3c136fd4b74f3fb2a366a254c76c9a",
        ),
        (
            "jebao-doser-8",
            "3b181431429e46029f850348869cc66f bc1c4f4c62cb45e4858c85943f827a45",
        ),
        (
            "jebao-light",
            "9cb3ec792e054c748eafe675469894e6 efc08baa6b0a4de38d4bc9bce04ad350 \
             cf4aaef856b84f6ea9cea29030eff19b",
        ),
        ("jebao-feeder", "d8be6d07e415444f834a91e9041e60db"),
        (
            "heatzy-pilote",
            "4fc968a21e7243b390e9ede6f1c6465d b9a67b6ce24b437d9794103fd317e627 \
             9dacde7ef459421eaf8dc4bea9385634",
        ),
        (
            "heatzy-glow",
            "fc89066ee74c4149a9beb37d4ea93604 cffa0df68a52449085c5d1e72c2f6bb0 \
             2884feb88e0b4f30b75ea5572276a102",
        ),
        ("gizwits-demo-kit", "268162799f764b999f834b5a02eb894d"),
    ] {
        for key in keys.split_whitespace() {
            let key = ProductKey::new(key).unwrap();
            let schema = ProductSchema::new(key, String::new(), true, Vec::new());
            let catalog = Catalog::default();
            let chosen = catalog.choose(Product {
                schema: &schema,
                name: "",
                chosen: None,
            });
            let chosen = chosen.map(|chosen| chosen.profile.as_str());
            assert_eq!(chosen, Some(profile), "{}", schema.product_key);
        }
    }
}

/// Fixture | what differs from its report | entity and role | payload | control calls, or words of the refusal.
const COMMANDS: &str = r#"
airjet |  | spa/mode | heat | [{"power": true}, {"heat_power": true}]
airjet |  | spa/mode | off | [{"power": false}]
airjet |  | spa/target_temperature | 38.0 | [{"temp_set": 38}]
airjet | {"temp_set_unit": "华氏"} | spa/target_temperature | 100 | [{"temp_set": 100}]
airjet |  | spa/target_temperature | 100 | 20 to 40
airjet |  | unit/state | °F | [{"temp_set_unit": "华氏"}]
airjet |  | heat_timer_min/state | 120 | [{"heat_timer_min": 120}]
airjet-v01 |  | spa/mode | heat | [{"power": true}, {"heat": 3}]
airjet-v01 |  | spa/mode | off | [{"power": false}]
airjet-v01 |  | spa/mode | fan_only | [{"power": true}, {"heat": 0, "filter": 2}]
airjet-v01 |  | spa/target_temperature | 104 | [{"Tset": 104}]
airjet-v01 |  | spa/target_temperature | 38 | 68 to 104
airjet-v01 |  | filter_pump/state | false | [{"filter": 0}]
airjet-v01 |  | filter_pump/state | true | [{"filter": 2}]
airjet-v01 |  | bubbles/state | Medium | [{"wave": 50}]
airjet-v01 |  | unit/state | °C | [{"Tunit": true}]
hydrojet |  | spa/mode | off | [{"power": false}]
hydrojet |  | bubbles/state | Medium | [{"wave": 40}]
hydrojet |  | bubbles/state | Max | [{"wave": 100}]
hydrojet |  | jets/state | false | [{"jet": false}]
pool-filter |  | run_time/state | 12 | [{"time": 12}]
heatzy-pilote2 |  | heater/preset | eco | [{"mode": "eco"}]
heatzy-pilote2 |  | heater/preset | comfort -1 | accepted: comfort, eco, frost
heatzy-pilote2 |  | heater/preset | none | accepted: comfort
heatzy-pilote2 |  | heater/mode | off | [{"timer_switch": false, "mode": "stop"}]
heatzy-pilote2 |  | heater/mode | auto | [{"timer_switch": true}]
heatzy-pilote2 |  | derogation/state | Vacation | [{"derog_mode": 1}]
heatzy-pilote-soc-c3 |  | heater/preset | comfort -2 | [{"mode": "cft2"}]
heatzy-pilote-pro |  | heater/target_temperature | 20.5 | [{"cft_temp": 205}]
heatzy-pilote-pro | {"mode": "eco"} | heater/target_temperature | 17.5 | [{"eco_temp": 175}]
heatzy-pilote-pro |  | eco_temperature/state | 16 | [{"eco_temp": 160}]
heatzy-pilote-pro |  | temperature_offset/state | -0.5 | [{"com_temp": 45}]
heatzy-pilote-pro |  | derogation/state | Presence | [{"derog_mode": 3}]
heatzy-onyx |  | heater/target_temperature | 18.5 | [{"eco_tempH": 0, "eco_tempL": 185}]
heatzy-onyx | {"mode": "cft"} | heater/target_temperature | 26.5 | [{"cft_tempH": 1, "cft_tempL": 9}]
heatzy-onyx |  | heater/mode | off | [{"on_off": false}]
heatzy-onyx |  | heater/mode | heat | [{"on_off": true, "timer_switch": 0}]
heatzy-onyx |  | panel_lock/state | true | [{"LOCK_C": 1}]
heatzy-bloom |  | heater/target_temperature | 22.0 | [{"cft_temp": 22}]
wavemaker |  | pump/speed | 75 | [{"Flow": 75}]
wavemaker |  | pump/state | false | [{"SwitchON": false}]
wavemaker |  | pump/preset | Random wave | [{"Mode": "随机造浪"}]
wavemaker |  | linkage/state | Follower | [{"Linkage": "从机"}]
wavemaker |  | tide/state | Pulse | [{"PulseTide": false}]
wavemaker-pro |  | pump/preset | Tide | [{"Mode": 4}]
wavemaker-legacy |  | pump/speed | 20 | 30 to 100
pump |  | pump/speed | 80 | [{"Motor_Speed": 80}]
doser-8 |  | channel_6/state | true | [{"channe6": true}]
doser-4 |  | calibration_channel/state | Channel 2 | [{"CALSet": "校准2"}]
feeder |  | feed/press | PRESS | [{"Manual": true}]
light |  | light/effect | Sunrise | [{"mode": "日出"}]
light-plant-pro |  | light/brightness | 40 | [{"Colour_Temp_Power": 40}]
light-plant-pro |  | light/effect | Stream | [{"Preset_mode": 1}]
hy09rf |  | thermostat/target_temperature | 22.5 | [{"set_temperature": 22.5}]
hy09rf |  | thermostat/mode | auto | [{"power": true, "work_mode": 1}]
heat-pump |  | boiler/mode | eco | [{"Cmd_Power": true}, {"Para_Mode": 1}]
heat-pump |  | boiler/power | false | [{"Cmd_Power": false}]
heat-pump |  | boiler/target_temperature | 60.0 | [{"Para_SetTemp": 60}]
sauna |  | sauna/target_temperature | 130 | [{"SET_TEMP": 130}]
sauna |  | sauna/mode | off | [{"power_flag": false}]
demo-kit |  | light/rgb | 255,0,128 | [{"LED_R": 254, "LED_G": 0, "LED_B": 127, "LED_Color": "Customize"}]
demo-kit |  | light/effect | Pink | [{"LED_Color": "Pink"}]
demo-kit |  | motor/state | -5 | [{"Motor_Speed": -5}]
inverter |  | limit/state | 60 | [{"VMCx005": 60}]
"#;

#[test]
fn commands_become_the_calls_that_the_device_takes() {
    for [name, differs, to, payload, calls] in rows(COMMANDS) {
        let fixture = Fixture::read(name);
        let (plan, attrs) = (fixture.plan(), fixture.attrs_with(differs));
        let to = to.split_once('/').unwrap();
        let known = (&fixture.schema, &attrs);
        let result = entity_command::parse(&plan.entities, to, payload.as_bytes(), known);
        match result {
            Ok(command) => {
                let steps = command
                    .steps
                    .iter()
                    .map(|step| Value::Object(step.to_json()));
                let calls: Value = serde_json::from_str(calls).unwrap();
                assert_eq!(Value::from_iter(steps), calls, "{name} {to:?} {payload}");
            }
            Err(why) => assert!(why.contains(calls), "{name} {to:?} {payload}: {why}"),
        }
    }
}

/// Fixture | what differs from its report | entity and role | what is shown.
const STATES: &str = r#"
airjet | {"power": 1, "heat_power": 1} | spa/mode | heat
airjet | {"power": 1, "heat_power": 1} | spa/action | heating
airjet | {"power": 1, "heat_power": 1, "heat_temp_reach": 1} | spa/action | idle
airjet | {"power": 1, "filter_power": 1} | spa/mode | fan_only
airjet | {"earth": 1, "system_err3": 1} | error/state | Error 3; Earth leakage
airjet | {"earth": 1} | problem/state | true
airjet | {"heat_timer_min": 59940} | heat_timer_min/state | None
airjet-v01 | {"heat": 3, "E32": 0} | spa/action | heating
airjet-v01 | {"heat": 5, "E32": 0} | spa/action | heating
airjet-v01 | {"heat": 4, "E32": 0} | spa/action | idle
airjet-v01 | {"heat": 0} | spa/mode | fan_only
airjet-v01 | {"heat": 0} | spa/action | fan
airjet-v01 | {"power": 0} | spa/mode | off
airjet-v01 | {"wave": 41} | bubbles/state | Medium
airjet-v01 | {"wave": 51} | bubbles/state | Medium
airjet-v01 | {"wave": 77} | bubbles/state | None
airjet-v01 | {"E02": 1, "E13": 1} | error/state | E02; E13
airjet-v01 | {"E32": 1} | problem/state | false
airjet-v01 | {"Tnow": 106} | spa/current_temperature | 106
hydrojet | {"wave": 43} | bubbles/state | Medium
heatzy-heatzy | {"mode": "停止"} | mode/state | Off
heatzy-pilote2 | {"mode": "stop"} | heater/mode | off
heatzy-pilote2 | {"mode": "stop"} | heater/preset | None
heatzy-pilote2 | {"timer_switch": 1, "mode": "eco"} | heater/mode | auto
heatzy-pilote-pro | {"heating_state": 1} | heater/action | heating
heatzy-pilote-pro | {"mode": "eco"} | heater/target_temperature | 15
heatzy-onyx | {"cur_tempH": 1, "cur_tempL": 4} | heater/current_temperature | 26
heatzy-glow-simple | {"on_off": 0} | heater/mode | off
hy09rf | {"work_mode": 3} | working_mode/state | Away or override
heat-pump | {"Cmd_Power": 0} | boiler/mode | off
demo-kit | {"LED_Color": "Pink"} | light/effect | Pink
"#;

#[test]
fn states_of_a_day_are_shown() {
    for [name, differs, of, shown] in rows(STATES) {
        let fixture = Fixture::read(name);
        let attrs = fixture.attrs_with(differs);
        let plan = fixture.plan();
        let (key, role) = of.split_once('/').unwrap();
        let entity = plan
            .entities
            .iter()
            .find(|entity| entity.key == key)
            .unwrap();
        let mut parts = entity.parts.iter();
        let (_, part) = parts.find(|(known, _)| known.as_str() == role).unwrap();
        let now = part
            .shown(&attrs)
            .map_or("None".to_owned(), |value| value.to_bare());
        assert_eq!(now, shown, "{name} {of} {differs}");
    }
}

/// What Home Assistant refuses or complains about, in the announcement of each family.
#[test]
fn each_family_is_announced_as_home_assistant_takes_it() {
    const HVAC: [&str; 7] = [
        "auto",
        "off",
        "cool",
        "heat",
        "dry",
        "fan_only",
        "heat_cool",
    ];
    let units = BTreeMap::from([
        ("temperature", ["°C", "°F"].as_slice()),
        ("humidity", &["%"]),
        ("duration", &["d", "h", "min", "s"]),
        ("energy", &["kWh"]),
        ("power", &["W"]),
        ("voltage", &["V", "mV"]),
        ("current", &["A"]),
        ("frequency", &["Hz"]),
    ]);
    for (name, _) in FIXTURES {
        for fixture in [Fixture::read(name), Fixture::read(name).without_schema()] {
            let body = announced(&fixture);
            for (key, component) in body["components"].as_object().unwrap() {
                let of = format!("{name} {key}: {component}");
                for list in ["modes", "options", "preset_modes", "effect_list"] {
                    if let Some(words) = component[list].as_array() {
                        assert!(!words.is_empty(), "{of}");
                        assert!(!words.contains(&json!("none")), "{of}");
                    }
                }
                let number = |key: &str| component[key].as_f64();
                for (min, max) in [
                    ("min", "max"),
                    ("min_temp", "max_temp"),
                    ("speed_range_min", "speed_range_max"),
                ] {
                    if let (Some(min), Some(max)) = (number(min), number(max)) {
                        assert!(min < max, "{of}");
                    }
                }
                let has = |key: &str| component.get(key).is_some();
                assert_eq!(
                    has("preset_modes"),
                    has("preset_mode_command_topic"),
                    "{of}"
                );
                match component["platform"].as_str().unwrap() {
                    "climate" => {
                        let modes = component["modes"].as_array().unwrap().iter();
                        for mode in modes {
                            assert!(HVAC.contains(&mode.as_str().unwrap()), "{of}");
                        }
                    }
                    "fan" => assert!(number("speed_range_min").unwrap() >= 1.0, "{of}"),
                    "select" => assert!(has("options"), "{of}"),
                    "sensor" | "number" => {
                        let class = component["device_class"].as_str().unwrap_or_default();
                        let unit = component["unit_of_measurement"].as_str();
                        match units.get(class) {
                            Some(units) => assert!(units.contains(&unit.unwrap()), "{of}"),
                            None => assert!(!["enum", "ph"].contains(&class) || unit.is_none()),
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

fn announced(fixture: &Fixture) -> Value {
    let device = Device {
        did: Did::new("did1").unwrap(),
        product_key: fixture.schema.product_key.clone(),
        mac: None,
        alias: String::new(),
        product_name: fixture.name.clone(),
        is_online: true,
        is_disabled: false,
        wifi_version: String::new(),
        mcu_version: String::new(),
        push: None,
    };
    let attrs = fixture.attrs();
    let observed = BTreeMap::new();
    let view = DeviceView {
        device: &device,
        schema: &fixture.schema,
        plan: &fixture.plan(),
        attrs: &attrs,
        name: "Device",
        level: "device",
        observed: &observed,
    };
    let topics = Topics::new("gizwits2mqtt", "homeassistant", "homeassistant/status");
    let payload = announce(&topics, view, &Components::new()).payload;
    serde_json::from_slice(&payload).unwrap()
}
