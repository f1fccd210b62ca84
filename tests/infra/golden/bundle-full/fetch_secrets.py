"""Fetches the app's secrets into memory-backed files. Run by bluegreen-secrets.service, also after a reboot."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import time
from typing import Any

RELEASE = pathlib.Path("/opt/bluegreen/release")
SECRETS = pathlib.Path("/run/bluegreen/secrets")
TRIES, PAUSE = 6, 5
ESCAPED = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def stored(name: str, region: str) -> str:
    """A secret's text. What AWS says of a failure names the secret, never its value."""
    command = ["aws", "secretsmanager", "get-secret-value", "--region", region, "--secret-id", name, "--output", "json"]
    for left in range(TRIES - 1, -1, -1):
        answer = subprocess.run(command, capture_output=True, check=False)
        if answer.returncode == 0:
            found: dict[str, Any] = json.loads(answer.stdout)
            if "SecretString" not in found:
                raise SystemExit(f"secret {name} is binary: an environment takes text only")
            return str(found["SecretString"])
        said = answer.stderr.decode(errors="replace").strip()
        if "ResourceNotFoundException" in said or not left:
            raise SystemExit(f"secret {name} can't be read: {' '.join(said.split())}")
        print(f"secret {name} can't be read yet: {' '.join(said.split())}", file=sys.stderr)
        time.sleep(PAUSE)
    raise AssertionError


def value(text: str, wanted: dict[str, str]) -> str:
    """What a variable is set to: the whole text, or a key of it."""
    if not wanted["key"]:
        return text
    keys: Any
    try:
        keys = json.loads(text)
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise SystemExit(f"secret {wanted['secret']} is no JSON object, so it has no key {wanted['key']}")
    if wanted["key"] not in keys:
        raise SystemExit(f"secret {wanted['secret']} has no key {wanted['key']}; it has {', '.join(sorted(keys))}")
    found = keys[wanted["key"]]
    return found if isinstance(found, str) else json.dumps(found)


def line(name: str, text: str) -> str:
    """A line of an environment file as Compose reads it."""
    if "\0" in text or len(f"{name}={text}".encode()) > 128 * 1024 - 1:
        raise SystemExit(f"the secret for {name} has a zero byte or is too long for an environment")
    return f'{name}="' + re.sub(r'[\\"$\n\r\t]', lambda sign: ESCAPED[sign[0]], text) + '"\n'


def main(region: str) -> None:
    """Writes all of them or none: Compose must not start an app with half of its secrets."""
    wanted = json.loads((RELEASE / "secrets.json").read_text(encoding="utf-8"))
    texts = {name: stored(name, region) for name in sorted({one["secret"] for one in wanted})}
    whole = "".join(line(one["env"], value(texts[one["secret"]], one)) for one in wanted)
    os.umask(0o077)
    SECRETS.mkdir(parents=True, exist_ok=True)
    draft = SECRETS / "secrets.env.new"
    draft.write_text(whole, encoding="utf-8")
    draft.chmod(0o400)
    draft.replace(SECRETS / "secrets.env")
    print(f"{len(wanted)} secrets in {SECRETS}")


if __name__ == "__main__":
    main(sys.argv[1])
