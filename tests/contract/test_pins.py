"""What every keeper of pins does: the folder on disk, and the one in memory that tests use."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.backends.pins import DiskPins
from envlock.errors import PinError
from envlock.ports.pins import Pins
from fakes_index import FakeIndex, FakePins
from sample_pins import MIRROR, OTHER, OTHER_REPODATAS, PIN, REPODATAS, URL


@pytest.fixture
def disk(tmp_path: Path) -> DiskPins:
    return DiskPins(tmp_path / "pins", tmp_path / "cache")


@pytest.fixture(params=["disk", "fake"])
def pins(request: pytest.FixtureRequest, disk: DiskPins) -> Pins:
    return disk if request.param == "disk" else FakePins(FakeIndex())


def test_a_stack_has_no_pin_until_it_is_given_one(pins: Pins) -> None:
    assert pins.assigned("torch") is None
    assert dict(pins.assignments()) == {}

    pins.assign("torch", pins.keep(PIN, REPODATAS))

    assert pins.assigned("torch") == pins.keep(PIN, REPODATAS)
    assert pins.assigned("jax") is None


def test_a_stack_moves_to_another_pin_and_the_others_stay(pins: Pins) -> None:
    one, two = pins.keep(PIN, REPODATAS), pins.keep(OTHER, OTHER_REPODATAS)
    pins.assign_all(["torch", "jax"], one)

    pins.assign("jax", two)

    assert dict(pins.assignments()) == {"torch": one, "jax": two}


def test_a_pin_that_is_kept_reads_back(pins: Pins) -> None:
    digest = pins.keep(PIN, REPODATAS)

    assert pins.read(digest) == PIN
    assert dict(pins.repodata(digest)) == REPODATAS


def test_keeping_a_pin_twice_keeps_it_once(pins: Pins) -> None:
    assert pins.keep(PIN, REPODATAS) == pins.keep(PIN, REPODATAS)
    pins.keep(OTHER, OTHER_REPODATAS)

    assert len(pins.kept()) == 2


@pytest.mark.parametrize("digest", ["0" * 64, "../../etc", "", "0" * 63 + "/"])
def test_a_pin_that_is_not_there_is_refused(pins: Pins, digest: str) -> None:
    for act in (pins.read, pins.repodata, pins.locations):
        with pytest.raises(PinError):
            act(digest)
    with pytest.raises(PinError):
        pins.open(digest, ["noarch"])


def test_only_the_wanted_folders_are_opened(pins: Pins) -> None:
    opened = pins.open(pins.keep(PIN, REPODATAS), ["noarch", "win-64"])

    assert opened.pin == PIN
    assert [part.part for part in opened.parts] == [
        part for part in PIN.parts if part.subdir == "noarch"
    ]


def test_every_channel_of_a_pin_has_a_place_to_read_it_from(pins: Pins) -> None:
    places = pins.locations(pins.keep(PIN, REPODATAS))

    assert set(places) == {URL, MIRROR}
    assert len(set(places.values())) == 2
