#!/usr/bin/env bash
# The bridge with a real Home Assistant: devices and entities appear, a service call reaches the cloud,
# the new state comes back, and Home Assistant's log has no complaint. HA_TOOLS is a folder with setup.sh,
# start.sh, stop.sh, ha.py and assert_discovery.py; without one this is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${HA_TOOLS:-../shared/tools/ha}
if [ ! -x "$tools/start.sh" ]; then
  echo "homeassistant: skipped, no Home Assistant to test with (HA_TOOLS=$tools)"
  exit 0
fi
tools=$(cd "$tools" && pwd)
PATH="$PATH:/usr/sbin"
program=${1:-target/debug/gizwits2mqtt}
[ -x "$program" ] || cargo build --locked

work=$(mktemp -d)
pids=()
finish() {
  status=$?
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  "$tools/stop.sh" >/dev/null 2>&1 || true
  if [ "$status" -ne 0 ]; then
    echo "--- the bridge's log"
    tail -n 50 "$work/bridge.log" || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

ha() { "$tools/ha.py" "$@"; }
# The schemas are asked outside Home Assistant, where they cannot look at templates and refuse each; the
# real one is asked for every entity and for its log all the same.
discovered() {
  "$tools/assert_discovery.py" "$@" >"$work/discovery.log" 2>&1 && { tail -n 1 "$work/discovery.log"; return; }
  # Without its closing line it did not come to an end.
  if grep -v -e 'Validates schema outside the event loop' -e ' faults\?$' "$work/discovery.log" ||
    ! grep ' faults\?$' "$work/discovery.log" | sed 's/: [0-9]* faults\?$//'; then
    return 1
  fi
}
# Once no entity lacks its state. The summer house is offline; a button has none until it is pressed, and a
# timer none until it is set.
complete() {
  local end=$((SECONDS + 60))
  until ha entities --json | python3 -c '
import json, sys
lacking = ["%s is %s" % (e["entity_id"], e["state"]) for e in json.load(sys.stdin)
           if not e["disabled_by"] and e["platform"] != "button" and e["device"] != "Summer house" and not e["entity_id"].endswith(("_run_time", "_start_delay")) and e["state"] in (None, "unknown", "unavailable")]
sys.exit("\n".join(lacking) or 0)
' 2>"$work/lacking"; do
    [ "$SECONDS" -lt "$end" ] || { cat "$work/lacking"; return 1; }
  done
}
say() { echo "homeassistant: $*"; }
spa=DemoSpa0000000000000001

"$tools/setup.sh" >"$work/setup.log" 2>&1 || { cat "$work/setup.log"; exit 1; }
# A configuration of its own, too: the default one is another run's.
export HA_STATE="$work/ha" HA_CONFIG="$work/config" HA_PORT="${HA_PORT:-18123}" MQTT_PORT="${MQTT_PORT:-18883}"
"$tools/start.sh" >"$work/start.log" 2>&1 || { cat "$work/start.log"; exit 1; }

# The cloud listens where the system gives it a port, and says where; when it is started again, there.
mkfifo "$work/cloud"
listen=127.0.0.1:0
start_cloud() {
  "$program" simulate --listen "$listen" >"$work/cloud" &
  cloud_pid=$!
  pids+=("$cloud_pid")
  read -r line <"$work/cloud"
  cloud=${line#listening on }
  listen=${cloud#http://}
}
start_cloud
sim() { curl -sf -X "$1" "$cloud/_sim/$2" -d "${3:-}" >/dev/null; }
set_target() { ha call climate set_temperature --entity climate.hot_tub --data "{\"temperature\": $1}" >/dev/null; }
target_is() { ha wait climate.hot_tub --attr "temperature=$1" --timeout "$2" >/dev/null; }
# Sets the spa's target in Home Assistant and waits until it shows; once is how often the cloud is told.
target() {
  forget_told
  set_target "$1"
  target_is "$1" "${2:-60}"
  told_once "$1"
}
told_once() { told "[{\"temp_set\": $1}]"; }
# What devices were told, over push or by HTTP, is this list.
told() {
  { curl -sf "$cloud/_sim/push/writes"; curl -sf "$cloud/_sim/requests"; } | python3 -c '
import json, sys
decode, text = json.JSONDecoder().raw_decode, sys.stdin.read()
writes, end = decode(text)
calls, _ = decode(text[end:])
told = [write["attrs"] for write in writes if write["error_code"] is None]
told += [call["body"]["attrs"] for call in calls if call["path"].startswith("/app/control/") and call["status"] == 200]
assert told == json.loads(sys.argv[1]), told
' "$1"
}
forget_told() { sim DELETE requests; sim DELETE push/writes; }

cat >"$work/c.yaml" <<YAML
accounts:
  - name: home
    app_id: demo-app-id
    api_url: $cloud
    username: demo@example.com
    password: demo-password
mqtt: { url: "mqtt://127.0.0.1:$MQTT_PORT" }
polling: { interval: 10s }
limits: { requests_per_minute: 300 }
state_dir: $work/state
YAML
bridge() { "$program" run -c "$work/c.yaml" 2>>"$work/bridge.log" & pids+=($!); bridge_pid=$!; }
bridge

target_is 38 60
say "entities have their states"
discovered --devices 10 --timeout 90
complete
say "all devices and entities are as announced"

set_target 36
ha call switch turn_on --entity switch.hot_tub_bubbles >/dev/null
ha call climate set_preset_mode --entity climate.bathroom --data '{"preset_mode": "comfort"}' >/dev/null
target_is 36 60
ha wait switch.hot_tub_bubbles --state on --timeout 60 >/dev/null
ha wait climate.bathroom --attr preset_mode=comfort --timeout 60 >/dev/null
told '[{"temp_set": 36}, {"wave_power": true}, {"mode": "cft"}]'
say "service calls reached the cloud once, and the new states came back"

sim POST "devices/$spa/online" '{"online": false}'
set_target 35
ha wait climate.hot_tub --state unavailable --timeout 60 >/dev/null
sim POST "devices/$spa/online" '{"online": true}'
sim POST "devices/$spa/attrs" '{"temp_now": 33}'
ha wait sensor.hot_tub_water_temperature --state 33 --timeout 60 >/dev/null
say "a device that goes offline is unavailable, and comes back"

ha restart >/dev/null
target_is 36 60
complete
say "a restarted Home Assistant has everything again"

kill "$bridge_pid"
ha wait climate.hot_tub --state unavailable --timeout 30 >/dev/null
bridge
target_is 36 60
complete
say "so has Home Assistant after a restart of the bridge"

sim POST tokens/expire
target 35
complete
say "expired tokens cost nothing but a login"

sim POST throttle '{"seconds": 60}'
ha call button press --entity button.gizwits_bridge_refresh >/dev/null
ha wait sensor.gizwits_bridge_account_home --state throttled --timeout 60 >/dev/null
target 36 10
sim POST throttle '{"seconds": 0}'
ha wait sensor.gizwits_bridge_account_home --state ok --timeout 60 >/dev/null
say "with push, a command gets through at once while HTTP is throttled"

sim POST push '{"action": "refuse", "seconds": 60}'
sim POST push '{"action": "drop"}'
ha wait sensor.gizwits_bridge_push --state down --timeout 60 >/dev/null
sim POST throttle '{"seconds": 60}'
target 34 180
ha wait sensor.gizwits_bridge_account_home --state ok --timeout 180 >/dev/null
ha wait sensor.gizwits_bridge_push --state ok --timeout 120 >/dev/null
complete
say "without push, a command waits out 60 s of throttling"

ha log --errors
ha log --mark >/dev/null
kill -9 "$(cat "$HA_STATE/mosquitto.pid")"
ha wait climate.hot_tub --state unavailable --timeout 60 >/dev/null
sim POST "devices/$spa/attrs" '{"temp_now": 36}'
mosquitto -c "$HA_STATE/mosquitto.conf" >/dev/null 2>&1 &
echo $! >"$HA_STATE/mosquitto.pid"
ha wait sensor.hot_tub_water_temperature --state 36 --timeout 120 >/dev/null
target_is 34 60
target 33
# That its link broke, Home Assistant complains of with right; of nothing else.
ha log --errors --since-mark >"$work/complaints" || true
if grep -E '^[0-9]{4}-' "$work/complaints" | grep -v 'MQTT server'; then exit 1; fi
ha log --mark >/dev/null
complete
say "a broker that was killed and comes back has everything again"

kill -9 "$cloud_pid"
set_target 32
ha wait sensor.gizwits_bridge_account_home --state unreachable --timeout 120 >/dev/null
start_cloud
target_is 32 180
ha wait sensor.hot_tub_water_temperature --state 31 --timeout 60 >/dev/null
told_once 32
complete
say "a cloud that was killed and comes back gets the command that waited"

sim DELETE "devices/$spa"
ha call button press --entity button.gizwits_bridge_refresh >/dev/null
ha wait climate.hot_tub --gone --timeout 60 >/dev/null
say "a device that is unbound is gone"

discovered --devices 9 --no-extra --since-mark --timeout 60
ha log --errors --since-mark
say "passed, and Home Assistant's log has no complaint"
