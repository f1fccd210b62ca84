"""Pulumi's side: the CLI or what stands for it, its plugins, the backend, the passphrase, the lock."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pulumi.automation import PulumiCommand
from pulumi.automation.errors import CommandError, StackNotFoundError

from driver.checkout import Checkout
from driver.findings import Finding, missing, ok, warning
from driver.stack import lease
from driver.stack.engine import chosen
from driver.stack.failures import classified
from driver.stack.held import Lock
from driver.stack.updates import reason

_SDKS = {"aws": "pulumi_aws", "awsx": "pulumi_awsx"}
_SECRETS = ("secretsprovider", "encryptedkey", "encryptionsalt")


class Engine:
    """What the checks ask; `make` gives the engine, or raises the failure that says why there is none."""

    def __init__(self, environ: Mapping[str, str], directory: Path, make: Callable[[], PulumiCommand]) -> None:
        self._environ = environ
        self._directory = directory
        self._make = make

    def engine(self) -> Finding:
        kind = chosen(self._environ)
        made = self._make()
        if kind == "embedded":
            return ok(f"the sandbox's own, which answers as Pulumi {made.version}; for a sandbox only")
        found = shutil.which("pulumi", path=self._environ.get("PATH"))
        origin = Path(found).resolve() if found else None
        through = f", which is {origin}" if origin and str(origin) != found else ""
        return ok(f"Pulumi's CLI {made.version} at {found}{through}")

    def plugins(self) -> Finding:
        wanted = {name: version(sdk) for name, sdk in _SDKS.items()}
        if chosen(self._environ) == "embedded":
            return ok("part of the engine")
        listed = json.loads(self._run(["plugin", "ls", "--json"]) or "[]")
        there = {(one.get("name"), one.get("version")) for one in listed if one.get("kind") == "resource"}
        absent = [(name, which) for name, which in wanted.items() if (name, which) not in there]
        if not absent:
            return ok(", ".join(f"{name} {which}" for name, which in wanted.items()))
        names = " and ".join(f"{name} {which}" for name, which in absent)
        mend = tuple(f"$ pulumi plugin install resource {name} v{which}" for name, which in absent)
        if self._environ.get("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "").lower() in ("true", "1"):
            return missing(f"{names}, and the CLI may not fetch plugins by itself", *mend)
        return warning(f"{names} will be fetched by the first update", *mend)

    def backend(self, stack: str | None) -> Finding:
        where = self._environ.get("PULUMI_BACKEND_URL") or "the one that the CLI is logged in to"
        try:
            listed = json.loads(self._run(["stack", "ls", "--json"]) or "[]")
        except CommandError as error:
            return missing(
                f"{where} can't be used: {reason(str(error))}", "$ pulumi whoami -v", "$ export PULUMI_BACKEND_URL=…"
            )
        names = [str(one.get("name", "")).rpartition("/")[2] for one in listed]
        if stack is None or stack in names:
            return ok(f"{where}, with {len(names)} {'stack' if len(names) == 1 else 'stacks'} of this project")
        return warning(f"{where} can be reached, but has no stack {stack} yet", "up")

    def passphrase(self, checkout: Checkout) -> Finding:
        data = checkout.data()
        keys = {key: value for key, value in data.items() if key in _SECRETS}
        if not keys:
            return self._untried()
        # To keep a secret is the one thing that asks for the key for sure; in a file of our own it leaves no mark.
        with tempfile.TemporaryDirectory(prefix="bluegreen-") as folder:
            file = Path(folder) / f"Pulumi.{checkout.stack}.yaml"
            file.write_text(json.dumps(keys), encoding="utf-8")
            words = ["config", "set", "--secret", "doctor:tried", "--stack", checkout.stack]
            try:
                self._run([*words, "--config-file", str(file), "--", "x"])
            except StackNotFoundError:
                return ok("not tried: the stack has not been made yet")
            except CommandError as error:
                raise classified(str(error), "", "secret") from error
        provider = str(data.get("secretsprovider") or "passphrase").partition("://")[0]
        return ok("it opens the stack's secrets" if provider == "passphrase" else f"secrets are opened by {provider}")

    def _untried(self) -> Finding:
        if any(name in self._environ for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")):
            return ok("one is set; the stack has no secrets to try it on")
        return warning("none is set; the first update of a stack asks for one", "$ export PULUMI_CONFIG_PASSPHRASE=…")

    def lock(self, project: str, stack: str) -> Finding:
        url = self._environ.get("PULUMI_BACKEND_URL", "")
        parts = urlsplit(url)
        if parts.scheme != "file":
            return ok("whether one is held shows when an update begins: this backend keeps it out of sight")
        folder = Path(unquote(parts.netloc + parts.path)).expanduser() / ".pulumi/locks/organization" / project / stack
        held = [_owner(file) for file in sorted(folder.glob("*.json"))]
        if not held:
            return ok("nobody holds it")
        owners = "; ".join(one.spoken(datetime.now(UTC)) for one in held)
        if all(lease.proven_dead(one.pid, one.host, one.when) for one in held):
            return warning(f"left behind by a driver that died, {owners}: the next update takes it away", "up")
        return warning(f"held by {owners}", "wait", f"up --break-lock {held[0].id}")

    def leases(self) -> Finding:
        found = lease.all_leases()
        alive = [one for one in found if one.alive]
        if alive:
            return ok("an update runs on this machine: " + ", ".join(f"pid {one.pid}" for one in alive))
        if found:
            return ok(f"{len(found)} left by drivers that died, the proof that their locks are nobody's")
        return ok("no update runs on this machine")

    def _run(self, words: list[str]) -> str:
        return self._make().run(["--non-interactive", *words], str(self._directory), {}).stdout


def _owner(file: Path) -> Lock:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        who, host = str(data["username"]), str(data["hostname"])
        return Lock(f"file://{file}", who, host, int(data["pid"]), str(data["timestamp"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Lock(f"file://{file}")
