#!/bin/bash
# Runs a command of this release in a container of its own: run-once.sh ATTEMPT WORD…
# Once for each attempt: asked again, it answers as before. Called by Run Command, maybe before the boot is through.
set -Eeuo pipefail
shopt -s inherit_errexit
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export DOCKER_CONFIG=/opt/bluegreen/docker
readonly RELEASE=/opt/bluegreen/release KEPT=/var/log/bluegreen/run-once
readonly ATTEMPT=$1
shift

mkdir -p "$KEPT"
# One at a time, and whoever comes second sees how the first one ended.
exec 9>>"$KEPT/lock"
flock 9

if [[ -e $KEPT/$ATTEMPT.status ]]; then
  tail -c 20000 "$KEPT/$ATTEMPT.said"
  exit "$(<"$KEPT/$ATTEMPT.status")"
fi
if [[ -e $KEPT/$ATTEMPT.begun ]]; then
  printf 'it began here and was broken off: nobody knows how far it came\n' >&2
  exit 75
fi

# The boot pulls the image when the secrets are there, and `compose up` makes the network: two that make it would clash.
until docker image inspect '111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2' >/dev/null 2>&1 && docker network inspect bluegreen_default >/dev/null 2>&1; do
  sleep 2
done

touch "$KEPT/$ATTEMPT.begun"
status=0
docker compose --progress quiet --project-name bluegreen --project-directory "$RELEASE" --file "$RELEASE/compose.yaml" \
  --env-file /opt/bluegreen/instance.env run --rm --no-deps -T run-once "$@" \
  >"$KEPT/$ATTEMPT.said" 2>&1 </dev/null 9>&- || status=$?
printf '%s\n' "$status" >"$KEPT/$ATTEMPT.status"
tail -c 20000 "$KEPT/$ATTEMPT.said"
exit "$status"
