#!/bin/bash
# Makes this instance serve its release, or gives it up and says why. Run again, it changes nothing that is right.
set -Eeuo pipefail
shopt -s inherit_errexit
# cloud-init and systemd give a script no HOME.
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=5 AWS_PAGER='' DOCKER_CONFIG=/opt/bluegreen/docker
set -a
# shellcheck source=/dev/null
. /opt/bluegreen/stub.env
set +a
readonly RELEASE=/opt/bluegreen/release PLUGINS=/usr/local/lib/docker/cli-plugins

# A boot that fails must say so and be given up: the instance, and its disk, are gone minutes later.
readonly LOG=/var/log/bluegreen/boot.log
step=start reason='' failed_line=''

begin() {
  step=$1
  printf '%s bluegreen: step=%s\n' "$(date -u +%FT%TZ)" "$step"
}

# A failure that has a better reason than the last line of the log.
die() {
  reason=$1 failed_line=${BASH_LINENO[0]}
  exit 1
}

# again TRIES SECONDS COMMAND…: for what a moment's wait mends, as a role that is seconds old, or a busy service.
again() {
  local tries=$1 pause=$2 try
  shift 2
  for ((try = 1; try < tries; try++)); do
    "$@" && return
    printf 'bluegreen: step=%s try %d of %d failed, next in %d s\n' "$step" "$try" "$tries" "$pause" >&2
    sleep "$pause"
  done
  "$@"
}

metadata() {
  local token
  token=$(curl -sS --fail --max-time 5 --retry 5 --retry-connrefused -X PUT \
    -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' http://169.254.169.254/latest/api/token) || return
  curl -sS --fail --max-time 5 --retry 5 --retry-connrefused \
    -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}

# What the scaling group does with this instance: CONTINUE lets it in, ABANDON ends it.
lifecycle() {
  local instance group
  # Callers look at the status, where bash goes on after a failure.
  instance=$(metadata instance-id) || return
  group=$(metadata tags/instance/aws:autoscaling:groupName) || return
  aws autoscaling complete-lifecycle-action --region "$BLUEGREEN_REGION" --lifecycle-hook-name "$BLUEGREEN_HOOK" \
    --auto-scaling-group-name "$group" --instance-id "$instance" --lifecycle-action-result "$1"
}

# Written past the agent too, which may be what failed.
put_line() {
  local stream
  stream="$(metadata instance-id || uname -n)/failure"
  aws logs create-log-stream --region "$BLUEGREEN_REGION" --log-group-name "$BLUEGREEN_LOG_GROUP" \
    --log-stream-name "$stream" || true
  python3 -c 'import json, sys, time
print(json.dumps([{"timestamp": int(time.time() * 1000), "message": sys.argv[1]}]))' "$1" >/run/bluegreen/failure.json &&
    aws logs put-log-events --region "$BLUEGREEN_REGION" --log-group-name "$BLUEGREEN_LOG_GROUP" \
      --log-stream-name "$stream" --log-events file:///run/bluegreen/failure.json
}

# shellcheck disable=SC2317,SC2329 # called by the trap
ended() {
  local status=$?
  trap - ERR EXIT
  ((status)) || exit 0
  set +e
  sleep 1 # what was said last is still on its way to the log
  # The last that this step said.
  [[ $reason ]] || reason=$(awk '/ bluegreen: step=/ {last = ""; next} NF {last = $0} END {print last}' "$LOG" | cut -c 1-500)
  local marker="BLUEGREEN BOOT FAILED step=$step status=$status line=$failed_line reason=$reason"
  printf '%s\n' "$marker"
  printf '%s\n' "$marker" >/dev/console
  put_line "$marker"
  sleep 6 # the agent sends every 5 s
  lifecycle ABANDON
  exit "$status"
}

mkdir -p /opt/bluegreen /var/log/bluegreen
install -d -m 0700 /run/bluegreen
if [[ -z ${BLUEGREEN_LOGGING-} ]]; then
  export BLUEGREEN_LOGGING=1
  exec > >(tee -a "$LOG") 2>&1
fi
trap 'failed_line=$LINENO' ERR
trap ended EXIT

compose() {
  docker compose --project-name bluegreen --project-directory "$RELEASE" --file "$RELEASE/compose.yaml" \
    --env-file /opt/bluegreen/instance.env "$@"
}

# Prints the status of the health path as nginx answers it here, 000 without an answer.
answered() {
  curl -s --max-time 5 --output /dev/null --write-out '%{http_code}' 'http://127.0.0.1:8080/health/deep' || true
}

readonly CODES=(200-200)
healthy() {
  local range
  for range in "${CODES[@]}"; do
    ((10#$1 >= ${range%-*} && 10#$1 <= ${range#*-})) && return
  done
  return 1
}

# First the agent: what goes wrong after it is seen in the log group while it happens.
begin agent
rpm --quiet -q amazon-cloudwatch-agent || again 3 10 dnf install -y -q amazon-cloudwatch-agent
sed "s|@LOG_GROUP@|$BLUEGREEN_LOG_GROUP|" "$RELEASE/agent.json" >/opt/bluegreen/agent.json
/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:/opt/bluegreen/agent.json

# The machine image pins the packages: its repository is locked to one release of Amazon Linux.
begin packages
rpm --quiet -q docker amazon-ecr-credential-helper ||
  again 3 10 dnf install -y -q docker amazon-ecr-credential-helper

begin plugin
arch=$(uname -m)
case $arch in
aarch64) sum=733ec76717ceb59052a9609b9dadfb523b2df8eab57a54212872d10a58078ea2 ;;
x86_64) sum=40343e21ca777173e69cff5dbafeb37c6f81f3b0d57d9e597f036e95eb63e76a ;;
*) die "no Compose plugin for $arch" ;;
esac
verified() { printf '%s  %s\n' "$sum" "$1" | sha256sum --check --status; }
if ! verified "$PLUGINS/docker-compose" 2>/dev/null; then
  mkdir -p "$PLUGINS"
  again 3 10 curl -sS --fail --location --retry 3 --max-time 180 --output /run/bluegreen/docker-compose \
    "https://github.com/docker/compose/releases/download/v5.6.0/docker-compose-linux-$arch"
  verified /run/bluegreen/docker-compose || die "the Compose plugin from https://github.com/docker/compose/releases/download/v5.6.0 isn't version 5.6.0: its checksum differs"
  install -m 0755 /run/bluegreen/docker-compose "$PLUGINS/docker-compose"
  rm /run/bluegreen/docker-compose
fi
found=$(docker compose version --short)
[[ ${found#v} == 5.6.0 ]] || die "docker compose is version $found, not 5.6.0"

begin instance
instance=$(metadata instance-id)
memory=$(awk '/^MemTotal:/ {print int($2 / 1024)}' /proc/meminfo)
# Of the rest each container of the app may have its part; the system, the engine and nginx keep 512 MiB.
part=$(((memory - 512) / 5))
((part >= 64)) || die "$memory MiB of memory are too few for 5 containers: each would have $part MiB"
cat >/opt/bluegreen/instance.env <<INSTANCE
BLUEGREEN_INSTANCE=$instance
BLUEGREEN_REGION=$BLUEGREEN_REGION
BLUEGREEN_LOG_GROUP=$BLUEGREEN_LOG_GROUP
BLUEGREEN_APP_MEMORY=${part}m
INSTANCE

# Explicit, as systemd starts units without a HOME, where docker would look. The helper logs in anew for each pull,
# where a token of `docker login` would be dead after 12 hours.
begin registry
install -d -m 0700 /opt/bluegreen/docker
cat >/opt/bluegreen/docker/config.json <<'DOCKER'
{"credHelpers": {"111122223333.dkr.ecr.eu-central-1.amazonaws.com": "ecr-login"}}
DOCKER

begin units
install -m 0644 "$RELEASE/bluegreen.service" "$RELEASE/bluegreen-secrets.service" /etc/systemd/system/
install -m 0644 "$RELEASE/bluegreen-active.service" /etc/systemd/system/
# After a reboot the engine brings containers back by itself: not before the secrets are there.
mkdir -p /etc/systemd/system/docker.service.d
cat >/etc/systemd/system/docker.service.d/bluegreen.conf <<'DROPIN'
[Unit]
Requires=bluegreen-secrets.service
After=bluegreen-secrets.service
DROPIN
systemctl daemon-reload
systemctl --quiet enable docker.service bluegreen-secrets.service bluegreen.service bluegreen-active.service

# The units write to the same log: its last line says more than systemctl does.
begin secrets
systemctl start bluegreen-secrets.service 2>/dev/null

begin engine
systemctl start docker.service

begin pull
again 3 10 docker compose --project-name bluegreen --project-directory "$RELEASE" --file "$RELEASE/compose.yaml" \
  --env-file /opt/bluegreen/instance.env --profile active-only pull --quiet

begin start
systemctl start bluegreen.service 2>/dev/null

begin ready
deadline=$((SECONDS + 300))
until healthy "$(answered)"; do
  if ((SECONDS >= deadline)); then
    compose ps --all
    die "/health/deep answered $(answered) 300 s after the start, not 200"
  fi
  sleep 2
done

begin active-only
systemctl start bluegreen-active.service

# The hook holds the instance out of the target group until here. Run again, there is no hook left to complete.
begin lifecycle
if ! said=$(lifecycle CONTINUE 2>&1); then
  [[ $said == *'No active Lifecycle Action'* ]] || die "$said"
fi
printf '%s bluegreen: BLUEGREEN BOOT READY seconds=%d\n' "$(date -u +%FT%TZ)" "$SECONDS"
