//! Applications whose id is public knowledge, so that a user need not capture it from a phone.
//!
//! An application id is no secret: each copy of the vendor's app carries it. The ids stand in the
//! public integrations for these brands.

use super::Region;

/// An application id under a name, and where its users usually live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// What stands after `app:` in the configuration.
    pub name: &'static str,
    /// The `X-Gizwits-Application-Id`.
    pub app_id: &'static str,
    /// `None`: users are spread over the regions, so all are tried.
    pub region: Option<Region>,
    /// The apps and brands, for people.
    pub title: &'static str,
}

const fn preset(
    name: &'static str,
    app_id: &'static str,
    region: Option<Region>,
    title: &'static str,
) -> Preset {
    Preset {
        name,
        app_id,
        region,
        title,
    }
}

const BESTWAY: &str = "98754e684ec045528b073876c34c7348";
const JEBAO: &str = "c3703c4888ec4736a3a0d9425c321604";

/// Every preset, by name.
pub const PRESETS: [Preset; 15] = [
    preset(
        "aqua-medic",
        "07452c4f036a4be3acedf8dbeef38320",
        Some(Region::Eu),
        "Aqua Medic DC Runner",
    ),
    preset("bestway", BESTWAY, None, "Bestway Smart Hub, Lay-Z-Spa"),
    preset(
        "bestway-eu",
        BESTWAY,
        Some(Region::Eu),
        "Bestway Smart Hub, Lay-Z-Spa (Europe)",
    ),
    preset(
        "bestway-us",
        BESTWAY,
        Some(Region::Us),
        "Bestway Smart Hub, SaluSpa (US cluster)",
    ),
    preset(
        "clearlight",
        "5c42414e51aa49cdbbe5466c27e33e40",
        Some(Region::Us),
        "Clearlight sauna",
    ),
    preset(
        "gizwits-demo",
        "1cc897ccdeb248a79a5bed9d1230c0eb",
        Some(Region::Cn),
        "Gizwits demo kit",
    ),
    preset(
        "heatzy",
        "c70a66ff039d41b4a220e198b0fcc8b3",
        Some(Region::Eu),
        "Heatzy radiators",
    ),
    preset(
        "hy09rf",
        "50b40b4e57114e6ba87bd46b9abe71d8",
        Some(Region::Cn),
        "HY09RF and kin thermostats",
    ),
    preset("jebao", JEBAO, None, "Jebao Aqua"),
    preset(
        "jebao-us",
        "6c9b7c67e81345b5a5b6817f31f82ac8",
        Some(Region::Us),
        "Jebao Aqua (older, US)",
    ),
    preset(
        "maxspect",
        "b59fcef4de7a4d2ab7f4c26eb81a0537",
        None,
        "Maxspect Syna-G",
    ),
    preset(
        "ph-803w",
        "68bb8ff791a2487ba9d015e11fe72d7b",
        Some(Region::Cn),
        "PH-803W meter",
    ),
    preset(
        "vaysunic",
        "f11cd9dd1ea24f8d9a9164a1ebbe4200",
        Some(Region::Eu),
        "VaySunic inverter",
    ),
    preset(
        "vaysunic-ios",
        "43dd9325798e48f78393f80db81ce5fb",
        Some(Region::Eu),
        "VaySunic inverter (iOS app)",
    ),
    preset(
        "wave-spa",
        "78a879318939402b9c70819d918ef8ed",
        None,
        "Wave Spa",
    ),
];

/// Finds a preset by its name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_sorted_unique_and_well_formed() {
        assert!(PRESETS.is_sorted_by(|a, b| a.name < b.name));
        for preset in PRESETS {
            assert_eq!(preset.app_id.len(), 32, "{}", preset.name);
            assert!(
                preset.app_id.bytes().all(|b| b.is_ascii_hexdigit()),
                "{}",
                preset.name
            );
            assert_eq!(find(preset.name), Some(&preset));
        }
    }
}
