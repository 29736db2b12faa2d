"""EL206: system packages of the day."""

from __future__ import annotations

from envlock.audit.rules.unpinned_apt import RULE
from envlock.model.reading import Ecosystem, FileKind
from readings import reading, told, wish


def test_apt_packages_without_a_version_are_told_once():
    found = reading(
        wish("build-essential", Ecosystem.APT, line=3),
        wish("curl", Ecosystem.APT, line=4),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "note at 3 (apt): apt installs 2 packages in whatever version the archive has on the "
        "day: `build-essential` and `curl`.",
    ]


def test_a_version_and_other_managers_are_fine():
    found = reading(
        wish("curl=8.5.0-2", Ecosystem.APT),
        wish("torch"),
        wish("numpy", Ecosystem.CONDA),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == []
