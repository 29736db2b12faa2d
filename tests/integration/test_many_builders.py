"""Many processes build the same few environments while others collect: nobody gets in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import busy_builder
from crash_points import Reference, faults, leftovers, let_a_day_pass, remove
from crash_stage import short_folder
from tiny_builds import make_wheel, module_of, snapshot, write_lock

BUILDERS, ROUNDS = map(int, os.environ.get("ENVLOCK_BUILDERS_COUNT", "6x6").split("x"))
"""As `16x50`: so many processes, each with so many rounds."""
COLLECTORS = 2
KEYS = 8
SECONDS = 3600.0


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = short_folder()
    yield folder
    remove(folder)


def make_locks(folder: Path) -> list[str]:
    """Eight stacks that share some of their wheels."""
    wheels = [
        make_wheel(folder / "packages", f"pkg{at}", module_of(f"pkg{at}")) for at in range(KEYS)
    ]
    return [
        str(
            write_lock(
                folder / f"key{at}.conda-lock.yml",
                *sorted({wheels[at], wheels[(at + 1) % KEYS], wheels[0]}, key=lambda it: it.name),
                host_python=True,
            )
        )
        for at in range(KEYS)
    ]


class Crew:
    """Processes of `busy_builder` over one store."""

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "ENVLOCK_HOME": str(folder / "s")}
        self._running: list[subprocess.Popen[str]] = []

    def start(self, **wanted: object) -> subprocess.Popen[str]:
        started = subprocess.Popen(
            [sys.executable, busy_builder.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=self._environment,
        )
        self._running.append(started)
        assert started.stdin is not None
        started.stdin.write(json.dumps(wanted))
        started.stdin.close()
        started.stdin = None
        return started

    def finish(self, process: subprocess.Popen[str]) -> dict[str, dict[str, int]]:
        output, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors
        return dict(json.loads(output))

    def close(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()


def reference_of(folder: Path, locks: list[str], crew: Crew) -> Mapping[str, object]:
    """Build each key once, alone, and remember it; then begin with nothing."""
    wanted = {"seed": 0, "number": 0, "locks": locks, "reference": {}, "rounds": KEYS}
    done = crew.finish(crew.start(is_builder=True, links=str(folder / "links"), **wanted))
    assert done["failures"] == []
    found = {path.name: snapshot(path) for path in (folder / "s" / "store").iterdir()}
    remove(folder / "s")
    for link in (folder / "links").iterdir():
        link.unlink()
    return found


@pytest.mark.repetition
def test_builders_collectors_and_switchers_share_a_store(folder: Path):
    (folder / "links").mkdir()
    locks = make_locks(folder)
    crew = Crew(folder)
    try:
        reference = reference_of(folder, locks, crew)
        assert len(reference) == KEYS
        began = time.monotonic()
        enough = folder / "enough"
        collectors = [crew.start(is_builder=False, enough=str(enough)) for _ in range(COLLECTORS)]
        builders = [
            crew.start(
                is_builder=True,
                seed=4,
                number=number,
                locks=locks,
                reference=reference,
                rounds=ROUNDS,
                links=str(folder / "links"),
            )
            for number in range(BUILDERS)
        ]
        built = [crew.finish(builder) for builder in builders]
        enough.touch()
        collected = [crew.finish(collector) for collector in collectors]
        seconds = time.monotonic() - began
    finally:
        crew.close()

    assert [failure for each in (*built, *collected) for failure in each["failures"]] == []
    assert [fault for each in built for fault in each["faults"]] == []
    new = sum((Counter(each["new"]) for each in built), Counter())
    found = sum((Counter(each["found"]) for each in built), Counter())
    gone = sum((Counter(each["collected"]) for each in collected), Counter())
    assert sum((new + found).values()) == BUILDERS * ROUNDS
    there = {path.name for path in (folder / "s" / "store").iterdir() if path.name[0] != "."}
    # Built once, and once more for every time that it was collected: never twice.
    assert {label: new[label] - gone[label] for label in new} == {
        label: int(label in there) for label in new
    }
    check_at_rest(folder, reference, crew)
    figures = (
        f"{BUILDERS} builders x {ROUNDS} rounds over {KEYS} keys: {sum(new.values())} built, "
        f"{sum(found.values())} found, {sum(gone.values())} collected in "
        f"{sum(each['runs'] for each in collected)} collections, {seconds:.0f} s"
    )
    print(figures)  # noqa: T201 - for whoever runs it with `-s`


def check_at_rest(folder: Path, reference: Mapping[str, object], crew: Crew) -> None:
    """When all have gone the store is whole, and one more collection leaves nothing behind."""
    home = folder / "s"
    known = Reference(environments=dict(reference))  # type: ignore[arg-type]
    known.trees = {path.name: snapshot(path) for path in (home / "trees").iterdir()}
    assert faults(home, known, list((folder / "links").iterdir())) == []
    (folder / "enough").unlink()
    last = crew.start(is_builder=False, enough=str(folder / "enough"))
    let_a_day_pass(home)
    time.sleep(1)
    (folder / "enough").touch()
    assert crew.finish(last)["failures"] == []
    assert faults(home, known, list((folder / "links").iterdir())) == []
    assert leftovers(home) == []
