"""What every test may rely on, and the last lines of a run: which engines took part."""

import gc
import os
import shutil
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

# A rehearsal's environment of the person who runs the tests must not reach them.
for _name in [name for name in os.environ if name.startswith(("AWS_", "PULUMI_", "BLUEGREEN_"))]:
    if not _name.startswith("BLUEGREEN_SOAK"):
        del os.environ[_name]
os.environ["GRPC_VERBOSITY"] = "NONE"
REAL = shutil.which("pulumi")
# Fixtures behind which moto runs: AWS's parameter checks alone take longer than a unit test may.
ON_MOTO = {"world", "endpoint", "provider"}

# How long an example takes says something of the machine, and nothing of what is tested.
settings.register_profile("bluegreen", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bluegreen")


def pytest_configure():
    # What is collected stays: pulumi_aws and moto alone are half a million objects, and looking through them for
    # garbage again and again took a fifth of all computing.
    gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.enable()
    gc.set_threshold(100_000, 20, 20)


MOTO = ("tests/sandbox/cloud/", "tests/sandbox/provider/")


class ByPlace(LoadFileScheduling):
    """Tests of one file stay in one process, and so do all that know moto, in their order: it is one for a process, and
    what some leave behind others would find."""

    def _split_scope(self, nodeid):
        return _place(nodeid.split("::", 1)[0])


def _place(file):
    return "moto" if file.startswith(MOTO) else file


def _longest_first(items):
    """Orders what has to stay together by about how long it takes, so that no process is left alone with the rest."""
    takes = Counter()
    for item in items:
        takes[_place(item.location[0])] += 200 if item.get_closest_marker("e2e") else 10 if _is_slow(item) else 1
    items.sort(key=lambda item: (-takes[place := _place(item.location[0])], place))


def _is_slow(item):
    return item.get_closest_marker("slow") is not None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # by the number of tests, which says little here
    return ByPlace(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        if "sandbox" in item.path.parts and ON_MOTO & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)
        if "infra" in item.path.parts and hasattr(item.module, "World"):
            # The whole program runs, under mocks.
            item.add_marker(pytest.mark.slow)
    if hasattr(config, "workerinput"):
        _longest_first(items)
    if os.environ.get("BLUEGREEN_SOAK"):
        return
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.skip(reason="takes long: `make soak`"))


def pytest_terminal_summary(terminalreporter):
    # A line for each reason: `-rs` has one for each place, which is hundreds of them without the real tools.
    why = Counter(one.longrepr[2].removeprefix("Skipped: ") for one in terminalreporter.stats.get("skipped", ()))
    for reason, times in why.most_common():
        terminalreporter.write_line(f"skipped {times}: {reason}")
    terminalreporter.write_line("engine: the embedded one ran every test that needs an engine")
    if REAL:
        terminalreporter.write_line(f"engine: tests marked `cli` ran on the pulumi on PATH as well ({REAL})")
    else:
        terminalreporter.write_line("engine: no pulumi on PATH, so the comparison with the real CLI was skipped")
