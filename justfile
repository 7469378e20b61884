# What people who work on it run. `just ci` is what must pass.

# The quick checks
check:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# All tests; the broker is Mosquitto in Docker, else on PATH, else the embedded one
test *args:
    cargo test --locked {{ args }}

# The core against the simulated cloud, with a seed of your own
sim seed="1":
    SEED={{ seed }} cargo test --locked --test simulation -- --nocapture

# Thousands of days of trouble, optimized; each law that breaks is shown with its first seed
lives seeds="1..2001":
    SEEDS={{ seeds }} cargo --config tests/simulation/fast.toml test --locked --test simulation -- a_life_of_trouble --nocapture

# Real Home Assistant
homeassistant:
    tests/homeassistant.sh

# Accept changed snapshots after a look at them
snap:
    INSTA_UPDATE=always cargo test --locked --test discovery --test config --test cli --test cli_profile

# Write docs/open-api.md anew after a look at what changed
open-api:
    UPDATE_OPEN_API=1 cargo test --locked --test open_api

# Write docs/devices.md anew, by what a real Home Assistant shows
devices:
    UPDATE_DEVICES=1 HA_TOOLS="${HA_TOOLS:-../shared/tools/ha}" cargo test --locked --test home_assistant every_family

# Write docs/profile.schema.json anew after a change to the shape of profiles
profile-schema:
    UPDATE_PROFILE_SCHEMA=1 cargo test --locked --test cli_profile

# Latency, memory, start; as ratios to a floor
bench:
    cargo bench --locked

deny:
    cargo deny check

ci:
    .ci/run
