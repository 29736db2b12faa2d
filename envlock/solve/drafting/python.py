"""Which Python a file means, and which one to take where it does not say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from envlock.compat.base_images import BaseImage
from envlock.model.draft import Decision, Keep
from envlock.model.reading import Reading
from envlock.model.version import parse_dotted
from envlock.solve.drafting.versions import is_sayable, keep_specifiers
from envlock.solve.drafting.wheels import wheel_row
from envlock.solve.drafting.wishes import Wish

_PATH = ("python", "version")
_USUAL = "3.12"
"""What `envlock init` offers."""
_TAG = re.compile(r"cp3(?P<minor>\d{1,2})")


def decide_python(
    reading: Reading,
    wishes: Sequence[Wish],
    image: BaseImage | None,
    frameworks: Mapping[str, str],
    offered: Sequence[str],
) -> Decision:
    """Return the version of the interpreter.

    `frameworks` are those that come from PyPI, each with its version in the stack: a Python that
    they have no wheels for is not guessed. `offered` are the series that the pin has, if any.
    """
    said = [wish for wish in wishes if is_sayable(wish.version, pypi=False)]
    versions = list(dict.fromkeys(wish.version for wish in said))
    if len(versions) > 1:
        told = f"{_found(reading, said[0])}; elsewhere in the file it is {', '.join(versions[1:])}"
        return _decide(versions[0], told, is_guess=True)
    if said and versions != ["*"]:
        return _decide(versions[0], _found(reading, said[0]))
    asked = keep_specifiers(reading.python, Keep.MINOR, pypi=True)
    if reading.python and asked != "*" and is_sayable(asked, pypi=False):
        return _decide(asked, f"from {reading.file}")
    if image and image.python:
        return _decide(f"{image.python}.*", f"from the base image of {reading.file}")
    series, why = _guess(image, frameworks, offered)
    return _decide(f"{series}.*", why, is_guess=True)


def _found(reading: Reading, wish: Wish) -> str:
    return f"from {reading.file}:{wish.line}" if wish.line else f"from {reading.file}"


def _decide(version: str, reason: str, *, is_guess: bool = False) -> Decision:
    return Decision(path=_PATH, value=version, reason=reason, is_guess=is_guess)


def _guess(
    image: BaseImage | None, frameworks: Mapping[str, str], offered: Sequence[str]
) -> tuple[str, str]:
    if image and image.system_python:
        return image.system_python, "the Python of the system that the base image is made of"
    known = [tags for name, version in frameworks.items() if (tags := _tags(name, version))]
    common = set(known[0]).intersection(*known[1:]) if known else set()
    names = " and ".join(frameworks)
    fitting = [series for series in offered if not common or series in common]
    if fitting:
        told = f" that {names} has wheels for" if common else ""
        return max(fitting, key=parse_dotted), f"the newest in the index pin{told}"
    if common and (offered or _USUAL not in common):
        return max(common, key=parse_dotted), f"the newest that {names} has wheels for"
    return _USUAL, "the file does not say; `envlock init` offers it, too"


def _tags(name: str, version: str) -> Iterable[str]:
    """Return the Pythons that a framework's newest fitting version has wheels for."""
    row = wheel_row(name, version)
    found = (_TAG.fullmatch(tag) for tag in (row or {}).get("pythons", "").split())
    return tuple(f"3.{match['minor']}" for match in found if match)
