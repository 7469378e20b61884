//! Holds the code to the layers of `docs/ARCHITECTURE.md`: who may import whom, and which word may
//! occur where.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

/// Modules with their heights: an import may only go down.
const LAYERS: [(&str, u32); 21] = [
    ("ids", 0),
    ("secret", 0),
    ("clock", 0),
    ("retry", 0),
    ("yaml", 0),
    ("printable", 0),
    ("model", 10),
    ("profile", 20),
    ("homeassistant", 21),
    ("bridge", 30),
    ("happy_eyeballs", 40),
    ("tls_fault", 40),
    ("gizwits", 41),
    ("mqtt", 41),
    ("config", 41),
    ("store", 41),
    ("web", 41),
    ("simulator", 41),
    ("app", 50),
    ("cli", 60),
    ("main", 65),
];

/// Words, the places that may use them, and why no other may.
type Rule = (
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

/// Everything from the edges up: what the core must not do itself.
const OUTSIDE: &[&str] = &[
    "happy_eyeballs.rs",
    "tls_fault.rs",
    "gizwits/",
    "mqtt/",
    "config/",
    "store/",
    "web/",
    "simulator/",
    "app/",
    "cli/",
    "main.rs",
];

/// Words, where they may occur (beginnings of paths), and why nowhere else.
const WORDS: [Rule; 21] = [
    (
        &[
            "Instant::now",
            "SystemTime::now",
            "Timestamp::now",
            "Zoned::now",
        ],
        &["app/clock.rs"],
        "time comes from one place",
    ),
    (&["sleep("], OUTSIDE, "the core never waits"),
    (
        &[
            "Mutex",
            "RwLock",
            "LazyLock",
            "static mut",
            "HashMap",
            "thread_local",
            "tokio::",
        ],
        OUTSIDE,
        "the core has no locks, no tasks, and an order that does not change",
    ),
    (
        &[
            "std::fs",
            "std::net",
            "std::io",
            "std::env",
            "std::process",
            "std::thread",
        ],
        OUTSIDE,
        "the core touches no file, no socket and no environment",
    ),
    (
        &[
            "fastrand::u",
            "fastrand::i",
            "fastrand::f",
            "fastrand::bool",
            "fastrand::Rng::new",
        ],
        OUTSIDE,
        "chance in the core comes from a generator with a seed",
    ),
    (
        &[".expose()"],
        &[
            "secret.rs",
            "gizwits/",
            "mqtt/",
            "config/write.rs",
            "config/fingerprint.rs",
            "store/kept.rs",
            "store/tokens.rs",
            "app/edges.rs",
        ],
        "a secret leaves its wrapper only where it is sent or kept",
    ),
    (
        &["println!", "print!("],
        &[],
        "only cli/output.rs prints, and by writeln!",
    ),
    (
        &["rumqttc"],
        &["mqtt/v4.rs", "mqtt/v5.rs", "mqtt/transport.rs"],
        "one place per crate",
    ),
    (
        &["rumqttd"],
        &["simulator/broker.rs", "cli/logging.rs"],
        "one place per crate",
    ),
    (
        &["reqwest"],
        &["gizwits/http.rs", "gizwits/error.rs"],
        "one place per crate",
    ),
    (
        &["rustls"],
        &[
            "mqtt/",
            "gizwits/http.rs",
            "gizwits/tls.rs",
            "gizwits/ws_tls.rs",
            "tls_fault.rs",
        ],
        "one place per crate",
    ),
    (
        &["tungstenite"],
        &["gizwits/ws.rs", "simulator/ws.rs"],
        "one place per crate, on either side",
    ),
    (&["sd_notify"], &["app/notify.rs"], "one place per crate"),
    (
        &["tracing_subscriber"],
        &["cli/logging.rs"],
        "one place per crate",
    ),
    (&["backoff::"], &["retry.rs"], "one place per crate"),
    (
        &["serde_yaml", "saphyr_parser"],
        &["yaml.rs", "yaml/bounds.rs"],
        "one place per crate",
    ),
    (
        &["serde_path_to_error"],
        &["yaml.rs"],
        "one place per crate",
    ),
    (
        &["schemars"],
        &[
            "profile/file.rs",
            "profile/json_schema.rs",
            "profile/ordered.rs",
            "profile/platform.rs",
        ],
        "only profiles describe themselves to editors",
    ),
    (
        &["md5::"],
        &[
            "gizwits/sign.rs",
            "simulator/signature.rs",
            "config/fingerprint.rs",
        ],
        "each side of a signature reckons for itself; a fingerprint proves nothing to anybody",
    ),
    (
        &["axum", "hyper"],
        &["web/", "simulator/http.rs", "simulator/ws.rs"],
        "one place per crate",
    ),
    (
        &[
            "clap::",
            "clap_complete",
            "clap_mangen",
            "comfy_table",
            "rpassword",
            "terminal_size",
        ],
        &["cli/"],
        "one place per crate",
    ),
];

/// One source file: its path below `src`, and its text.
type File = (String, String);

/// Every breach, as `file:line: rule`.
fn breaches(files: &[File]) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in files {
        let module = path.split(['/', '.']).next().unwrap();
        // The list of modules imports nothing.
        if path == "lib.rs" {
            continue;
        }
        let Some(height) = height(module) else {
            breaches.push(format!(
                "{path}:1: {module} has no layer; add it to the table"
            ));
            continue;
        };
        for (at, line) in code(text) {
            // They would hide from this test what they lead to.
            if let Some(way) = ["crate::{", "crate::*", "crate as", "super::super::"]
                .iter()
                .find(|way| line.contains(*way))
            {
                breaches.push(format!(
                    "{path}:{at}: {way} is not read here; name each module"
                ));
            }
            for imported in imports(line) {
                match self::height(imported) {
                    _ if imported == module => {}
                    None => breaches.push(format!("{path}:{at}: {imported} has no layer")),
                    Some(other) if other >= height => {
                        breaches.push(format!("{path}:{at}: {module} may not know {imported}"));
                    }
                    Some(_) => {}
                }
            }
            for (words, places, why) in WORDS {
                let found = words.iter().find(|word| line.contains(*word));
                let allowed = places.iter().any(|place| path.starts_with(place));
                if let Some(word) = found.filter(|_| !allowed) {
                    breaches.push(format!("{path}:{at}: {word} does not belong here: {why}"));
                }
            }
        }
    }
    breaches
}

fn height(module: &str) -> Option<u32> {
    LAYERS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, height)| *height)
}

/// Lines with their numbers, without comments and without unit tests: what `#[cfg(test)]` stands
/// before, up to the brace or semicolon that closes it.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_test = false;
    text.lines()
        .enumerate()
        .filter(move |(_, line)| {
            let was_test = is_test || line.starts_with("#[cfg(test)]");
            let closes = *line == "}" || (!line.starts_with(' ') && line.ends_with(';'));
            is_test = was_test && !closes;
            !was_test && !line.trim_start().starts_with("//")
        })
        .map(|(at, line)| (at + 1, line))
}

/// Modules named after `crate::`.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let name = rest.get(..end.unwrap_or(rest.len()))?;
        (!name.is_empty()).then_some(name)
    })
}

fn read(folder: &Path, below: &str, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        if entry.path().is_dir() {
            read(&entry.path(), &path, files);
        } else if path.ends_with(".rs") {
            files.push((path, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

#[test]
fn imports_go_down_and_words_stay_where_they_belong() {
    let mut files = Vec::new();
    read(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        "",
        &mut files,
    );
    assert!(files.len() > 60, "the sources are gone");
    let mut lengths: Vec<(usize, &str)> = files
        .iter()
        .map(|(path, text)| (text.lines().count(), path.as_str()))
        .collect();
    lengths.sort_unstable();
    eprintln!(
        "{} files, the middle one has {} lines, the longest:",
        files.len(),
        lengths[files.len() / 2].0
    );
    for (lines, path) in lengths.iter().rev().take(5) {
        eprintln!("  {lines:5} {path}");
    }
    let breaches = breaches(&files);
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn the_checker_finds_each_kind_of_breach() {
    for (path, text, want) in [
        (
            "model/x.rs",
            "use crate::bridge::Input;",
            "model may not know bridge",
        ),
        (
            "mqtt/x.rs",
            "use crate::gizwits::Api;",
            "mqtt may not know gizwits",
        ),
        (
            "profile/x.rs",
            "fn f() { crate::homeassistant::slug::level() }",
            "profile may not know homeassistant",
        ),
        (
            "bridge/x.rs",
            "use std::sync::Mutex;",
            "Mutex does not belong here",
        ),
        (
            "bridge/x.rs",
            "let t = Instant::now();",
            "Instant::now does not belong here",
        ),
        (
            "cli/x.rs",
            "use rumqttc::Event;",
            "rumqttc does not belong here",
        ),
        (
            "bridge/x.rs",
            "token.expose()",
            ".expose() does not belong here",
        ),
        (
            "model/x.rs",
            "use crate::{\n    cli,\n};",
            "x.rs:1: crate::{ is not read",
        ),
        (
            "model/x.rs",
            "use super::super::cli;",
            "super::super:: is not read",
        ),
        (
            "model/x.rs",
            "#[cfg(test)]\nuse a::b;\nuse crate::cli;",
            "x.rs:3: model may not know cli",
        ),
        (
            "model/x.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::web;\n}\nuse crate::cli;",
            "x.rs:5: model may not know cli",
        ),
        ("newcomer/x.rs", "", "newcomer has no layer"),
    ] {
        let found = breaches(&[(path.into(), text.into())]);
        assert!(
            found.iter().any(|breach| breach.contains(want)),
            "{path}: {text}: {found:?}"
        );
    }
    let fine =
        "// use crate::cli\nuse crate::ids::Did;\n#[cfg(test)]\nmod tests { use crate::cli::X; }";
    assert_eq!(
        breaches(&[("model/x.rs".into(), fine.into())]),
        Vec::<String>::new()
    );
}

#[test]
fn no_import_goes_up_or_sideways_between_any_two_modules() {
    for (module, height) in LAYERS {
        for (other, other_height) in LAYERS {
            let text = format!("use crate::{other}::X;");
            let found = breaches(&[(format!("{module}/x.rs"), text)]);
            let may = module == other || other_height < height;
            assert_eq!(found.is_empty(), may, "{module} -> {other}: {found:?}");
        }
    }
    // The picture has seven floors; in the third, `profile` knows nothing of `homeassistant`, and in
    // the fifth, `happy_eyeballs` and `tls_fault` nothing of the edges.
    let floors = [
        "ids secret clock retry yaml printable",
        "model",
        "profile homeassistant",
        "bridge",
        "happy_eyeballs tls_fault gizwits mqtt config store web simulator",
        "app",
        "cli main",
    ];
    for (floor, modules) in floors.iter().enumerate() {
        for module in modules.split(' ') {
            assert_eq!(height(module).unwrap() as usize / 10, floor, "{module}");
        }
    }
}

#[test]
fn each_word_is_found_outside_its_places() {
    for (words, places, why) in WORDS {
        for word in words {
            let breaches_at = |path: &str| breaches(&[(path.into(), format!("x({word});"))]);
            let found = breaches_at("model/x.rs");
            assert!(found.iter().any(|breach| breach.contains(why)), "{word}");
            for place in places {
                let path = if place.ends_with('/') {
                    &format!("{place}x.rs")
                } else {
                    *place
                };
                let found = breaches_at(path);
                assert!(
                    !found.iter().any(|breach| breach.contains(why)),
                    "{word} in {path}"
                );
            }
        }
    }
}
