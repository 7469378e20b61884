#!/usr/bin/env bash
# The image as its users run it: not as root, on a read-only file system, and healthy.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${1:?usage: tests/container.sh IMAGE}
program=target/release/gizwits2mqtt
[ -x "$program" ] || program=target/debug/gizwits2mqtt
work=$(mktemp -d)
container=
simulator=
finish() {
  status=$?
  if [ "$status" -ne 0 ] && [ -n "$container" ]; then docker logs "$container" || true; fi
  [ -z "$container" ] || docker rm -f "$container" >/dev/null
  [ -z "$simulator" ] || kill "$simulator" 2>/dev/null || true
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

mkfifo "$work/cloud"
"$program" simulate --listen 127.0.0.1:0 >"$work/cloud" &
simulator=$!
read -r line <"$work/cloud"

# A broker is not needed to be healthy: that it is away is no reason to restart the bridge.
container=$(docker run -d --read-only --cap-drop ALL --network host --health-interval 2s \
  -e GIZWITS2MQTT__ACCOUNTS__0__APP_ID=demo-app-id \
  -e "GIZWITS2MQTT__ACCOUNTS__0__API_URL=${line#listening on }" \
  -e GIZWITS2MQTT__ACCOUNTS__0__USERNAME=demo@example.com \
  -e GIZWITS2MQTT__ACCOUNTS__0__PASSWORD=demo-password \
  -e GIZWITS2MQTT__MQTT__URL=mqtt://127.0.0.1:1 \
  -e GIZWITS2MQTT__WEB__LISTEN=127.0.0.1:18099 \
  --tmpfs /data:uid=65532,gid=65532,mode=700 "$image")
# Through a file: grep -q stops reading, and a pipe that breaks is a failure here.
logged_in() { docker logs "$container" >"$work/log" 2>&1; grep -q 'logged in' "$work/log"; }
for _ in $(seq 60); do
  health=$(docker inspect -f '{{.State.Health.Status}}' "$container")
  logged_in && [ "$health" = healthy ] && break
  sleep 1
done
[ "$health" = healthy ] || { echo "the container is $health"; exit 1; }
logged_in
[ "$(docker inspect -f '{{.Config.User}}' "$container")" = 65532:65532 ]
# It works, and is not ready: there is no broker.
if docker exec "$container" gizwits2mqtt health; then echo "it is ready without a broker"; exit 1; fi
docker stop -t 10 "$container" >/dev/null
code=$(docker inspect -f '{{.State.ExitCode}}' "$container")
[ "$code" = 0 ] || { echo "it ended with $code"; exit 1; }
echo "container: healthy, not root, logged in, ended in order"
