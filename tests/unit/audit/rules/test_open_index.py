"""EL204: packages that more than one place may answer for."""

from __future__ import annotations

from envlock.audit.rules.open_index import RULE
from envlock.model.reading import Ecosystem, FileKind
from readings import command, place, reading, told, wheel, wish


def test_an_extra_index_is_asked_for_every_package():
    found = reading(
        place("https://wheels.example/simple", "extra-index", line=2),
        wish("torch"),
        kind=FileKind.REQUIREMENTS,
    )

    assert told(RULE, found) == [
        "warning at 2 (https://wheels.example/simple): `https://wheels.example/simple` is asked "
        "beside the main index, for every package: whoever publishes a higher version under the "
        "same name in either wins.",
    ]


def test_requirements_of_which_every_row_has_hashes_are_safe_until_they_are_written_again():
    places = (
        place("https://wheels.example/simple", "extra-index"),
        place("https://wheels.example/page", "find-links"),
    )
    hashed = wheel("torch")

    assert told(RULE, reading(*places, hashed, kind=FileKind.REQUIREMENTS)) == [
        "note (https://wheels.example/simple): `https://wheels.example/simple` is asked beside the "
        "main index, for every package: the hashes hold what is installed, and whoever writes this "
        "list again asks both."
    ]
    half = reading(*places, hashed, wish("numpy"), kind=FileKind.REQUIREMENTS)
    assert len(told(RULE, half)) == len(places)


def test_an_index_that_owns_its_packages_is_fine():
    found = reading(
        place("https://wheels.example/simple", "extra-index"),
        wish("torch", index="https://wheels.example/simple"),
        kind=FileKind.REQUIREMENTS,
    )

    assert told(RULE, found) == []


def test_a_lock_with_addresses_is_safe():
    found = reading(
        place("https://wheels.example/simple", "extra-index"),
        place("https://index.example/simple"),
        wheel("torch"),
        kind=FileKind.UV,
    )

    assert told(RULE, found) == []


def test_a_nightly_index_changes_daily():
    found = reading(
        place("https://download.example/whl/nightly/cu121", "index", line=1),
        place("pytorch-nightly", "channel", line=2),
        kind=FileKind.PIXI,
    )

    assert told(RULE, found) == [
        "warning at 1 (https://download.example/whl/nightly/cu121): the index "
        "`https://download.example/whl/nightly/cu121` holds builds that were not released: they "
        "change daily and are removed after some weeks.",
        "warning at 2 (pytorch-nightly): the channel `pytorch-nightly` holds builds that were "
        "not released: they change daily and are removed after some weeks.",
    ]


def test_a_page_of_links_is_told():
    found = reading(
        place("https://wheels.example/torch_stable.html", "find-links", line=1),
        kind=FileKind.REQUIREMENTS,
    )

    assert told(RULE, found) == [
        "warning at 1 (https://wheels.example/torch_stable.html): the files are looked for on "
        "the page `https://wheels.example/torch_stable.html`: what stands on it is installed, "
        "without hashes.",
    ]


def test_pre_releases_are_told():
    found = reading(command("pip install --pre torch", line=3), kind=FileKind.DOCKERFILE)

    assert told(RULE, found) == [
        "warning at 3 (--pre): `pip install --pre torch` takes pre-releases of all packages, "
        "not only of the one that needs it.",
    ]


def test_what_a_command_says_is_not_told_again_as_a_setting():
    found = reading(
        command("pip install --pre torch", line=3),
        kind=FileKind.DOCKERFILE,
        settings={"pre": "true"},
    )

    assert told(RULE, found) == [
        "warning at 3 (--pre): `pip install --pre torch` takes pre-releases of all packages, "
        "not only of the one that needs it.",
    ]


def test_pre_releases_in_a_setting_of_a_lock_are_a_note():
    found = reading(wheel("torch"), kind=FileKind.PIXI, settings={"prerelease-mode": "allow"})

    assert told(RULE, found) == [
        "note (--pre): `prerelease-mode=allow` takes pre-releases of all packages, not only of "
        "the one that needs it.",
    ]


def test_channels_without_an_order_are_a_note():
    found = reading(
        place("pytorch", "channel", line=3),
        place("conda-forge", "channel", line=4),
        place("nodefaults", "channel"),
        kind=FileKind.ENVIRONMENT,
    )

    assert told(RULE, found) == [
        "note at 3 (channels): 2 channels may answer for each package (`pytorch` and "
        "`conda-forge`): which one does depends on `channel_priority` in the reader's own "
        "settings.",
    ]


def test_one_channel_and_one_index_are_fine():
    found = reading(
        place("conda-forge", "channel"),
        place("nodefaults", "channel"),
        place("https://index.example/simple"),
        wish("torch", Ecosystem.CONDA),
        command("pip install --pretend x"),
        kind=FileKind.ENVIRONMENT,
    )

    assert told(RULE, found) == []
