"""Which of a distribution's files a platform would take, and whether it takes any.

A file that lists all wheels of a version, as uv's, poetry's and pylock do, does not say which of
them lands on a machine; the names of the wheels and the markers do.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.version import InvalidVersion

from envlock.model.reading import FoundPackage, Origin, OriginKind

_WORDS = {
    "linux-64": ("linux", "x86_64"),
    "linux-aarch64": ("linux", "aarch64"),
    "osx-64": ("macosx", "x86_64"),
    "osx-arm64": ("macosx", "arm64"),
    "win-64": ("win", "amd64"),
}
"""What the name of a wheel for a platform holds."""
_MUSL = "musllinux"
_UNIVERSAL = "universal2"
_SYSTEMS = {
    "linux": ("posix", "linux", "Linux"),
    "osx": ("posix", "darwin", "Darwin"),
    "win": ("nt", "win32", "Windows"),
}
"""os_name, sys_platform, platform_system."""
_MACHINES = {"osx-arm64": "arm64", "linux-aarch64": "aarch64", "win-64": "AMD64"}
_PYTHONS = tuple(f"3.{minor}" for minor in range(8, 16))


def origin_for(origins: tuple[Origin, ...], platform: str) -> Origin | None:
    """Return the file that a platform would take: its own wheel, else any wheel, else the first."""
    if len(origins) > 1:
        wheels = [item for item in origins if item.kind is OriginKind.WHEEL]
        for choose in (is_for, _is_pure):
            found = next((item for item in wheels if choose(item, platform)), None)
            if found:
                return found
    return next(iter(origins), None)


def installs_on(package: FoundPackage, platform: str) -> bool:
    """Say whether a platform installs a package, by its marker and by what wheels there are.

    Of a marker that cannot be read, or that asks for more than the platform, a yes is assumed.
    """
    if package.marker and not admits(package.marker, platform):
        return False
    wheels = [item for item in package.origins if item.kind is OriginKind.WHEEL]
    if platform not in _WORDS or len(wheels) != len(package.origins) or not wheels:
        return True
    return any(is_for(item, platform) or _is_pure(item, platform) for item in wheels)


def is_for(origin: Origin, platform: str) -> bool:
    """Say whether a wheel was made for a platform."""
    words = _WORDS.get(platform, ())
    tag = file_name(origin).removesuffix(".whl").rpartition("-")[2]
    if platform.startswith("osx-") and _UNIVERSAL in tag:
        return True
    return bool(words) and all(word in tag for word in words) and _MUSL not in tag


def file_name(origin: Origin) -> str:
    """Return the name of the file at an address."""
    return origin.address.partition("#")[0].partition("?")[0].rpartition("/")[2]


def _is_pure(origin: Origin, platform: str) -> bool:
    del platform  # any
    return file_name(origin).endswith("-any.whl")


@cache
def admits(marker: str, platform: str) -> bool:
    """Say whether a marker may hold on a platform, with some Python and some extras."""
    try:
        parsed = Marker(marker)
    except InvalidMarker:
        return True
    try:
        return any(parsed.evaluate(values) for values in _situations(platform))
    except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion, KeyError, TypeError):
        return True


def _situations(platform: str) -> Iterable[dict[str, str]]:
    os_name, sys_platform, system = _SYSTEMS.get(platform.partition("-")[0], ("posix", "", ""))
    for python in _PYTHONS:
        yield {
            "os_name": os_name,
            "sys_platform": sys_platform,
            "platform_system": system,
            "platform_machine": _MACHINES.get(platform, "x86_64"),
            "python_version": python,
            "python_full_version": f"{python}.0",
            "implementation_name": "cpython",
            "implementation_version": f"{python}.0",
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_version": "",
            "extra": "",
        }
