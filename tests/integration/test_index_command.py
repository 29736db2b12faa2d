"""`envlock index`, from the command line to the files beside the stacks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from envlock.backends.pins import DiskPins
from envlock.cli.index import _choose
from envlock.cli.main import main
from envlock.errors import EnvlockError
from integration.asking import (
    FOLDERS,
    LOGIN,
    SECRET,
    URL,
    USER,
    record,
    write_folder,
)
from integration.channel_server import (
    Folders,
    Form,
    HostedChannel,
    repodata,
    serve,
)

pytestmark = pytest.mark.usefixtures("no_credentials_and_no_proxy")

STACK = """\
[stack]
name = "demo"
platforms = ["linux-64"]
channels = ["tiny"]

[python]
version = "3.11.*"

[dependencies]
numpy = "*"
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "stacks" / "demo.toml"
    path.parent.mkdir()
    path.write_text(STACK)
    return path


def base_of(tmp_path: Path, folders: Folders = FOLDERS) -> str:
    write_folder(tmp_path / "mirror" / "tiny", folders)
    return str(tmp_path / "mirror")


def as_json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    told = capsys.readouterr().out
    value: dict[str, Any] = json.loads(told)
    assert told == json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n"
    return value


def test_index_pin_writes_a_pin_and_prints_its_digest(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["index", "pin", str(stack), "--from", base_of(tmp_path), "--observed"])

    told = capsys.readouterr()
    digest = told.out.strip()
    folder = stack.parent / "pins"
    assert status == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted([digest[:32], "pins.toml"])
    assert f'"demo" = "sha256:{digest}"' in (folder / "pins.toml").read_text()
    assert told.err == (
        f"pin {digest[:12]} (observed, as of 2023-11-14T22:13:20Z)\n"
        "  tiny  linux-64  4 records  1.3 kB\n"
        "  tiny  noarch     1 record   380 B\n"
        f"wrote {folder}/{digest[:32]}\n"
        "demo: solve from it now\n"
    )


def test_a_pin_made_live_and_one_made_from_a_copy_differ_in_their_origin_only(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(HostedChannel(folders=FOLDERS, forms=frozenset(Form), prefix="/tiny")) as base:
        main(["index", "pin", str(stack), "--from", base, "--json"])
        live = as_json(capsys)["pins"][0]["digest"]
    main(["index", "pin", str(stack), "--from", base_of(tmp_path), "--observed", "--json"])
    observed = as_json(capsys)["pins"][0]["digest"]

    pins = DiskPins(stack.parent / "pins", tmp_path / "cache")
    assert pins.read(live).parts == pins.read(observed).parts
    assert (pins.read(live).origin, pins.read(observed).origin) == ("live", "observed")


def test_index_update_says_what_moved_and_keeps_the_pin_when_nothing_did(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = base_of(tmp_path)
    main(["index", "pin", str(stack), "--from", base, "-q"])
    before = capsys.readouterr().out.strip()

    main(["index", "update", str(stack), "--from", base])
    unchanged = capsys.readouterr()
    newer = {**FOLDERS["linux-64"], "numpy-2.1-0.conda": record("numpy", "2.1", "python")}
    (tmp_path / "mirror/tiny/linux-64/repodata.json").write_bytes(repodata("linux-64", newer))
    main(["index", "update", str(stack), "--from", base, "--json"])
    [update] = as_json(capsys)["pins"]

    assert unchanged.out.strip() == before
    assert unchanged.err.startswith(f"no record changed: pin {before[:12]} (live, as of ")
    assert update["before"] == before != update["digest"]
    assert update["moves"] == [{"name": "numpy", "before": "2.0", "after": "2.1"}]
    assert update["changes"] == [
        {
            "channel": URL,
            "subdir": "linux-64",
            "added": ["numpy-2.1-0.conda"],
            "removed": [],
            "changed": [],
        }
    ]


def test_people_are_told_what_moved_and_who_stays_behind(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twin = stack.with_name("twin.toml")
    twin.write_text(STACK.replace('"demo"', '"twin"'))
    base = base_of(tmp_path)
    main(["index", "pin", str(stack), str(twin), "--from", base, "-q"])
    before = capsys.readouterr().out.strip()
    many = {f"p{number:02}-1-0.conda": record(f"p{number:02}", "1") for number in range(31)}
    newer = {
        **FOLDERS["linux-64"],
        **many,
        "libz-1.3-0.conda": record("libz", "1.3", license="another"),
        "numpy-2.1-0.conda": record("numpy", "2.1", *(f"p{number:02}" for number in range(31))),
    }
    del newer["numpy-2.0-0.conda"], newer["libz-1.2-0.tar.bz2"]
    (tmp_path / "mirror/tiny/linux-64/repodata.json").write_bytes(repodata("linux-64", newer))

    main(["index", "update", str(stack), "--from", base])

    told = capsys.readouterr().err.splitlines()
    assert told[3:6] == [
        "  tiny/linux-64: 32 added, 2 removed, 1 changed",
        "    numpy 2.0 -> 2.1",
        "    p00 1 (new)",
    ]
    assert told[-4] == "    and 2 packages more; --json lists them all"
    assert told[-2:] == [
        "demo: solve from it now",
        f"twin: still on the pin {before[:12]}",
    ]


def test_an_update_from_observed_to_live_is_told_even_if_no_record_changed(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = base_of(tmp_path)
    address = (tmp_path / "mirror" / "tiny").as_uri()
    stack.write_text(STACK.replace('"tiny"', f'"{address}"'))
    main(["index", "pin", str(stack), "--from", base, "--observed", "-q"])
    capsys.readouterr()

    main(["index", "update", str(stack)])
    told = capsys.readouterr().err
    main(["index", "show", str(stack)])
    shown = capsys.readouterr().out

    assert "  no record changed, but the pin's origin or folders did\n" in told
    assert shown.splitlines()[0].endswith("), today")
    assert "origin" not in shown


def test_copies_leave_an_observed_pin_observed(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = base_of(tmp_path)
    main(["index", "pin", str(stack), "--from", base, "--observed", "-q"])
    before = capsys.readouterr().out.strip()

    main(["index", "update", str(stack), "--from", base])
    same = capsys.readouterr()
    newer = {**FOLDERS["linux-64"], "numpy-2.1-0.conda": record("numpy", "2.1", "python")}
    (tmp_path / "mirror/tiny/linux-64/repodata.json").write_bytes(repodata("linux-64", newer))
    main(["index", "update", str(stack), "--from", base, "--json"])
    [moved] = as_json(capsys)["pins"]

    assert same.out.strip() == before
    assert same.err == (
        f"no record changed: pin {before[:12]} (observed, as of 2023-11-14T22:13:20Z) stays\n"
    )
    assert (moved["origin"], moved["as_of"]) == ("observed", "2023-11-14T22:13:20Z")
    assert moved["digest"] != before


def test_a_package_that_is_gone_is_told(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = base_of(tmp_path)
    main(["index", "pin", str(stack), "--from", base, "-q"])
    (tmp_path / "mirror/tiny/noarch/repodata.json").write_bytes(repodata("noarch", {}))
    capsys.readouterr()

    main(["index", "update", str(stack), "--from", base])

    assert "  tiny/noarch: 1 removed\n    pip 24.0 (gone)\n" in capsys.readouterr().err


def test_index_pin_extend_keeps_what_stands(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = base_of(tmp_path)
    main(["index", "pin", str(stack), "--from", base, "-q"])
    newer = {**FOLDERS["linux-64"], "numpy-2.1-0.conda": record("numpy", "2.1", "python")}
    (tmp_path / "mirror/tiny/linux-64/repodata.json").write_bytes(repodata("linux-64", newer))
    stack.write_text(STACK + 'unrelated = "*"\n')
    capsys.readouterr()

    status = main(["index", "pin", str(stack), "--from", base, "--extend", "--json"])

    [wider] = as_json(capsys)["pins"]
    assert status == 0
    assert [change["added"] for change in wider["changes"]] == [["unrelated-1-0.conda"]]


def test_index_show_tells_a_pin_by_its_stack_or_its_digest(
    stack: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    main(["index", "pin", str(stack), "--from", base_of(tmp_path), "--observed", "-q"])
    digest = capsys.readouterr().out.strip()
    monkeypatch.chdir(tmp_path)

    main(["index", "show", str(stack), "--json"])
    shown = as_json(capsys)
    main(["index", "show", digest[:8]])
    text = capsys.readouterr().out

    assert shown["digest"] == digest
    assert shown["channels"] == [URL]
    assert shown["stacks"] == ["demo"]
    assert [part["records"] for part in shown["parts"]] == [4, 1]
    assert text == (
        f"pin {digest[:12]} (observed, as of 2023-11-14T22:13:20Z), "
        f"{shown['age_days']:,} days ago\n"
        f"  digest  {digest}\n"
        "  stacks  demo\n"
        "  origin  a partial view: real records, but not all that the channels have\n\n"
        "  tiny  linux-64  4 records  1.3 kB\n"
        "  tiny  noarch     1 record   380 B\n"
    )


def test_a_pin_can_be_named_in_every_way_in_which_it_is_printed(
    stack: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    main(["index", "pin", str(stack), "--from", base_of(tmp_path), "-q"])
    digest = capsys.readouterr().out.strip()
    folder = stack.parent / "pins" / digest[:32]
    (tmp_path / digest[:6]).mkdir()

    def shown(name: str, where: Path = tmp_path) -> str:
        monkeypatch.chdir(where)
        assert main(["index", "show", name, "--json"]) == 0, name
        return str(as_json(capsys)["digest"])

    names = [digest, digest[:4], digest[:6], digest[:4].upper(), f"sha256:{digest}"]
    names += [f"sha256:{digest[:12]}", str(folder), f"stacks/pins/{digest[:32]}/"]
    assert {shown(name) for name in names} == {digest}
    assert shown(f"pins/{digest[:32]}", stack.parent) == digest
    assert shown(digest[:8], stack.parent) == digest
    assert shown(folder.name, folder.parent) == digest


def test_a_pin_that_is_not_there_is_answered_with_those_that_are(
    stack: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["index", "show", "abcdef"]) == 2
    assert told_error(capsys) == (
        "error: no pins lie in pins/ or stacks/pins/\n\n"
        "hint: name a stack file: `envlock index show STACK`\n"
    )
    main(["index", "pin", str(stack), "--from", base_of(tmp_path), "-q"])
    digest = capsys.readouterr().out.strip()
    other = "0000" if digest[0] == "f" else "ffff"
    there = f"  {digest[:12]}  demo\n\nhint: name one of these, or a stack file\n"

    for name, told in (
        (other, f"no pin's digest begins with `{other}`; in pins/ or stacks/pins/ lie\n{there}"),
        (
            f"stacks/pins/{other}",
            f"no pin's digest begins with `{other}`; in stacks/pins/ lie\n{there}",
        ),
        (
            digest[:3],
            f"expected at least 4 digits of a pin's digest, found `{digest[:3]}`; "
            f"in pins/ or stacks/pins/ lie\n{there}",
        ),
        (
            f"stacks/{digest[:32]}",
            f"`stacks/{digest[:32]}` is no pin: pins lie in a folder `pins` beside the stacks\n\n"
            "hint: name a stack file, or the first digits of a pin's digest\n",
        ),
    ):
        assert main(["index", "show", name]) == 2
        assert told_error(capsys) == f"error: {told}"


@dataclass
class Kept:
    """Pins that begin alike. Implements as much of `Pins` as a choice reads."""

    folder: str = "pins"
    digests: tuple[str, ...] = ("abcd1" + "0" * 59, "abcd2" + "0" * 59, "ef01" * 16)

    def kept(self) -> tuple[str, ...]:
        return self.digests

    def assignments(self) -> dict[str, str]:
        return {"b": self.digests[0], "a": self.digests[0]}


def test_a_digest_that_several_pins_begin_with_is_answered_with_these() -> None:
    with pytest.raises(EnvlockError) as caught:
        _choose("abcd", [Kept()])  # type: ignore[list-item]

    assert caught.value.message == (
        "several pins' digests begin with `abcd`; in pins/ lie\n"
        "  abcd10000000  a, b\n"
        "  abcd20000000  no stack solves from it"
    )


def told_error(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


def test_a_command_that_fails_writes_nothing(
    stack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(HostedChannel(folders={}, faults={"*": 403})) as location:
        base = location.replace("//", f"//{USER}:{SECRET}@")
        status = main(["index", "pin", str(stack), "--from", base])

    assert status == 4
    assert told_error(capsys) == (
        "error: no repodata from the channel `tiny`\n"
        f"  asked:    {location.replace('//', '//***@')}/tiny (linux-64, noarch)\n"
        "  expected: repodata, sharded, zst or JSON\n"
        "  received: HTTP 403 Forbidden\n"
        "No pin was written.\n\n"
        f"hint: {LOGIN}\n"
    )
    assert [path.name for path in stack.parent.iterdir()] == ["demo.toml"]


def test_mistakes_on_the_command_line_are_named(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base_of(tmp_path)
    for name in ("near/tinny", "near/other", "far"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "other.toml").write_text(STACK)
    (stack.parent / "twin.toml").write_text(STACK)
    cases = {
        (str(stack), "--from", "/no/such/folder"): (
            "error: --from: there is no folder `/no/such/folder`\n"
        ),
        (str(stack), "--from", str(tmp_path / "mirror" / "tiny")): (
            f"error: --from: `{tmp_path}/mirror/tiny` is itself a channel, "
            "not a folder of channels\n\n"
            f"hint: give the folder above: `--from {tmp_path}/mirror`\n"
        ),
        (str(stack), "--from", str(tmp_path / "near")): (
            f"error: --from: `{tmp_path}/near` has no channel `tiny`: it has other, tinny\n\n"
            "hint: did you mean `tinny`? the stack says `tiny`\n"
        ),
        (str(stack), "--from", str(tmp_path / "far")): (
            f"error: --from: `{tmp_path}/far` has no channel `tiny`: it has no folders\n\n"
            "hint: it must hold each channel of the stack under its short name\n"
        ),
        (str(stack), str(tmp_path / "other.toml")): (
            f"error: expected stacks of one folder, found stacks of several: "
            f"{stack}, {tmp_path / 'other.toml'}\n\n"
            "hint: pin them folder by folder: a pin lies beside its stacks\n"
        ),
        (str(stack), str(stack.parent / "twin.toml")): (
            "error: several of these stacks are named `demo`: a pin goes by the name\n"
        ),
    }

    for arguments, told in cases.items():
        assert main(["index", "pin", *arguments]) == 2
        assert told_error(capsys) == told
    assert main(["index", "update", str(stack)]) == 2
    assert told_error(capsys).startswith("error: no index pin yet: demo\n")


def test_a_new_stack_joins_the_pin_that_lies_beside_it_without_a_network(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", "pin", "-q", str(stack), "--from", base_of(tmp_path)]) == 0
    digest = capsys.readouterr().out.strip()
    new = stack.with_name("new.toml")
    new.write_text(STACK.replace('"demo"', '"new"'), "utf-8")

    assert main(["index", "join", str(new)]) == 0

    assert capsys.readouterr().out == f"{digest}\n"
    assert main(["solve", "-q", str(new)]) == 0
    for pin in (str(stack), digest[:8], f"sha256:{digest}"):
        assert main(["index", "join", "-q", str(new), "--pin", pin]) == 0


def test_a_pin_that_is_not_there_cannot_be_joined(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", "join", str(stack)]) == 2
    assert "there is no pin to join; there: none" in capsys.readouterr().err
    assert main(["index", "pin", "-q", str(stack), "--from", base_of(tmp_path)]) == 0
    capsys.readouterr()

    assert main(["index", "join", str(stack), "--pin", "ffff"]) == 2

    assert "no pin begins with `ffff`; there: " in capsys.readouterr().err
