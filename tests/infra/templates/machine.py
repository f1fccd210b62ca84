"""An instance in a folder: the boot scripts run for real, on stand-ins that record how they are called.

Scripts are taken as they are rendered; only the folders that they write to, and where commands are looked for, are
put below the machine's own root. `systemctl` is a small one that starts units by their files, in their order.
"""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.bundle import Place, checksum, files, packed, stub
from infra.compose_release import ComposeRelease

FOLDERS = (
    "/opt/bluegreen",
    "/opt/aws",
    "/etc/systemd/system",
    "/run/bluegreen",
    "/usr/local/lib/docker",
    "/var/log",
    "/dev/console",
    "/proc/meminfo",
    "/usr/bin/docker",
)
"""Everything on a real machine that the scripts name."""
RECORDED = ("aws", "curl", "dnf", "docker", "rpm", "sleep", "uname")
TOOLS = (
    *("awk", "bash", "cat", "cp", "cut", "date", "env", "install", "mkdir", "rm", "sed", "sha256sum"),
    *("tail", "tee", "touch", "tr"),
)
"""All else that the scripts may use: what every Amazon Linux has."""
STANDINS = Path(__file__).parent / "standins"
GROUP, INSTANCE = "shop-blue-3", "i-0123456789abcdef0"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Ended:
    status: int
    said: str
    calls: list[list[str]]


class Machine:
    """`root` is what a real one would have as /."""

    def __init__(self, root: Path, release: ComposeRelease, place: Place, *, arch: str = "x86_64") -> None:
        self.root, self.release = root, release
        for folder in ("bin", "dev", "proc", "etc/systemd/system", "opt", "run", "var/log", "fail", "secrets", "s3"):
            (root / folder).mkdir(parents=True)
        for name in RECORDED:
            self._standin("any", root / "bin" / name)
        self._standin("any", root / "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl")
        self._standin("systemctl", root / "bin/systemctl")
        for name in TOOLS:
            (root / "bin" / name).symlink_to(str(shutil.which(name)))
        (root / "bin/python3").symlink_to(sys.executable)
        (root / "arch").write_text(arch + "\n")
        (root / "proc/meminfo").write_text("MemTotal:        4015664 kB\nMemFree: 1 kB\n")
        (root / "dev/console").touch()
        (root / "plugin").write_text("the Compose plugin\n")
        bundle = packed({name: self._placed(text) for name, text in files(release).items()})
        (root / "s3/bundle").write_bytes(bundle)
        self.place = Place(**{**vars(place), "sha256": checksum(bundle)})

    def boot(self) -> Ended:
        """As cloud-init does it: the user data script, without a HOME."""
        script = self.root / "user-data"
        script.write_text(self._placed(stub(self.place)))
        return self._run("/bin/bash", str(script))

    def reboot(self) -> Ended:
        """Memory is gone, the disk is not; systemd starts what is enabled. User data does not run again."""
        shutil.rmtree(self.root / "run")
        (self.root / "run").mkdir()
        return self._run(str(self.root / "bin/systemctl"), "--boot")

    def unpack(self) -> None:
        """The bundle lies where the stub puts it, and what the boot would have left."""
        self.path("/opt/bluegreen/release").mkdir(parents=True)
        self.path("/opt/bluegreen/docker").mkdir()
        self.path("/opt/bluegreen/docker/config.json").write_text("{}")
        self.path("/opt/bluegreen/stub.env").write_text(f"BLUEGREEN_REGION={self.place.region}\n")
        for name, text in files(self.release).items():
            self.path(f"/opt/bluegreen/release/{name}").write_text(self._placed(text))

    def serve(self, unit: str) -> Ended:
        """Runs what a unit starts, in the unit's environment, until it ends."""
        lines = self.read(f"/opt/bluegreen/release/{unit}").splitlines()
        said = {key: value for key, _, value in (line.partition("=") for line in lines)}
        variables = [*said["Environment"].split(), *Path(said["EnvironmentFile"]).read_text().split()]
        return self._run(*said["ExecStart"].split(), environment=dict(pair.split("=", 1) for pair in variables))

    def run(self, *command: str) -> Ended:
        return self._run(*command)

    def fails(self, call: str, says: str = "", *, status: int = 1, times: int = 99) -> None:
        """Lets calls fail whose words, joined by blanks, match a shell pattern."""
        number = len(list((self.root / "fail").iterdir()))
        (self.root / "fail" / f"{number:02}").write_text(f"{call}\n{status}\n{times}\n{says}\n")

    def lacks(self, command: str) -> None:
        (self.root / "bin" / command).unlink()

    def mends(self) -> None:
        for path in (self.root / "fail").iterdir():
            path.unlink()

    def path(self, name: str) -> Path:
        """Where a file of the machine lies."""
        return self.root / name.lstrip("/")

    def read(self, name: str) -> str:
        return self.path(name).read_text()

    def mode(self, name: str) -> int:
        return stat.S_IMODE(self.path(name).stat().st_mode)

    def _placed(self, text: str) -> str:
        for folder in FOLDERS:
            text = text.replace(folder, f"{self.root}{folder}")
        # The same number of tries would take half a minute.
        text = text.replace("TRIES, PAUSE = 6, 5", "TRIES, PAUSE = 3, 0")
        return text.replace(_PATH, f"PATH={self.root}/bin").replace(
            f"{self.root}/usr/bin/docker", f"{self.root}/bin/docker"
        )

    def _standin(self, kind: str, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text((STANDINS / kind).read_text().replace("@ROOT@", str(self.root)))
        to.chmod(0o755)

    def _run(self, *command: str, environment: Mapping[str, str] | None = None) -> Ended:
        calls = self.root / "calls"
        calls.write_bytes(b"")
        ran = subprocess.run(
            command,
            env={"PATH": f"{self.root}/bin", "LC_ALL": "C.UTF-8", **(environment or {})},
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        lines = [line.split("\x1f")[:-1] for line in calls.read_text().split("\x1e")[:-1]]
        return Ended(ran.returncode, ran.stdout.replace(str(self.root), ""), self._plain(lines))

    def _plain(self, lines: list[list[str]]) -> list[list[str]]:
        return [[word.replace(str(self.root), "") for word in words] for words in lines]
