"""The commands that look after a store, as people type them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envlock.cli.main import main
from tiny_store import TinyStore, tiny_store

VERSION = ".".join(map(str, sys.version_info[:3]))


class Terminal:
    """Types commands and keeps what they print."""

    def __init__(self, tiny: TinyStore, capsys: pytest.CaptureFixture[str]) -> None:
        self.tiny = tiny
        self._capsys = capsys
        self.err = ""

    def type(self, *words: str, status: int = 0) -> str:
        found = main(words)
        out, self.err = self._capsys.readouterr()
        assert found == status, (words, out, self.err)
        return out

    def build(self, name: str, *packages: str, profile: str = "demo") -> Path:
        lock = self.tiny.lock(name, *packages)
        out = self.type("build", str(lock), "--python", sys.executable, "--profile", profile)
        return Path(out.strip())

    def json(self, *words: str, status: int = 0) -> dict[str, object]:
        return json.loads(self.type(*words, "--json", status=status))


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    with tiny_store() as tiny:
        monkeypatch.setenv("ENVLOCK_HOME", str(tiny.store.layout.root))
        monkeypatch.chdir(tiny.folder)
        yield Terminal(tiny, capsys)


def test_an_empty_store_is_friendly(terminal: Terminal):
    said = {
        "list": "nothing is built yet; `envlock build LOCK` builds\n",
        "generations": "no profile has a generation yet; `envlock build LOCK` makes one\n",
    }
    for command, text in said.items():
        assert terminal.type(command) == ""
        assert terminal.err == text
    assert terminal.type("store", "verify").startswith("all is as sealed: 0 environments")
    assert terminal.type("store", "repair") == "all is as sealed; nothing had to be repaired\n"
    assert terminal.type("gc") == "freed 0 B: 0 environments, 0 trees, 0 downloads\n"
    assert "in all" in terminal.type("store", "du")


def test_a_profile_is_listed_rolled_back_and_switched(terminal: Terminal):
    one = terminal.build("one", "alpha")
    two = terminal.build("two", "alpha", "beta")

    listed = terminal.type("list").splitlines()
    assert sorted(line.split()[:3] for line in listed[1:]) == [
        ["one", "demo@1", one.name[:8]],
        ["two", "demo@2*", two.name[:8]],
    ]
    note = f"not hermetic: this machine's Python {VERSION}"
    assert all(line.endswith(note) for line in listed[1:])
    assert terminal.type("rollback") == f"{one}\n"
    assert re.fullmatch(
        rf"demo: generation 2 -> 1, of [-0-9]+ [0-9:]+\nnote: {note}\n", terminal.err
    )
    generations = terminal.type("generations", "demo").splitlines()
    assert [line.split()[:3] for line in generations[1:]] == [
        ["*", "demo", "1"],
        ["demo", "2", generations[2].split()[2]],
    ]
    assert terminal.type("switch", "demo", "2", "--quiet") == f"{two}\n"
    assert terminal.err == ""
    assert terminal.type("rollback", "demo", "--to", "1") == f"{one}\n"


def test_what_cannot_be_rolled_back_is_told(terminal: Terminal):
    terminal.build("one", "alpha")

    terminal.type("rollback", status=2)
    assert terminal.err.startswith(
        "error: profile `demo` has no generation before the current one, 1; it has: 1\n"
    )
    terminal.type("switch", "demo", "9", status=2)
    assert terminal.err.startswith("error: profile `demo` has no generation 9; it has: 1\n")
    terminal.type("generations", "nope", status=2)
    assert terminal.err.startswith("error: there is no profile `nope` in the store; it has: demo\n")


def test_programs_read_the_same_as_json(terminal: Terminal):
    one = terminal.build("one", "alpha")

    (listed,) = terminal.json("list")["environments"]  # type: ignore[misc]
    (generation,) = terminal.json("generations")["generations"]  # type: ignore[misc]

    assert (listed["path"], listed["is_hermetic"]) == (str(one), False)
    assert listed["generations"] == [{"profile": "demo", "number": 1, "is_current": True}]
    assert generation["environment"]["path"] == str(one)
    assert terminal.json("store", "path", "demo")["environment"] == generation["environment"]
    assert terminal.json("store", "verify")["is_whole"] is True
    assert terminal.json("store", "repair")["repaired"] == []


def test_a_path_is_printed_without_building(terminal: Terminal):
    root = str(terminal.tiny.store.layout.root)
    lock = terminal.tiny.lock("one", "alpha")

    assert terminal.type("store", "path") == f"{root}\n"
    assert terminal.type("store", "path", "one.conda-lock.yml", status=1) == ""
    assert terminal.err == "one.conda-lock.yml: not built; `envlock build` builds it\n"
    built = terminal.build("one", "alpha")
    for name in (str(lock), "./one.conda-lock.yml", "demo", "demo@1", built.name, str(built)):
        assert terminal.type("store", "path", name) == f"{built}\n"
    terminal.type("store", "path", "nope", status=2)


def test_collecting_says_what_would_go_and_then_what_went(terminal: Terminal):
    one = terminal.build("one", "alpha")
    terminal.build("two", "beta")

    would = terminal.type("gc", "--dry-run", "--keep", "1").splitlines()
    du = terminal.json("store", "du")["environments"]
    went = terminal.type("gc", "--keep", "1").splitlines()

    assert would[:2] == ["would forget generation demo@1", f"would remove {one.name}"]
    assert went[:2] == ["forget generation demo@1", f"remove {one.name}"]
    freed = went[2].removeprefix("freed ")
    assert would[2] == f"would free {freed}"
    assert freed.endswith(": 1 environment, 2 trees, 1 download")
    (frees,) = [each["frees_bytes"] for each in du if each["name"] == "one"]  # type: ignore[attr-defined]
    assert f"{frees / 1000:.1f} kB" == freed.partition(":")[0]
    assert not one.exists()


def test_a_profile_is_forgotten_whole(terminal: Terminal):
    one = terminal.build("one", "alpha")
    terminal.build("other", "alpha", "beta", profile="other")

    terminal.type("gc", "--forget", "nope", status=2)
    assert terminal.err.startswith("error: there is no profile `nope` in the store; it has: demo, ")
    would = terminal.type("gc", "--forget", "demo", "--dry-run").splitlines()
    went = terminal.type("gc", "--forget", "demo").splitlines()

    assert would[:2] == ["would forget generation demo@1", f"would remove {one.name}"]
    assert went[:2] == ["forget generation demo@1", f"remove {one.name}"]
    assert terminal.type("store", "verify").startswith("all is as sealed: 1 environment,")
    terminal.build("one", "alpha")
    assert "demo@2*" in terminal.type("list")


@pytest.mark.parametrize("options", [("--older-than", "soon"), ("--keep", "-1"), ("--keep", "x")])
def test_what_cannot_be_collected_by_is_refused(terminal: Terminal, options: tuple[str, ...]):
    terminal.build("one", "alpha")

    terminal.type("gc", *options, status=2)

    assert terminal.err.startswith("error: ")
    assert len(terminal.tiny.store.environments()) == 1


def harm(place: Path) -> None:
    place.chmod(0o644)
    place.write_bytes(b"harmed")


def test_harm_is_named_file_by_file_and_repaired(terminal: Terminal):
    built = terminal.build("one", "alpha")
    harm(built / "pyvenv.cfg")

    told = terminal.type("store", "verify", status=1).splitlines()
    hint = terminal.err
    repaired = terminal.type("store", "repair").splitlines()

    assert told[0] == f"environment {built.name}"
    assert re.fullmatch(r"  pyvenv.cfg: expected size \d+ bytes, found 6 bytes", told[1])
    assert re.fullmatch(
        r"1 part not as sealed: 1 environment, 2 trees, 1 download; \d+ files, [\d.]+ kB read",
        told[2],
    )
    assert hint == "\nhint: `envlock store repair` puts back what was there\n"
    assert repaired[0].startswith(f"repaired environment {built.name}: pyvenv.cfg: expected size")
    assert repaired[1] == "1 part repaired; all is as sealed"
    assert terminal.type("store", "verify", "demo", "--quick").startswith("all is as sealed: 1 env")


def test_what_cannot_be_repaired_for_want_of_an_archive_exits_4(terminal: Terminal):
    terminal.build("one", "alpha")
    (archive,) = terminal.tiny.store.artifacts.names()
    harm(terminal.tiny.store.artifacts.path_of(archive))
    terminal.tiny.wheel("alpha").unlink()

    told = terminal.type("store", "repair", status=4).splitlines()

    assert told[0].startswith(f"not repaired: download {archive}: its content has sha256")
    assert "cannot be read: No such file or directory" in told[1]
    assert told[-1] == "0 parts repaired, 1 could not be repaired"
    assert "hint: put the file there, or correct its address and solve anew\n" in terminal.err


def test_what_people_have_to_decide_exits_1(terminal: Terminal):
    terminal.build("one", "alpha")
    pointer = terminal.tiny.store.layout.profiles / "demo"
    pointer.unlink()
    pointer.symlink_to("demo-7-link")

    told = terminal.type("store", "repair", status=1)

    assert told == (
        "not repaired: profile demo: it points to none of its generations\n"
        "  only you know where it should point\n"
        "0 parts repaired, 1 could not be repaired\n"
    )
    assert "hint: `envlock switch PROFILE NUMBER` makes one of its generations current" in (
        terminal.err
    )


def test_closures_are_compared(terminal: Terminal):
    terminal.build("one", "alpha", "beta 1")
    terminal.build("two", "beta 2", "gamma")
    terminal.tiny.lock("three", "alpha", "beta 1")

    told = terminal.type("closure-diff", "demo@1", "demo", status=1).splitlines()

    assert told[0] == "demo@1 -> demo"
    assert [line.split() for line in told[1:4]] == [
        ["removed", "alpha", "(PyPI)", "1.0", *told[1].split()[-2:]],
        ["version", "beta", "(PyPI)", "1", "->", "2", "+0", "B"],
        ["added", "gamma", "(PyPI)", "1.0", *told[3].split()[-2:]],
    ]
    assert told[4].startswith("packages: 3 changes, 0 unchanged, ")
    assert told[5] == "content:  differs"
    assert told[6].startswith("note: demo@1 is not hermetic: this machine's Python")
    same = terminal.type("closure-diff", "demo@1", "./three.conda-lock.yml").splitlines()
    assert same[1:3] == [
        "packages: 0 changes, 2 unchanged",
        "content:  the same, and the same tree",
    ]


def test_what_is_not_built_says_so(terminal: Terminal):
    terminal.tiny.lock("one", "alpha")
    terminal.tiny.lock("two", "alpha", "beta")

    told = terminal.type("closure-diff", "one.conda-lock.yml", "two.conda-lock.yml", status=1)
    found = terminal.json("closure-diff", "one.conda-lock.yml", "two.conda-lock.yml", status=1)

    assert told.splitlines()[-1] == (
        "content:  unknown: one.conda-lock.yml and two.conda-lock.yml are not built"
    )
    assert found["is_content_equal"] is None
    assert found["moves"][0]["move"] == "added"  # type: ignore[index]
