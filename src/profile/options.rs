//! What a person chooses from: an enumeration's labels, in English where the glossary knows them all.

use crate::model::{AttrValue, DataType, Datapoint};

use super::entity::{Given, Part, Reading, Step, Writing};
use super::glossary;

/// The part of an attribute as it is; its options are an enumeration's labels.
#[must_use]
pub fn plain(datapoint: &Datapoint) -> Part {
    let name = || datapoint.name.clone();
    Part {
        reads: Some(Reading::Attr(name())),
        writes: datapoint.is_settable().then(|| Writing::Attr(name())),
        options: labels(datapoint).to_vec(),
        ..Part::default()
    }
}

/// As [`plain`], in English where each label has a word of its own there. Such a part has its own topic: on the
/// attribute's, labels stay the cloud's.
#[must_use]
pub fn readable(datapoint: &Datapoint) -> Part {
    let labels = labels(datapoint);
    words(labels).map_or_else(
        || plain(datapoint),
        |words| {
            let value = |label: &String| AttrValue::Enum(label.as_str().into());
            let pairs = || words.iter().cloned().zip(labels.iter().map(value));
            let step = |value| Step(vec![(datapoint.name.clone(), Given::Fixed(value))]);
            let steps = || {
                pairs()
                    .map(|(word, value)| (word, vec![step(value)]))
                    .collect()
            };
            Part {
                reads: Some(Reading::Map {
                    attr: datapoint.name.clone(),
                    words: pairs().map(|(word, value)| (word, vec![value])).collect(),
                }),
                writes: datapoint.is_settable().then(|| Writing::Words(steps())),
                options: words.clone(),
                ..Part::default()
            }
        },
    )
}

/// An enumeration's labels.
#[must_use]
pub fn labels(datapoint: &Datapoint) -> &[String] {
    match &datapoint.data_type {
        DataType::Enum(labels) => labels,
        DataType::Bool | DataType::Number(_) | DataType::Binary { .. } | DataType::Text => &[],
    }
}

/// A word for each label, none twice; `None` when one has none, or none needs one.
fn words(labels: &[String]) -> Option<Vec<String>> {
    if labels.iter().all(|label| label.is_ascii()) {
        return None;
    }
    let mut words: Vec<String> = Vec::new();
    for label in labels {
        let word = if label.is_ascii() && !label.trim().is_empty() {
            label.clone()
        } else {
            glossary::translate(label)?
        };
        if words.iter().any(|known| known.eq_ignore_ascii_case(&word)) {
            return None;
        }
        words.push(word);
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::hints::testing::datapoint;

    #[test]
    fn labels_become_words_only_when_each_has_one_of_its_own() {
        for (labels, want) in [
            (json!(["自动", "手动"]), json!(["Automatic", "Manual"])),
            (
                json!(["0.手动模式", "1.自动模式"]),
                json!(["Manual mode", "Automatic mode"]),
            ),
            (json!(["摄氏", "华氏"]), json!(["°C", "°F"])),
            (
                json!(["校准1", "校准2"]),
                json!(["Calibration 1", "Calibration 2"]),
            ),
            (json!(["Auto", "手动"]), json!(["Auto", "Manual"])),
            (json!(["关", "关闭", "开"]), json!(["关", "关闭", "开"])),
            (json!(["自动", "麒麟"]), json!(["自动", "麒麟"])),
            (json!(["0", "1"]), json!(["0", "1"])),
            (json!(["cft", "eco"]), json!(["cft", "eco"])),
        ] {
            let attr = json!({ "name": "m", "type": "status_writable", "data_type": "enum", "enum": labels });
            let part = readable(&datapoint(&attr));
            assert_eq!(json!(part.options), want, "{labels}");
            let mapped = matches!(part.writes, Some(Writing::Words(_)));
            assert_eq!(mapped, want != labels, "{labels}");
        }
    }
}
