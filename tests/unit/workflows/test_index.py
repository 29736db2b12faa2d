"""The stories of index pins, over channels and pins in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from builders import CPU_STACK, stack_of
from envlock.errors import PinError, WorldError
from envlock.formats.index_pin import describe_part
from envlock.model.pin import Origin, Pin
from envlock.model.stack import Stack
from envlock.ports.index import ChannelSource, Records
from envlock.workflows.index import (
    IndexTools,
    PinDescription,
    describe_pin,
    extend_pin,
    pin_stacks,
    update_pin,
)
from envlock.workflows.pin_changes import PackageMove, PartChange, version_order
from fakes import CONDA_FORGE, PYTORCH, FakeReporter
from fakes_index import FakeIndex, FakePins, archive

NOW = "2026-01-31T12:00:00Z"
LATER = "2026-02-28T12:00:00Z"


def make_stack(name: str, *dependencies: str, channels: str = '"conda-forge"') -> Stack:
    text = CPU_STACK.replace('"demo"', f'"{name}"').replace('"conda-forge"', channels)
    rows = "".join(f'{item} = "*"\n' for item in dependencies)
    return stack_of(f"{text}\n[dependencies]\n{rows}")


STACK = make_stack("demo", "numpy")
PYTHON = {**archive("python", "3.12.1", "libz"), **archive("python", "3.11.9", "libz")}


@dataclass
class World:
    """Two channels, no pins."""

    linux: dict[str, object] = field(
        default_factory=lambda: {
            **PYTHON,
            **archive("libz", "1.3"),
            **archive("numpy", "2.0", "python"),
            **archive("scipy", "1.9", "numpy", "libz"),
        }
    )
    noarch: dict[str, object] = field(default_factory=dict)
    index: FakeIndex = field(default_factory=FakeIndex)
    reporter: FakeReporter = field(default_factory=FakeReporter)

    def __post_init__(self) -> None:
        folders: dict[str, Records] = {"linux-64": self.linux, "noarch": self.noarch}  # type: ignore[dict-item]
        self.index.channels = {CONDA_FORGE: folders, PYTORCH: {}}
        self.pins = FakePins(self.index)
        self.tools = IndexTools(index=self.index, pins=self.pins, reporter=self.reporter)
        self.sources = [ChannelSource(url=CONDA_FORGE, location=CONDA_FORGE)]

    def pin(self, *stacks: Stack, origin: Origin = Origin.LIVE) -> str:
        return pin_stacks(stacks, self.sources, origin, NOW, self.tools).digest

    def held(self, digest: str, subdir: str = "linux-64") -> list[str]:
        place = f"pin:{digest}/{CONDA_FORGE}"
        return sorted(self.index.channels[place][subdir])


@pytest.fixture
def world() -> World:
    return World()


# Making a pin


def test_a_pin_holds_what_a_stack_can_reach_and_the_stack_solves_from_it(world: World) -> None:
    result = pin_stacks([STACK], world.sources, Origin.LIVE, NOW, world.tools)

    assert world.held(result.digest) == [
        "libz-1.3-0.conda",
        "numpy-2.0-0.conda",
        "python-3.12.1-0.conda",
    ]
    assert world.pins.assigned("demo") == result.digest
    assert result.stacks == ("demo",)
    assert result.pin.origin is Origin.LIVE
    assert result.pin.as_of == NOW


def test_a_folder_that_was_asked_is_in_the_pin_even_when_it_is_empty(world: World) -> None:
    digest = world.pin(STACK)

    assert [(part.subdir, part.records) for part in world.pins.read(digest).parts] == [
        ("linux-64", 3),
        ("noarch", 0),
    ]


def test_an_observed_pin_is_as_old_as_its_newest_record(world: World) -> None:
    world.linux |= archive("numpy", "2.1", timestamp=1_760_000_000_123)
    world.linux |= archive("numpy", "2.2", timestamp=10**18)  # a mistake of a channel

    digest = world.pin(STACK, origin=Origin.OBSERVED)

    assert world.pins.read(digest).as_of == "2025-10-09T08:53:20Z"


def test_an_observed_pin_without_times_does_not_depend_on_the_clock(world: World) -> None:
    digest = world.pin(STACK, origin=Origin.OBSERVED)

    assert world.pins.read(digest).as_of == "1970-01-01T00:00:00Z"


def test_stacks_share_a_pin_and_are_asked_for_each_on_its_own_channels(world: World) -> None:
    other = make_stack("other", "scipy", channels='"pytorch", "conda-forge"')
    world.sources.append(ChannelSource(url=PYTORCH, location=PYTORCH))

    digest = world.pin(STACK, other)

    [(_, reaches)] = world.index.asked
    assert [reach.channels for reach in reaches] == [(CONDA_FORGE,), (PYTORCH, CONDA_FORGE)]
    assert [reach.specs for reach in reaches] == [
        ("python 3.12.*", "numpy *"),
        ("python 3.12.*", "scipy *"),
    ]
    assert "scipy-1.9-0.conda" in world.held(digest)
    assert dict(world.pins.assignments()) == {"demo": digest, "other": digest}


def test_a_name_that_no_channel_has_is_noted(world: World) -> None:
    world.pin(make_stack("demo", "numpy", "nunpy"), make_stack("other", "nunpy"))

    assert world.reporter.notes == ["no channel has `nunpy` for linux-64"]


def test_channels_that_hold_nothing_of_it_give_no_pin(world: World) -> None:
    world.linux.clear()

    with pytest.raises(PinError) as caught:
        world.pin(STACK)

    assert caught.value.message == (
        "the channels hold nothing of what demo asks for: conda-forge\nNo pin was written."
    )
    assert caught.value.hints == ("check the names of the channels and packages",)
    assert world.pins.kept() == ()


def test_a_channel_that_does_not_answer_leaves_everything_as_it_was(world: World) -> None:
    digest = world.pin(STACK)
    world.index.refuses = "no repodata"

    for story in (pin_stacks, update_pin, extend_pin):
        with pytest.raises(WorldError):
            story([STACK], world.sources, Origin.LIVE, LATER, world.tools)

    assert world.pins.kept() == (digest,)
    assert world.pins.assigned("demo") == digest


def test_a_disk_that_refuses_leaves_the_stacks_where_they_are(world: World) -> None:
    digest = world.pin(STACK)
    world.linux |= archive("numpy", "2.1")
    world.pins.refuses = "full"

    with pytest.raises(WorldError):
        update_pin([STACK], world.sources, Origin.LIVE, LATER, world.tools)

    assert world.pins.assigned("demo") == digest


# Asking again


def test_a_pin_stays_when_no_record_changed(world: World) -> None:
    digest = world.pin(STACK)

    result = update_pin([STACK], world.sources, Origin.LIVE, LATER, world.tools)

    assert result.digest == result.before == digest
    assert result.pin.as_of == NOW
    assert world.pins.kept() == (digest,)


def test_an_update_tells_what_came_went_and_changed(world: World) -> None:
    before = world.pin(STACK)
    world.linux |= archive("numpy", "2.1", "python", "blas")
    world.linux |= archive("blas", "3")
    world.linux |= archive("libz", "1.3", "libc")
    del world.linux["python-3.12.1-0.conda"]
    world.linux |= archive("python", "3.12.4", "libz")

    result = update_pin([STACK], world.sources, Origin.LIVE, LATER, world.tools)

    assert result.before == before
    assert result.digest == world.pins.assigned("demo") != before
    assert result.pin.as_of == LATER
    assert result.changes == (
        PartChange(
            channel=CONDA_FORGE,
            subdir="linux-64",
            added=("blas-3-0.conda", "numpy-2.1-0.conda", "python-3.12.4-0.conda"),
            removed=("python-3.12.1-0.conda",),
            changed=("libz-1.3-0.conda",),
        ),
    )
    assert result.moves == (
        PackageMove(name="blas", before=None, after="3"),
        PackageMove(name="numpy", before="2.0", after="2.1"),
        PackageMove(name="python", before="3.12.1", after="3.12.4"),
    )


def test_a_stack_that_shares_its_pin_is_compared_with_its_own_share(world: World) -> None:
    digest = world.pin(STACK, make_stack("other", "scipy"))

    result = update_pin([STACK], world.sources, Origin.LIVE, LATER, world.tools)

    assert result.digest == digest
    assert result.changes == ()


def test_an_update_leaves_the_other_stacks_of_a_pin_and_names_them(world: World) -> None:
    digest = world.pin(STACK, make_stack("other", "scipy"))
    world.linux |= archive("numpy", "2.1", "python")

    result = update_pin([STACK], world.sources, Origin.LIVE, LATER, world.tools)

    assert result.left == ("other",)
    assert world.pins.assigned("other") == digest
    assert [change.added for change in result.changes] == [("numpy-2.1-0.conda",)]
    assert not [name for change in result.changes for name in change.removed]


def test_asking_the_channels_makes_an_observed_pin_a_live_one(world: World) -> None:
    observed = world.pin(STACK, origin=Origin.OBSERVED)

    result = update_pin([STACK], world.sources, Origin.LIVE, LATER, world.tools)

    assert result.before == observed
    assert result.changes == ()
    assert result.pin.origin is Origin.LIVE


def test_a_time_is_not_written_anew_when_no_record_changed(world: World) -> None:
    before = world.pin(STACK)
    wish = make_stack("demo", "numpy", "nowhere")

    for story in (update_pin, extend_pin):
        world.pins.assign("demo", before)
        result = story([wish], world.sources, Origin.LIVE, LATER, world.tools)

        assert result.digest != before
        assert "nowhere *" in result.pin.asked
        assert result.pin.as_of == NOW


def test_a_platform_that_the_pin_was_never_asked_for_makes_a_new_one(world: World) -> None:
    digest = world.pin(STACK)
    wider = replace(STACK, platforms=(*STACK.platforms, type(STACK.platforms[0])("win-64")))

    result = update_pin([wider], world.sources, Origin.LIVE, LATER, world.tools)

    assert result.digest != digest
    assert [part.subdir for part in result.pin.parts] == ["linux-64", "noarch", "win-64"]


def test_stacks_without_a_pin_cannot_be_updated(world: World) -> None:
    for story in (update_pin, extend_pin):
        with pytest.raises(PinError) as caught:
            story([STACK], world.sources, Origin.LIVE, NOW, world.tools)

        assert caught.value.message == "no index pin yet: demo"
        assert caught.value.hints == ("make one: `envlock index pin` with the stacks' files",)


def test_stacks_of_several_pins_are_not_updated_together(world: World) -> None:
    other = make_stack("other", "scipy")
    one, two = world.pin(STACK), world.pin(other)

    with pytest.raises(PinError) as caught:
        update_pin([STACK, other], world.sources, Origin.LIVE, LATER, world.tools)

    assert caught.value.message == (
        f"these stacks solve from several pins\n  demo: {one[:12]}\n  other: {two[:12]}\n"
        "No pin was written."
    )


def test_a_move_tells_the_newest_version_however_the_channel_lists_them(world: World) -> None:
    world.linux = {**archive("libz", "1.10"), **archive("libz", "1.9"), **world.linux}
    world.__post_init__()
    world.pin(STACK)
    world.index.channels[CONDA_FORGE] = {
        "linux-64": {**world.linux, **archive("libz", "1.2", "libc")}  # type: ignore[dict-item]
    }

    result = update_pin([STACK], world.sources, Origin.LIVE, LATER, world.tools)

    assert result.changes[0].added == ("libz-1.2-0.conda",)
    assert result.moves == ()


# Widening


def test_a_wider_pin_has_new_packages_and_nothing_newer_of_the_old_ones(world: World) -> None:
    before = world.pin(STACK)
    world.linux |= archive("numpy", "2.1", "python")
    world.linux |= archive("scipy", "1.9", "numpy", "libz", "blas")
    world.linux |= archive("blas", "3")
    world.noarch |= archive("libz", "9")

    result = extend_pin(
        [make_stack("demo", "numpy", "scipy")], world.sources, Origin.LIVE, LATER, world.tools
    )

    assert result.before == before
    assert world.held(result.digest) == sorted(
        [*world.held(before), "blas-3-0.conda", "scipy-1.9-0.conda"]
    )
    assert world.held(result.digest, "noarch") == []
    assert [move.name for move in result.moves] == ["blas", "scipy"]
    assert result.pin.as_of == LATER


@pytest.mark.parametrize("story", [extend_pin, update_pin])
def test_a_pin_that_has_it_all_stays_and_another_stack_joins_it(world: World, story: Any) -> None:
    digest = world.pin(STACK)

    result = story(
        [STACK, make_stack("other", "numpy")], world.sources, Origin.LIVE, LATER, world.tools
    )

    assert result.digest == digest
    assert dict(world.pins.assignments()) == {"demo": digest, "other": digest}


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        (Origin.LIVE, Origin.LIVE, Origin.LIVE),
        (Origin.LIVE, Origin.OBSERVED, Origin.OBSERVED),
        (Origin.OBSERVED, Origin.LIVE, Origin.OBSERVED),
    ],
)
def test_a_pin_is_observed_as_soon_as_one_half_of_it_is(
    world: World, old: Origin, new: Origin, wider: Origin
) -> None:
    world.pin(STACK, origin=old)

    stack = make_stack("demo", "numpy", "scipy")
    result = extend_pin([stack], world.sources, new, LATER, world.tools)

    assert result.pin.origin is wider


def test_a_wider_pin_for_one_stack_leaves_the_others_with_the_old_one(world: World) -> None:
    digest = world.pin(STACK, make_stack("other", "numpy"))

    result = extend_pin(
        [make_stack("demo", "scipy")], world.sources, Origin.LIVE, LATER, world.tools
    )

    assert result.left == ("other",)
    assert world.pins.assigned("other") == digest


def test_a_pin_of_anything_but_repodata_cannot_be_widened(world: World) -> None:
    content = b"not repodata, and yet what the manifest names"
    part = describe_part(CONDA_FORGE, "noarch", content, 1)
    pin = Pin(origin=Origin.LIVE, as_of=NOW, parts=(part,))
    digest = FakePins.keep(FakePins(), pin, {})
    world.pins.pins[digest] = (pin, {(CONDA_FORGE, "noarch"): content})
    world.pins.assign("demo", digest)

    with pytest.raises(PinError) as caught:
        extend_pin([STACK], world.sources, Origin.LIVE, LATER, world.tools)

    assert caught.value.message.startswith(f"the pin {digest[:12]}… cannot be read: not repodata: ")


# Telling


def test_a_pin_is_told_with_its_age_and_its_stacks(world: World) -> None:
    digest = world.pin(make_stack("b", "numpy"), make_stack("a", "numpy"))

    assert describe_pin(digest, "2026-03-02", world.pins) == PinDescription(
        digest=digest, pin=world.pins.read(digest), age_days=30, stacks=("a", "b")
    )


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("3.9", "3.10"),
        ("1.0rc1", "1.0"),
        ("1.0", "1.0.1"),
        ("1.0", "1.0.post1"),
        ("1.0.dev3", "1.0a1"),
        ("2026.1", "1!0.1"),
        ("1.0", "1.0+cu121"),
        ("0.9", "1_0"),
    ],
)
def test_newest_means_what_conda_means(older: str, newer: str) -> None:
    assert version_order(older) < version_order(newer)
