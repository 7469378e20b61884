//! Configurations, good and bad, as files on disk.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use gizwits2mqtt::config::{Config, ConfigErrors, Credentials, load};
use gizwits2mqtt::model::Region;

fn load_text(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("password.txt"), "from a file\n").unwrap();
    let file = folder.path().join("c.yaml");
    std::fs::write(&file, text).unwrap();
    let mut all: BTreeMap<String, String> = BTreeMap::from([("HOME".into(), "/home/x".into())]);
    all.extend(
        variables
            .iter()
            .map(|(name, text)| ((*name).into(), (*text).into())),
    );
    load(&file, &all).map_err(|mut errors| {
        errors.file = "c.yaml".into();
        let folder = folder.path().display().to_string();
        for problem in &mut errors.problems {
            problem.message = problem.message.replace(&folder, "FOLDER");
        }
        errors
    })
}

const SHORT: &str =
    "accounts:\n  - app: bestway-eu\n    username: me@example.com\n    password: hunter2\n";

#[test]
fn four_lines_are_enough() {
    let config = load_text(SHORT, &[]).unwrap();
    let account = &config.accounts[0];
    assert_eq!(account.name.as_str(), "default");
    assert_eq!(account.app_id, "98754e684ec045528b073876c34c7348");
    assert_eq!(
        account.urls.keys().copied().collect::<Vec<_>>(),
        [Region::Eu]
    );
    assert_eq!(config.mqtt.url, "mqtt://localhost:1883");
    assert!(config.mqtt.is_v5);
    assert_eq!(config.settings.base_topic, "gizwits2mqtt");
    assert_eq!(config.settings.poll_interval, Duration::from_secs(60));
    assert_eq!(config.settings.bindings_interval, Duration::from_secs(600));
    assert_eq!(
        config.settings.bindings_interval_with_push,
        Duration::from_secs(3_600)
    );
    assert_eq!(config.settings.requests_per_minute, 30);
    assert_eq!(config.settings.total_requests_per_minute, None);
    assert!(config.settings.push);
    let with_push = config.settings.poll_interval_with_push;
    assert_eq!(with_push, Duration::from_secs(30 * 60));
    assert_eq!(
        config.settings.homeassistant.unwrap().status_topic,
        "homeassistant/status"
    );
    assert_eq!(
        config.state_dir,
        Path::new("/home/x/.local/state/gizwits2mqtt")
    );
    assert_eq!(config.web, None);
}

#[test]
fn secrets_come_from_files_and_the_environment_and_are_never_shown() {
    let text = "accounts:\n  - app: heatzy\n    username: me\n    password_file: password.txt\n";
    let config = load_text(text, &[]).unwrap();
    let Credentials::User { password, .. } = &config.accounts[0].credentials else {
        panic!("another kind");
    };
    assert_eq!(password.expose(), "from a file");

    let variables = [
        ("GIZWITS2MQTT__ACCOUNTS__0__PASSWORD", "0123"),
        ("GIZWITS2MQTT__MQTT__URL", "mqtts://x"),
    ];
    let config = load_text(SHORT, &variables).unwrap();
    let Credentials::User { password, .. } = &config.accounts[0].credentials else {
        panic!("another kind");
    };
    assert_eq!(password.expose(), "0123");
    assert_eq!(config.mqtt.url, "mqtts://x");
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("0123") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn an_address_with_a_password_in_it_is_not_repeated() {
    for url in [
        "mqtt://u:hunter2@x",
        "homeassistant:hunter2@192.168.1.5:1883",
        "tcp://u:hunter2@x",
        "u:hunter2@x",
        "mqtt://u:hunter2@x:port",
    ] {
        let text = format!("{SHORT}mqtt: {{url: \"{url}\"}}\n");
        let errors = load_text(&text, &[]).unwrap_err().to_string();
        assert!(errors.contains("mqtt.url"), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn a_container_needs_no_file() {
    let variables = BTreeMap::from(
        [
            ("GIZWITS2MQTT__ACCOUNTS__0__APP_ID", "abc"),
            (
                "GIZWITS2MQTT__ACCOUNTS__0__API_URL",
                "http://127.0.0.1:8080/",
            ),
            ("GIZWITS2MQTT__ACCOUNTS__0__PHONE_ID", "p"),
            ("GIZWITS2MQTT__STATE_DIR", "/state"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned())),
    );
    let config = load(Path::new("/nowhere/c.yaml"), &variables).unwrap();
    assert_eq!(
        config.accounts[0].urls[&Region::Custom],
        "http://127.0.0.1:8080"
    );
    assert!(matches!(
        config.accounts[0].credentials,
        Credentials::Anonymous { .. }
    ));
}

#[test]
fn regions_are_tried_in_the_order_that_costs_least() {
    let text = "accounts: [{app: jebao, username: me, password: x}]\n";
    let config = load_text(text, &[]).unwrap();
    let core = config.settings.accounts.values().next().unwrap();
    assert_eq!(core.regions, Region::AUTO);
}

#[test]
fn push_and_its_limits_are_read_and_checked() {
    let read = |more: &str, variables: &[(&str, &str)]| {
        load_text(&format!("{SHORT}{more}"), variables)
            .map(|config| config.settings)
            .map_err(|err| err.to_string())
    };
    let settings = read(
        "push: {enabled: false}\npolling: {interval_with_push: 15m}\n\
         limits: {total_requests_per_minute: 120}\n",
        &[],
    );
    let settings = settings.unwrap();
    assert!(!settings.push);
    let with_push = settings.poll_interval_with_push;
    assert_eq!(with_push, Duration::from_secs(15 * 60));
    assert_eq!(settings.total_requests_per_minute, Some(120));
    let variable = ("GIZWITS2MQTT__PUSH__ENABLED", "false");
    assert!(!read("", &[variable]).unwrap().push);
    for (wrong, key) in [
        ("push: {enabled: maybe}\n", "push.enabled"),
        ("push: {enable: true}\n", "enabled"),
        (
            "polling: {interval_with_push: 1s}\n",
            "polling.interval_with_push",
        ),
        (
            "polling: {interval_with_push: 25h}\n",
            "polling.interval_with_push",
        ),
        (
            "limits: {total_requests_per_minute: 5}\n",
            "limits.total_requests_per_minute",
        ),
        (
            "limits: {total_requests_per_minute: 6001}\n",
            "limits.total_requests_per_minute",
        ),
    ] {
        let problems = read(wrong, &[]).unwrap_err();
        assert!(problems.contains(key), "{wrong}: {problems}");
    }
}

#[test]
fn shards_share_the_limit() {
    let text = format!(
        "{SHORT}shard: {{index: 1, count: 3}}\n\
         limits: {{requests_per_minute: 60, total_requests_per_minute: 90}}\n"
    );
    let settings = load_text(&text, &[]).unwrap().settings;
    assert_eq!(settings.requests_per_minute, 20);
    assert_eq!(settings.total_requests_per_minute, Some(30));
}

#[test]
fn every_problem_is_listed_at_once_with_line_and_hint() {
    let text = "\
acounts: []
accounts:
  - name: a
    app: bestwy
    usrname: me
    password: hunter2
  - name: b
    app: heatzy
    app_id: abc
    username: me
    region: europe
  - name: c
    app_id: abc
    api_url: ftp://x
    phone_id: p
    username: me
    password: x
    include: {a: b}
mqtt:
  url: localhost:1883
  base_topic: a/#
  protocol: 4
  username: me
  client_cert_file: nowhere.pem
polling: {interval: 1s, bindings_interval: soon}
limits: {requests_per_minute: 5}
devices:
  AbC: {topic: pool, nme: x}
  DeF: {topic: pool}
  GhI: {topic: a/b}
web: {listen: 0.0.0.0:80}
shard: {index: 2, count: 2}
log: {level: loud, format: xml}
";
    let errors = load_text(text, &[("GIZWITS2MQTT__MQTT__PORT", "1")])
        .unwrap_err()
        .to_string();
    assert!(!errors.contains("hunter2"));
    insta::assert_snapshot!(errors);
}

#[test]
fn a_file_that_is_no_yaml_names_its_line() {
    let errors = load_text("accounts:\n  - app: [\n", &[]).unwrap_err();
    insta::assert_snapshot!(errors.to_string());
}

#[test]
fn a_file_that_would_take_all_memory_or_time_is_refused_as_a_whole() {
    let aliases = format!(
        "x: &x \"{}\"\ny: [{}]\n",
        "A".repeat(1000),
        "*x, ".repeat(190_000)
    );
    for (text, words) in [
        ("[".repeat(100_000), "recursion limit"),
        (
            format!("accounts: {}", "[".repeat(1_000_000)),
            "recursion limit",
        ),
        ("- ".repeat(500_000), "64 deep"),
        (aliases, "holds too much"),
        ("a".repeat(1_048_577), "longer than 1048576 bytes"),
        (
            format!("accounts: [{}]", "0,".repeat(400_000)),
            "holds too much",
        ),
    ] {
        let short: String = text.chars().take(20).collect();
        let problems = load_text(&text, &[]).unwrap_err().problems;
        assert_eq!(problems.len(), 1, "{short}");
        assert!(
            problems[0].message.contains(words),
            "{short}: {}",
            problems[0].message
        );
    }
}

#[test]
fn a_hostile_profile_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let aliases = format!(
        "x: &x \"{}\"\ny: [{}]\n",
        "A".repeat(1000),
        "*x, ".repeat(190_000)
    );
    write("aliases.yaml", &aliases);
    write("deep.yaml", &format!("x: {}", "[".repeat(970_000)));
    write("good.yaml", &profile("good"));
    write("long.yaml", &"#".repeat(2_000_000));
    let profiles = gizwits2mqtt::config::UserProfiles::read(Some(folder.path().into()));
    let ids: Vec<&str> = profiles
        .profiles()
        .map(|(_, of)| of.profile.as_str())
        .collect();
    assert_eq!(ids, ["good"]);
    let faults: Vec<&str> = profiles
        .faults()
        .map(|fault| fault.message.as_str())
        .collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
    for (fault, words) in faults
        .iter()
        .zip(["alias", "recursion limit", "longer than"])
    {
        assert!(fault.contains(words), "{fault}");
    }
}

#[test]
fn an_empty_secret_is_none() {
    for (key, rest) in [("password", "username: me, "), ("phone_id", "")] {
        let text = format!("accounts: [{{app: heatzy, {rest}{key}: ''}}]\n");
        let errors = load_text(&text, &[]).unwrap_err().to_string();
        assert!(errors.contains(&format!("{key}: it is empty")), "{errors}");
    }
    // A broker may know its users by name alone.
    let text = format!("{SHORT}mqtt: {{username: token, password: ''}}\n");
    assert!(load_text(&text, &[]).is_ok());
}

#[test]
fn a_missing_file_says_what_to_do() {
    let errors = load(Path::new("/nowhere/c.yaml"), &BTreeMap::new()).unwrap_err();
    assert!(errors.to_string().contains("--config"), "{errors}");
}

fn profile(id: &str) -> String {
    format!(
        "profile: {id}\ntitle: Mine\nmatch: {{ attributes: [power] }}\nentities:\n  \
         power: {{ platform: switch, state: power }}\n"
    )
}

#[test]
fn profiles_of_the_folder_are_read_and_a_fault_in_one_leaves_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("mine");
    std::fs::create_dir(&dir).unwrap();
    for (name, text) in [
        ("a.yaml", profile("a")),
        ("airjet.yml", profile("bestway-airjet")),
        ("b.yaml", profile("b").replace("switch", "swich")),
        ("c.yaml", profile("a")),
        (".d.yaml", profile("d")),
        ("notes.txt", "no profile".into()),
    ] {
        std::fs::write(dir.join(name), text).unwrap();
    }
    // Beside the configuration, wherever the program is started.
    let file = folder.path().join("c.yaml");
    let devices = "AbC: {profile: bestway-airjt}, AbD: {profile: none}, AbE: {profile: a}";
    let text = format!("{SHORT}profiles_dir: mine\ndevices: {{{devices}}}\n");
    std::fs::write(&file, &text).unwrap();
    let home = BTreeMap::from([("HOME".into(), "/home/x".into())]);
    let config = load(&file, &home).unwrap();
    let catalog = &config.settings.profiles;
    assert_eq!(catalog.get("bestway-airjet").unwrap().title, "Mine");
    for (id, is_known) in [("a", true), ("b", false), ("d", false)] {
        assert_eq!(catalog.get(id).is_some(), is_known, "{id}");
    }
    let warnings = config.profile_warnings();
    let folder_name = dir.display().to_string();
    let warnings: Vec<String> = warnings
        .iter()
        .map(|warning| warning.replace(&folder_name, "mine"))
        .collect();
    for (at, want) in [
        "mine/b.yaml:5: entities.power.platform: unknown variant `swich`",
        "mine/c.yaml:1: profile: \"a\" is the id of a.yaml",
        "devices.AbC.profile: there is no profile \"bestway-airjt\"",
    ]
    .iter()
    .enumerate()
    {
        assert!(warnings[at].starts_with(want), "{at}: {warnings:?}");
    }
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings[2].contains("did you mean \"bestway-airjet\"?"));

    std::fs::write(&file, text.replace("mine", "nowhere")).unwrap();
    let warnings = load(&file, &home).unwrap().profile_warnings();
    assert!(
        warnings[0].contains("nowhere: profiles_dir: the folder cannot be read"),
        "{warnings:?}"
    );
}

const EXAMPLE: &str = include_str!("../config/gizwits2mqtt.yaml");

#[test]
fn the_example_is_valid_as_it_stands() {
    let text = EXAMPLE.replace("gizwits_password ", "password.txt ");
    let config = load_text(&text, &[]).unwrap();
    assert_eq!(config.accounts[0].name.as_str(), "home");
}

#[test]
fn the_ten_lines_of_the_readme_are_valid() {
    let readme = include_str!("../README.md");
    let (_, rest) = readme.split_once("```yaml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    assert!(text.lines().count() <= 10);
    assert_eq!(load_text(text, &[]).unwrap().accounts.len(), 1);
}

#[test]
fn the_example_shows_every_default_truly() {
    let is_setting = |line: &str| {
        let word: String = line
            .trim_start()
            .chars()
            .take_while(|c| *c != ':')
            .collect();
        line.contains(':') && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    // What would need files, or stands instead of something else, stays a comment.
    let stays = [
        "_file",
        "phone_id",
        "clude:",
        "username",
        "client_id",
        "api_url",
        "state_dir",
        "topic: pool",
        "name: Pool",
        "profile: bestway",
        "profiles_dir",
    ];
    let uncommented: Vec<String> = EXAMPLE
        .replace("gizwits_password ", "password.txt ")
        .lines()
        .map(|line| match line.split_once("# ") {
            Some((indent, setting))
                if indent.trim().is_empty()
                    && is_setting(setting)
                    && !stays.iter().any(|word| setting.contains(word)) =>
            {
                format!("{indent}{setting}")
            }
            _ => line.to_owned(),
        })
        .collect();
    let plain = load_text(&EXAMPLE.replace("gizwits_password ", "password.txt "), &[]).unwrap();
    let shown = load_text(&uncommented.join("\n"), &[]).unwrap();
    // The example's web server is a choice, and so is to try all regions.
    assert_eq!(shown.settings.poll_interval, plain.settings.poll_interval);
    assert_eq!(
        shown.settings.bindings_interval,
        plain.settings.bindings_interval
    );
    assert_eq!(
        shown.settings.bindings_interval_with_push,
        plain.settings.bindings_interval_with_push
    );
    assert_eq!(
        shown.settings.requests_per_minute,
        plain.settings.requests_per_minute
    );
    assert_eq!(shown.settings.push, plain.settings.push);
    assert_eq!(
        shown.settings.poll_interval_with_push,
        plain.settings.poll_interval_with_push
    );
    assert_eq!(shown.settings.total_requests_per_minute, Some(60));
    assert_eq!(shown.settings.homeassistant, plain.settings.homeassistant);
    assert_eq!(shown.settings.base_topic, plain.settings.base_topic);
    assert_eq!(
        (shown.settings.shard, shown.log),
        (plain.settings.shard, plain.log)
    );
    assert_eq!(shown.mqtt, plain.mqtt);
    assert!(shown.web.is_some() && plain.web.is_none());
}
