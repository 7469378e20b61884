//! What a control call may set, as the cloud judges it: by the schema document itself.

use serde_json::{Map, Value};

/// The value as it is kept, or `None` when the cloud would answer 9025.
pub(super) fn check(datapoint: &Map<String, Value>, wanted: &Value) -> Option<Value> {
    let word = |key: &str| {
        datapoint
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    if word("type") != "status_writable" {
        return None;
    }
    match word("data_type") {
        "bool" => {
            let number = wanted
                .as_bool()
                .map(u64::from)
                .or_else(|| wanted.as_u64())?;
            (number <= 1).then_some(Value::Bool(number == 1))
        }
        "enum" => {
            let labels = datapoint.get("enum")?.as_array()?;
            match wanted.as_u64() {
                Some(index) => labels.get(usize::try_from(index).ok()?).cloned(),
                None => labels.contains(wanted).then(|| wanted.clone()),
            }
        }
        "binary" => {
            let len = datapoint.get("position")?.get("len")?.as_u64()?;
            let text = wanted.as_str()?;
            let is_hex = text.bytes().all(|b| b.is_ascii_hexdigit());
            let fits = u64::try_from(text.len()).ok() == Some(len * 2);
            (is_hex && fits).then(|| Value::String(text.to_lowercase()))
        }
        _ => {
            let number = wanted.as_f64()?;
            let (min, max) = limits(datapoint);
            (min..=max).contains(&number).then(|| wanted.clone())
        }
    }
}

/// Limits are raw numbers; what is shown is raw * ratio + addition.
fn limits(datapoint: &Map<String, Value>) -> (f64, f64) {
    let spec = |key: &str, otherwise: f64| {
        datapoint
            .get("uint_spec")
            .and_then(|spec| spec.get(key)?.as_f64())
            .unwrap_or(otherwise)
    };
    let shown = |raw: f64| raw.mul_add(spec("ratio", 1.0), spec("addition", 0.0));
    let (least, most) = of_type(datapoint);
    // A hair more than exact, for limits such as 150 * 0.1.
    (
        shown(spec("min", least)) - 1e-9,
        shown(spec("max", most)) + 1e-9,
    )
}

/// What a number of this type can hold.
fn of_type(datapoint: &Map<String, Value>) -> (f64, f64) {
    match datapoint.get("data_type").and_then(Value::as_str) {
        Some("uint16") => (0.0, 65_535.0),
        Some("uint24") => (0.0, 16_777_215.0),
        Some("uint32") => (0.0, 4_294_967_295.0),
        Some("int8") => (-128.0, 127.0),
        Some("int16") => (-32_768.0, 32_767.0),
        Some("int32") => (-2_147_483_648.0, 2_147_483_647.0),
        _ => (0.0, 255.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_cloud_takes_what_the_schema_allows() {
        let number = json!({ "type": "status_writable", "data_type": "uint16",
            "uint_spec": { "min": 150, "max": 300, "ratio": 0.1, "addition": 0 } });
        let unlimited = json!({ "type": "status_writable", "data_type": "int8" });
        let label = json!({ "type": "status_writable", "data_type": "enum", "enum": ["a", "b"] });
        let hex =
            json!({ "type": "status_writable", "data_type": "binary", "position": { "len": 2 } });
        let on = json!({ "type": "status_writable", "data_type": "bool" });
        let read_only = json!({ "type": "status_readonly", "data_type": "bool" });
        for (datapoint, wanted, want) in [
            (&number, json!(15), Some(json!(15))),
            (&number, json!(30), Some(json!(30))),
            (&number, json!(30.1), None),
            (&number, json!("20"), None),
            (&unlimited, json!(-128), Some(json!(-128))),
            (&unlimited, json!(128), None),
            (&label, json!("b"), Some(json!("b"))),
            (&label, json!(0), Some(json!("a"))),
            (&label, json!(2), None),
            (&label, json!("c"), None),
            (&hex, json!("00FF"), Some(json!("00ff"))),
            (&hex, json!("00"), None),
            (&on, json!(1), Some(json!(true))),
            (&on, json!("true"), None),
            (&read_only, json!(true), None),
        ] {
            let got = check(datapoint.as_object().unwrap(), &wanted);
            assert_eq!(got, want, "{datapoint} {wanted}");
        }
    }
}
