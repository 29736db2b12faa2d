"""Which of several wheels an installer takes on a platform that is not this machine's.

PEP 425's order is `packaging`'s; the platforms' own tags (PEP 600 for Linux) stand here, since
`packaging` knows those of the running machine only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

from envlock.model.platform import Platform
from envlock.model.version import parse_dotted

_OLD_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLDEST_MINOR = 5


def best_wheel(
    file_names: Iterable[str],
    platform: Platform,
    python: str,
    *,
    glibc: str | None,
    macos: str | None,
) -> str:
    """Return the file name that comes first for CPython of a version on a platform.

    A higher build tag comes first among equals, as for pip. Raises `ValueError` when none fits.
    """
    major, minor = parse_dotted(python)[:2]
    order = _order(platform, (major, minor), glibc, macos)

    def rank(file_name: str) -> tuple[int, tuple[int, str], str]:
        _, _, build, tags = parse_wheel_filename(file_name)
        number, letters = build or (0, "")
        place = min((order[tag] for tag in tags if tag in order), default=len(order))
        return (place, (-number, letters), file_name)

    names = sorted(file_names, key=rank)
    if not names or rank(names[0])[0] == len(order):
        raise ValueError(f"none of {names} fits {platform} with Python {python}")
    return names[0]


@cache
def _order(
    platform: Platform, python: tuple[int, int], glibc: str | None, macos: str | None
) -> dict[Tag, int]:
    platforms = _platforms(platform, glibc, macos)
    interpreter = f"cp{python[0]}{python[1]}"
    tags = [
        *cpython_tags(python, platforms=platforms),
        *compatible_tags(python, interpreter=interpreter, platforms=platforms),
    ]
    return {tag: place for place, tag in reversed(list(enumerate(tags)))}


def _platforms(platform: Platform, glibc: str | None, macos: str | None) -> Sequence[str]:
    match platform:
        case Platform.LINUX_64:
            return _linux("x86_64", glibc)
        case Platform.LINUX_AARCH64:
            return _linux("aarch64", glibc)
        case Platform.OSX_64:
            return _macos("x86_64", macos)
        case Platform.OSX_ARM64:
            return _macos("arm64", macos)
        case Platform.WIN_64:
            return ("win_amd64",)


def _linux(machine: str, glibc: str | None) -> Sequence[str]:
    newest = parse_dotted(glibc)[1] if glibc else _OLDEST_MINOR
    tags: list[str] = []
    for minor in range(newest, _OLDEST_MINOR - 1, -1):
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in _OLD_NAMES:
            tags.append(f"{_OLD_NAMES[minor]}_{machine}")
    return (*tags, f"linux_{machine}")


def _macos(machine: str, macos: str | None) -> Sequence[str]:
    numbers = (*parse_dotted(macos or "11.0"), 0)
    return tuple(mac_platforms((numbers[0], numbers[1]), machine))
