"""What a bundle of a lock holds, and a bundle that was put together otherwise."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bundle_house import ALPHA, BETA, LOCK, digest, lock_bytes, manifest_of, row, whole
from envlock.errors import BundleError, LockError
from envlock.formats.conda_lock import format_lock
from envlock.model.platform import Platform
from envlock.workflows.build import read_stack_lock
from envlock.workflows.bundles import check_artifacts, check_lock, load_of, platforms_to_pack
from locks import locked, make_lock

PIN, RECORDING = "1" * 64, "2" * 64
FACTS = {"stack": "demo", "pin": f"sha256:{PIN}", "pypi-recording": f"sha256:{RECORDING}"}
STACK = f"""[stack]
name = "demo"
platforms = ["linux-64"]
channels = ["conda-forge"]
[python]
version = "3.11.*"
[[artifacts]]
name = "weights"
url = "https://data.example/weights"
sha256 = "{digest(ALPHA)}"
""".encode()
MISMATCHED = """the bundle does not belong to its {file}
  expected {expected}
  found    {found}
Nothing was unpacked; the store is unchanged."""


def mismatched(expected: str, found: str, file: str = "demo.conda-lock.yml") -> str:
    return MISMATCHED.format(file=file, expected=expected, found=found)


def test_a_bundle_carries_every_archive_of_its_platforms_once():
    both = [replace(row("alpha", ALPHA), platform=name) for name in ("linux-64", "win-64")]
    content = format_lock(make_lock(*both, row("beta", BETA), facts=FACTS))
    stack = read_stack_lock(content, "demo.conda-lock.yml")

    load = load_of(stack, iter([Platform.WIN_64, Platform.LINUX_64]))

    assert load.platforms == (Platform.LINUX_64, Platform.WIN_64)
    assert sorted(each.name for each in load.packages) == ["alpha", "beta"]
    assert (load.name, load.pin, load.recording) == ("demo", PIN, RECORDING)


def test_a_platform_that_the_lock_does_not_have_is_not_packed():
    stack = read_stack_lock(format_lock(make_lock(locked("alpha"))), "demo.conda-lock.yml")

    assert platforms_to_pack(stack, [], Platform.LINUX_64) == [Platform.LINUX_64]
    with pytest.raises(LockError) as caught:
        platforms_to_pack(stack, ["win-64"], Platform.LINUX_64)

    assert str(caught.value) == (
        "demo.conda-lock.yml: expected packages for win-64, found linux-64\nNo bundle was written."
    )


def test_a_whole_bundle_belongs_to_its_lock():
    files = whole()

    assert check_lock(manifest_of(files), files[LOCK]).name == "demo"


@pytest.mark.parametrize(
    ("change", "expected", "found"),
    [
        ("missing", "every archive that it names", "`alpha-1.0-0.conda` missing"),
        ("extra", "no other archive", f"`{digest(b'extra')}`"),
        ("swapped", "every archive that it names", "`gamma-1.0-0.conda` missing"),
        ("renamed", "the stack `demo`", "`other`"),
        ("nowhere", "a platform", "none"),
        ("pin", "the pin of no digest", PIN),
        ("beside", "nothing beside it but its stack and its pins", "stack/conftest.py"),
        ("pins", "nothing beside it but its stack and its pins", "stack/pins/pins.toml"),
    ],
)
def test_a_bundle_that_was_put_together_otherwise_is_refused(
    change: str, expected: str, found: str
):
    files, changes = whole(), {}
    match change:
        case "missing":
            del files[f"packages/{digest(ALPHA)}"]
        case "extra":
            files[f"packages/{digest(b'extra')}"] = b"extra"
        case "swapped":
            files[LOCK] = lock_bytes(row("gamma", b"gamma"), row("beta", BETA))
        case "renamed":
            changes = {"name": "other"}
        case "nowhere":
            changes = {"platforms": ()}
        case "pin":
            changes = {"pin": PIN}
        case "beside":
            files["stack/conftest.py"] = b"import os"
        case "pins":
            files["stack/pins/pins.toml"] = b""

    with pytest.raises(BundleError) as caught:
        check_lock(manifest_of(files, **changes), files[LOCK])

    assert str(caught.value) == mismatched(expected, found)
    assert caught.value.hints == ("was its lock exchanged? pack it anew",)


def test_a_lock_edited_by_hand_is_refused():
    content = whole()[LOCK].replace(b"name: beta", b"name: bota")

    with pytest.raises(LockError, match="the packages are not those that envlock wrote"):
        check_lock(manifest_of(whole()), content)


def test_a_pin_and_a_recording_may_lie_beside_and_nothing_else_in_their_folders():
    pin = f"stack/pins/{PIN[:32]}"
    allowed = {
        f"{pin}/pin.json": b"",
        f"{pin}/conda-forge/noarch/repodata.json.zst": b"",
        f"stack/pins/pypi/{RECORDING[:32]}.json.zst": b"",
    }
    files = {**whole(), LOCK: lock_bytes(row("alpha", ALPHA), row("beta", BETA), facts=FACTS)}
    digests = {"pin": PIN, "recording": RECORDING}

    check_lock(manifest_of({**files, **allowed}, **digests), files[LOCK])
    for path in (f"{pin}/evil.py", f"stack/pins/pypi/{PIN[:32]}.json.zst"):
        with pytest.raises(BundleError, match="nothing beside it but"):
            check_lock(manifest_of({**files, path: b""}, **digests), files[LOCK])


def test_artifacts_are_those_of_the_stack():
    bundle = manifest_of({**whole(), f"artifacts/{digest(ALPHA)}": ALPHA})

    assert [each.name for each in check_artifacts(bundle, STACK)] == ["weights"]
    assert check_artifacts(manifest_of(whole()), STACK) == ()


@pytest.mark.parametrize(
    "stack", [None, b"[stack", STACK.replace(digest(ALPHA).encode(), b"0" * 64)]
)
def test_artifacts_that_no_stack_names_are_refused(stack: bytes | None):
    bundle = manifest_of({**whole(), f"artifacts/{digest(ALPHA)}": ALPHA})

    with pytest.raises(BundleError) as caught:
        check_artifacts(bundle, stack)

    found = "`weights` missing" if stack and b"weights" in stack else f"`{digest(ALPHA)}`"
    assert str(caught.value) == mismatched("the artifacts that it names", found, "demo.toml")
