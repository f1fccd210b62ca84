#!/bin/bash
# Fetches the release's bundle by its version and hands over to its boot script. As root, at the first start.
set -Eeuo pipefail
shopt -s inherit_errexit
# cloud-init gives a script no HOME.
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=5 AWS_PAGER=

mkdir -p /opt/bluegreen
cat >/opt/bluegreen/stub.env <<'STUB'
BLUEGREEN_BUNDLE_BUCKET=shop-dev-bundles
BLUEGREEN_BUNDLE_KEY=releases/blue/3/r0123456789a.tar.gz
BLUEGREEN_BUNDLE_VERSION=3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY
BLUEGREEN_BUNDLE_SHA256=c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3
BLUEGREEN_REGION=eu-central-1
BLUEGREEN_HOOK=blue-3-boots
BLUEGREEN_LOG_GROUP=/bluegreen/shop/dev/blue
STUB
set -a
# shellcheck source=/dev/null
. /opt/bluegreen/stub.env
set +a

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

begin tools
for tool in aws curl python3 sha256sum; do
  command -v "$tool" >/dev/null || die "this machine image has no $tool"
done

begin bundle
again 6 5 aws s3api get-object --region "$BLUEGREEN_REGION" --bucket "$BLUEGREEN_BUNDLE_BUCKET" \
  --key "$BLUEGREEN_BUNDLE_KEY" --version-id "$BLUEGREEN_BUNDLE_VERSION" /run/bluegreen/bundle.tar.gz >/dev/null
printf '%s  %s\n' "$BLUEGREEN_BUNDLE_SHA256" /run/bluegreen/bundle.tar.gz | sha256sum --check --status ||
  die "the bundle $BLUEGREEN_BUNDLE_KEY isn't the one of this release: its checksum differs"
rm -rf /opt/bluegreen/release
mkdir -p /opt/bluegreen/release
# Every Amazon Linux has Python, not every one tar.
python3 -m tarfile --extract /run/bluegreen/bundle.tar.gz /opt/bluegreen/release
exec /bin/bash /opt/bluegreen/release/boot.sh
