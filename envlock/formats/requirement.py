"""Requirements as people type them, and as a stack writes them down."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from envlock.errors import EnvlockError
from envlock.formats.stack_values import CONDA_NAME, CONDA_VERSION, PYPI_NAME, PYPI_SPECIFIERS
from envlock.formats.stack_words import format_key, quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What somebody asks for on the command line."""

    name: str
    version: str = "*"
    channel: str | None = None
    build: str | None = None
    extras: tuple[str, ...] = ()
    pypi: bool = False
    """Whether it is a package of PyPI; else of a conda channel."""


def parse_requirement(text: str, *, pypi: bool = False) -> Requirement:
    """Read `numpy`, `numpy>=2`, `numpy >=2,<3`, `pytorch=2.5` or `conda-forge::numpy`.

    With `pypi` also `jax[cuda12]>=0.4`, without it also a build: `pytorch=2.5.1=*cuda*`. A single
    `=` means any release of that series, as in conda. Raises `EnvlockError`.
    """
    channel, _, rest = text.strip().rpartition("::")
    match = _REQUIREMENT.match(rest)
    if match is None:
        raise _unreadable(text, "a package's name first")
    if not re.search(PYPI_NAME if pypi else CONDA_NAME, match["name"]):
        raise _unreadable(text, _LOWER if not pypi else "a PyPI package name")
    version, build = _parse_version(text, match["rest"].strip())
    extras = tuple(part.strip() for part in (match["extras"] or "").split(",") if part.strip())
    requirement = Requirement(
        name=match["name"],
        version=version,
        channel=channel or None,
        build=build,
        extras=extras,
        pypi=pypi,
    )
    refuse_foreign_parts(requirement)
    if pypi and not re.search(PYPI_SPECIFIERS, version):
        raise _unreadable(text, "PEP 440 specifiers such as `>=4.40,<5`")
    return requirement


_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)(?:\[(?P<extras>[A-Za-z0-9._, -]*)\])?"
    r"(?P<rest>.*)",
    re.DOTALL,
)
_WITH_BUILD = re.compile(
    r"={1,2}(?P<version>[^=<>!~,|\s]+)=(?P<build>[^=\s]+)|"
    r"(?P<range>\S+)\s+(?P<other>[^=<>!~,|\s]+)"
)
_SERIES = re.compile(r"=\s*(?P<version>[0-9A-Za-z][0-9A-Za-z._+!]*?)(?:\.?\*)?")
_LOWER = "a conda package name: lower-case letters, digits, `-`, `_` and `.`"


def _parse_version(text: str, rest: str) -> tuple[str, str | None]:
    """Return the version and the build of what follows the name."""
    if not rest:
        return "*", None
    if series := _SERIES.fullmatch(rest):
        return f"{series['version']}.*", None
    if re.search(CONDA_VERSION, rest):
        return rest.replace(" ", ""), None
    parts = _WITH_BUILD.fullmatch(rest)
    version = (parts["version"] or parts["range"]) if parts else ""
    if parts is None or not re.search(CONDA_VERSION, version):
        raise _unreadable(text, "a version such as `2.1.*` or `>=2,<3` after the name")
    return version, parts["build"] or parts["other"]


def _unreadable(text: str, expected: str) -> EnvlockError:
    hints = ["write it as `numpy`, `numpy>=2`, `pytorch=2.5` or `conda-forge::numpy`"]
    return EnvlockError(f"expected {expected}, found {quote(text)}", hints=hints)


def refuse_foreign_parts(requirement: Requirement) -> None:
    """Refuse the parts that only the other half of the solve has."""
    name = quote(requirement.name)
    if requirement.pypi and (requirement.channel or requirement.build):
        raise EnvlockError(f"{name}: a package from PyPI has no conda channel and no build")
    if requirement.extras and not requirement.pypi:
        raise EnvlockError(
            f"{name}: a conda package has no extras", hints=["take it from PyPI with `--pypi`"]
        )


def wanted_keys(requirement: Requirement, *, from_pypi: bool) -> dict[str, object]:
    """Return the keys of a dependency's table that an edit sets."""
    parts = {
        "version": requirement.version,
        "from": "pypi" if from_pypi else None,
        "build": requirement.build,
        "channel": requirement.channel,
        "extras": list(requirement.extras),
    }
    return {key: value for key, value in parts.items() if value}


def format_requirement(requirement: Requirement) -> str:
    """Return a conda requirement as the line of [dependencies] that asks for it."""
    wanted = wanted_keys(requirement, from_pypi=False)
    value = wanted if len(wanted) > 1 else requirement.version
    return f"{format_key((requirement.name,))} = {format_value(value)}"


def format_value(value: object) -> str:
    """Return a value as TOML; JSON's strings and arrays are TOML's too."""
    if isinstance(value, dict):
        entries = ", ".join(f"{key} = {format_value(item)}" for key, item in value.items())
        return f"{{ {entries} }}"
    return json.dumps(value, ensure_ascii=False)
