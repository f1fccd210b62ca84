#!/bin/bash
# Runs the workers while this instance's release is the active one, by the release record. Started by systemd.
set -uo pipefail
readonly POLL=15 RECORD=/bluegreen/shop/dev/record COLOR=blue FILL=3
export AWS_PAGER=

# Prints active or idle; fails where that can't be told.
read_role() {
  local text
  text=$(aws ssm get-parameter --region "$BLUEGREEN_REGION" --name "$RECORD" --query Parameter.Value --output text) || return
  python3 -c '
import json, sys
record, color, fill = json.load(sys.stdin), sys.argv[1], int(sys.argv[2])
ours = record["activeColor"] == color and record["colors"][color]["fill"] == fill
print("active" if ours else "idle")' "$COLOR" "$FILL" <<<"$text"
}

# Quiet but for errors: it is called four times a minute, and its words go to a log.
workers() {
  docker compose --progress quiet --project-name bluegreen --profile active-only "$@"
}

said=''
while true; do
  # Without an answer all stays as it is: a record that can't be read for a minute stops nobody's work.
  if role=$(read_role); then
    [[ $role == "$said" ]] || printf '%s bluegreen: workers are %s\n' "$(date -u +%FT%TZ)" "$role"
    said=$role
    # Each time, so that a worker that ended is started again.
    if [[ $role == active ]]; then
      workers up --detach --no-deps --no-recreate --quiet-pull jobs
    else
      workers stop jobs
    fi
  fi
  sleep "$POLL"
done
