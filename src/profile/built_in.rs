//! The profiles that come with the program, a file for each family in `profiles/`.

use std::sync::Arc;

use super::file::ProfileFile;
use super::load;

macro_rules! profile {
    ($name:literal) => {
        ($name, include_str!(concat!("../../profiles/", $name)))
    };
}

/// Name and text of each.
pub const FILES: [(&str, &str); 33] = [
    profile!("bestway-airjet-v01.yaml"),
    profile!("bestway-airjet.yaml"),
    profile!("bestway-hydrojet.yaml"),
    profile!("bestway-pool-filter.yaml"),
    profile!("clearlight-sauna.yaml"),
    profile!("dd-marine-light.yaml"),
    profile!("gizwits-demo-kit.yaml"),
    profile!("heatzy-bloom.yaml"),
    profile!("heatzy-glow.yaml"),
    profile!("heatzy-pilote-v1.yaml"),
    profile!("heatzy-pilote.yaml"),
    profile!("heatzy-pro.yaml"),
    profile!("hy09rf.yaml"),
    profile!("jebao-doser-1.yaml"),
    profile!("jebao-doser-4.yaml"),
    profile!("jebao-doser-8.yaml"),
    profile!("jebao-feeder.yaml"),
    profile!("jebao-light-marine-pro.yaml"),
    profile!("jebao-light-plant-pro.yaml"),
    profile!("jebao-light-simple.yaml"),
    profile!("jebao-light.yaml"),
    profile!("jebao-pump-simple.yaml"),
    profile!("jebao-pump.yaml"),
    profile!("jebao-timer-switch.yaml"),
    profile!("jebao-wavemaker-legacy.yaml"),
    profile!("jebao-wavemaker-pro.yaml"),
    profile!("jebao-wavemaker.yaml"),
    profile!("maxspect-gyre.yaml"),
    profile!("outes-heat-pump.yaml"),
    profile!("ph-803w.yaml"),
    profile!("vaillant-vsmart.yaml"),
    profile!("vaysunic-inverter.yaml"),
    profile!("wave-spa.yaml"),
];

/// All of them, read. A unit test sees to it that each can be.
pub fn profiles() -> impl Iterator<Item = Arc<ProfileFile>> {
    let files = FILES.iter();
    files.filter_map(|(_, text)| load::read(text).ok().map(Arc::new))
}

/// The text of the one with this id.
#[must_use]
pub fn text(id: &str) -> Option<&'static str> {
    let name = format!("{id}.yaml");
    let mut files = FILES.iter();
    files.find(|(file, _)| *file == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_can_be_read_and_has_an_id_of_its_own() {
        let mut ids = BTreeSet::new();
        for (name, text) in FILES {
            let profile = load::read(text).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
            assert_eq!(format!("{}.yaml", profile.profile), name);
            assert!(ids.insert(profile.profile), "{name}");
        }
    }
}
