"""What a distribution needs: its METADATA, its extras, and the markers of one platform.

PEP 508, 566 and 685 are `packaging`'s; here they meet a platform that is not this machine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.parser import BytesParser
from email.policy import compat32

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envlock.model.platform import Platform, System
from envlock.model.version import parse_dotted

_NAMES = {
    System.LINUX: ("posix", "linux", "Linux"),
    System.MACOS: ("posix", "darwin", "Darwin"),
    System.WINDOWS: ("nt", "win32", "Windows"),
}
_MACHINES = {
    Platform.LINUX_64: "x86_64",
    Platform.LINUX_AARCH64: "aarch64",
    Platform.OSX_64: "x86_64",
    Platform.OSX_ARM64: "arm64",
    Platform.WIN_64: "AMD64",
}


def marker_environment(platform: Platform, python: str) -> dict[str, str]:
    """Return the values of PEP 508's variables on a platform, for CPython of a full version."""
    os_name, sys_platform, system = _NAMES[platform.system]
    return {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": os_name,
        "platform_machine": _MACHINES[platform],
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": system,
        "platform_version": "",
        "python_full_version": python,
        "python_version": ".".join(map(str, parse_dotted(python)[:2])),
        "sys_platform": sys_platform,
    }


def requires_dist(metadata: bytes) -> tuple[Requirement, ...]:
    """Return the requirements of a METADATA file; one that is not PEP 508 is passed over.

    The resolver has judged them: what it could not read it has refused.
    """
    message = BytesParser(policy=compat32).parsebytes(metadata, headersonly=True)
    found = []
    for text in message.get_all("Requires-Dist") or ():
        try:
            found.append(Requirement(str(text)))
        except InvalidRequirement:
            continue
    return tuple(found)


def needed_by(
    asks: Iterable[str], metadata: Mapping[str, bytes], environment: Mapping[str, str]
) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Return what each distribution needs on a platform: name -> (name, specifiers), ordered.

    `asks` are requirements, `metadata` the METADATA of what was chosen, by normalised name. An
    extra counts where somebody in the answer asks for it; `*` stands for any version.
    """
    extras: dict[str, set[str]] = {name: {""} for name in metadata}
    waiting = [Requirement(ask) for ask in asks]
    parsed = {name: requires_dist(content) for name, content in metadata.items()}
    seen: set[str] = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name not in metadata:
            continue
        new = {canonicalize_name(extra) for extra in wanted.extras} - extras[name]
        if name in seen and not new:
            continue
        seen.add(name)
        extras[name] |= new
        waiting.extend(_holding(parsed[name], extras[name], environment))
    return {
        name: _merged(_holding(parsed[name], extras[name], environment))
        for name in sorted(metadata)
    }


def _holding(
    requirements: Iterable[Requirement], extras: Iterable[str], environment: Mapping[str, str]
) -> list[Requirement]:
    return [item for item in requirements if _holds(item, extras, environment)]


def _holds(item: Requirement, extras: Iterable[str], environment: Mapping[str, str]) -> bool:
    if item.marker is None:
        return True
    try:
        return any(item.marker.evaluate({**environment, "extra": extra}) for extra in extras)
    except UndefinedEnvironmentName:
        return False


def _merged(requirements: Iterable[Requirement]) -> tuple[tuple[str, str], ...]:
    merged: dict[str, list[str]] = {}
    for item in requirements:
        clauses = merged.setdefault(canonicalize_name(item.name), [])
        clauses.extend(str(clause) for clause in item.specifier)
    return tuple(
        (name, ",".join(sorted(dict.fromkeys(merged[name]))) or "*") for name in sorted(merged)
    )
