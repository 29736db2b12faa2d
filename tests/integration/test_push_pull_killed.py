"""A push or a pull that is killed leaves nothing half, and the next one takes it up."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from depot_house import DepotHouse, Machine, depot_house
from envlock.formats.depot_entry import read_entry_file
from tiny_builds import make_conda, make_python, make_wheel, module_of, write_lock

KILLS = 6
_CHANCE = random.Random(20261124)


@pytest.fixture(scope="module")
def house() -> Iterator[DepotHouse]:
    """One lock of a hundred megabytes that no compressor makes smaller."""
    with depot_house() as made:
        channel = made.folder / "large"
        packed = [make_python(channel)]
        for at in range(4):
            content = _CHANCE.randbytes(12_000_000)
            packed.append(make_conda(channel, f"large{at}", {f"share/large{at}": content}))
        packed += [
            make_wheel(channel, f"w{at}", {**module_of(f"w{at}"), f"w{at}/d": content[: at << 20]})
            for at in range(4)
        ]
        made.lock = write_lock(made.folder / "large.conda-lock.yml", *packed)
        done = made.run("a", "build", "-q", str(made.lock))
        assert done.returncode == 0, done.stderr
        yield made


def kill_at_chance(house: DepotHouse, seconds: float, home: str, *words: str) -> int:
    """Start a command and kill it some time before it would end; return its exit status."""
    started = house.start(home, *words)
    time.sleep(_CHANCE.uniform(0.3, 1.0) * seconds)
    started.kill()
    started.communicate()
    return started.returncode


def timed(house: DepotHouse, home: str, *words: str) -> float:
    began = time.monotonic()
    done = house.run(home, *words)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began


def assert_nothing_is_half(depot: Path) -> None:
    """Whatever has its name is whole, and an entry that is there has all that it names."""
    objects = {path.name: path for path in depot.glob("objects/sha256/??/*")}
    for name, path in objects.items():
        assert sha256(path.read_bytes()).hexdigest() == name
    for path in depot.glob("entries/*"):
        if not path.name.startswith("."):  # what was being written has another name
            entry = read_entry_file(path.read_bytes(), path.name).entry
            assert {each.sha256 for each in (*entry.artifacts, *entry.bytecode)} <= objects.keys()


def test_a_push_that_is_killed_is_taken_up_by_the_next_one(house: DepotHouse):
    words = ("push", "-q", str(house.lock), "killed", "--sign", "ours")
    seconds = timed(house, "a", "push", "-q", str(house.lock), "whole", "--sign", "ours")

    for _ in range(KILLS):
        kill_at_chance(house, seconds, "a", *words)
        assert_nothing_is_half(house.folder / "killed")

    there = {path.name for path in (house.folder / "killed").glob("objects/sha256/??/*")}
    told = json.loads(house.run("a", *words, "--json").stdout)
    assert len(told["entry"]["artifacts"]) == 9
    assert len(told["sent"]) == 13 - len(there)
    assert_nothing_is_half(house.folder / "killed")
    whole, killed = (
        {path.relative_to(root) for path in root.rglob("*")}
        for root in (house.folder / "whole", house.folder / "killed")
    )
    assert whole == killed


def test_a_pull_that_is_killed_is_taken_up_by_the_next_one(house: DepotHouse):
    timed(house, "a", "push", "-q", str(house.lock), "pulled", "--sign", "ours")
    words = ("pull", str(house.lock), "pulled", "--key", "ours.pub")
    seconds = timed(house, "b0", *words)

    for _ in range(KILLS):
        status = kill_at_chance(house, seconds, "b1", *words)
        if status != 0:
            assert house.run("b1", "store", "verify").returncode == 0

    told = json.loads(house.run("b1", *words, "--json").stdout)
    (built,) = Machine(house.folder / "a").store.environments()
    assert told["content_sha256"] == built.content_sha256
    assert house.run("b1", "store", "verify").returncode == 0
    assert list((house.folder / "b1" / "artifacts" / "partial").iterdir()) == []


def test_two_that_push_and_pull_at_once_do_not_hinder_each_other(house: DepotHouse):
    push = ("push", "-q", str(house.lock), "both", "--sign", "ours")
    both = [house.start("a", *push), house.start("a", *push)]
    said = [each.communicate(timeout=120) for each in both]
    assert [each.returncode for each in both] == [0, 0], said

    pull = ("pull", "-q", str(house.lock), "both", "--key", "ours.pub")
    pulls = [house.start("c", *pull), house.start("c", *pull)]

    paths = {each.communicate(timeout=120)[0] for each in pulls}
    assert [each.returncode for each in pulls] == [0, 0]
    assert len(paths) == 1
    assert_nothing_is_half(house.folder / "both")
