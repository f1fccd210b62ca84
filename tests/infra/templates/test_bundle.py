"""The bundle: the same bytes each time, nothing in it that breaks an instance, and the stub that fetches it."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace

import pytest

from infra import bundle
from infra.bundle import checksum, files, packed, sources, stub
from infra.compose_release import Plugin, Secret, Worker
from infra.rendering import USER_DATA_LIMIT, RenderingError
from tests.infra.templates.releases import FULL, IMAGE, PLACE, PLAIN, release


def members(bundle: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(bundle)) as archive:
        return {entry.name: entry for entry in archive.getmembers()}


def test_the_same_release_is_the_same_bytes():
    first = packed(files(FULL))
    assert first == packed(dict(reversed(files(FULL).items())))
    assert checksum(first) == hashlib.sha256(first).hexdigest()
    assert first != packed(files(replace(FULL, color="green")))


def test_nothing_of_the_machine_that_packed_it_is_in_the_bundle():
    bundle = packed(files(FULL))
    assert bundle[4:8] == b"\0\0\0\0"  # gzip's own time
    for entry in members(bundle).values():
        assert (entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, 0, "", "")
        assert entry.mode == (0o755 if entry.name.endswith(".sh") else 0o644)


def test_texts_come_back_as_they_were_packed():
    texts = files(replace(FULL, environment={"NAME": "Zoë"}))
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed(texts)))) as archive:
        found = {name: archive.extractfile(name).read().decode() for name in archive.getnames()}
    assert found == texts
    assert list(found) == sorted(found)


def test_workers_alone_bring_the_poller():
    poller = {"active-only.sh", "bluegreen-active.service"}
    assert set(files(FULL)) - set(files(PLAIN)) == poller
    assert "bluegreen-active" not in files(PLAIN)["boot.sh"]


def test_the_stub_fits_user_data_with_room():
    longest = replace(PLACE, bucket="b" * 63, key="k" * 1024, version="v" * 1024, log_group="g" * 512, hook="h" * 255)
    assert len(stub(longest).encode()) < USER_DATA_LIMIT / 2


@pytest.mark.parametrize("field", ["bucket", "key", "version", "sha256", "region", "hook", "log_group"])
@pytest.mark.parametrize("value", ["", "a b", "a;reboot", "$(reboot)", "a'b", "a\nb", "a&b", "~root", "a#b"])
def test_the_stub_takes_no_value_that_a_shell_would_read_otherwise(field, value):
    with pytest.raises(RenderingError, match=field):
        stub(replace(PLACE, **{field: value}))


def test_every_template_counts_towards_a_releases_digest():
    from infra import rendering

    there = {path.name for path in rendering._FOLDER.iterdir() if path.suffix in (".j2", ".py")}
    assert {name for name in sources() if not name.startswith("sample/")} == there - {"__init__.py"}


def test_how_files_are_rendered_counts_too(monkeypatch):
    before = dict(sources())
    assert {name.removeprefix("sample/") for name in before if name.startswith("sample/")} == set(files(FULL))
    monkeypatch.setattr("infra.compose_file.ACTIVE_ONLY", "another")
    bundle._sample.cache_clear()
    changed = {name for name, text in sources().items() if text != before[name]}
    bundle._sample.cache_clear()
    assert changed == {"sample/compose.yaml"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"environment": {"1ST": "x"}}, "environment: '1ST' is no name"),
        ({"environment": {"A-B": "x"}}, "environment: 'A-B' is no name"),
        ({"environment": {"": "x"}}, "environment: '' is no name"),
        ({"environment": {"A\n": "x"}}, "is no name"),
        ({"environment": {"PORT": "1"}}, "environment: PORT is set by the instance itself"),
        ({"environment": {"BLUEGREEN_COLOR": "red"}}, "BLUEGREEN_COLOR is set by the instance itself"),
        ({"environment": {"A": "x\0y"}}, "environment: A has a zero byte"),
        ({"environment": {"A": "\ud800"}}, "environment: A has a lone surrogate"),
        ({"environment": {"A": "x" * (128 * 1024)}}, "environment: A has 131074 bytes"),
        ({"secrets": (Secret("PORT", "s"),)}, "secrets: PORT is set"),
        ({"secrets": (Secret("A B", "s"),)}, "secrets: 'A B' is no name"),
        ({"secrets": (Secret("A", "s"), Secret("A", "t"))}, "secrets: A is set twice"),
        ({"secrets": (Secret("A", "s"),), "environment": {"A": "x"}}, "secrets: A is set twice"),
        ({"workers": (Worker("app1", ("x",)),)}, "worker 'app1'"),
        ({"workers": (Worker("nginx", ("x",)),)}, "worker 'nginx'"),
        ({"workers": (Worker("Jobs", ("x",)),)}, "worker 'Jobs'"),
        ({"workers": (Worker("jobs", ()),)}, "worker jobs: no command"),
        ({"workers": (Worker("jobs", ("a\0",)),)}, "worker jobs: no command"),
        ({"workers": (Worker("jobs", ("a",)), Worker("jobs", ("b",)))}, "given twice"),
        ({"image": "shop:1.0.0"}, "without its digest"),
        ({"proxy_image": "docker.io/library/nginx:1.28.3"}, "without its digest"),
        ({"health_path": "/a'b"}, "health_path"),
        ({"health_path": "/$(reboot)"}, "health_path"),
        ({"service": "a b"}, "service"),
        ({"plugin": Plugin(mirror="https://mirror.example/$HOME")}, "mirror"),
    ],
)
def test_what_would_break_an_instance_is_refused(changes, says):
    with pytest.raises(RenderingError, match=says):
        files(release(**changes))


def test_a_refusal_never_shows_a_value():
    for value in ("hunter2\0", "hunter2" * 20_000):
        with pytest.raises(RenderingError) as refused:
            files(release(environment={"PASSWORD": value}))
        assert "hunter2" not in str(refused.value)


def test_logins_are_for_ecr_alone():
    assert PLAIN.registries == ("111122223333.dkr.ecr.eu-central-1.amazonaws.com",)
    mirrored = f"999922223333.dkr.ecr.eu-central-1.amazonaws.com/nginx@sha256:{'d4' * 32}"
    assert len(release(proxy_image=mirrored).registries) == 2
    public = release(image=f"ghcr.io/shop/shop@sha256:{'b2' * 32}")
    assert public.registries == ()
    assert "credential-helper" not in files(public)["boot.sh"]
    assert IMAGE in files(PLAIN)["compose.yaml"]
