"""One thing that conda is asked for: a match spec, in any of its spellings.

Only what an audit must know is taken apart: the name, the channel, and the version where it is one
version. `rattler` parses specs, too, but refuses some that conda takes, and it is a solver's
library: readers come without it.
"""

from __future__ import annotations

import re

from envlock.formats.readers.conda_address import conda_name, conda_origin, is_conda_archive
from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.origins import fragment_hashes, has_scheme
from envlock.model.reading import Ecosystem, FoundPackage

_LONGEST = 2000
_AFTER_NAME = ("", " ", "\t", "=", "<", ">", "!", "~")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*+|\*")
_PAIR = re.compile(
    r"(?<![a-z_])(?P<key>[a-z_]++)\s*+=\s*+"
    r"(?:'(?P<one>[^']*+)'|\"(?P<two>[^\"]*+)\"|(?P<bare>[^,\s'\"]++))"
)
_EXACT = re.compile(r"[0-9A-Za-z_.!+-]+")
_SUBDIR = re.compile(r"(?P<channel>.+)/(?P<subdir>noarch|(?:linux|osx|win)-[a-z0-9_]+)")


def read_match_spec(text: str, notes: Notes, line: int) -> FoundPackage | None:
    """Return what a spec asks for; None, and a note, for one that nothing can be made of."""
    text = text.strip()
    if is_conda_archive(text) and (has_scheme(text) or "/" in text):
        return _of_address(text, line)
    plain, bracket, inner = text.partition("[")
    channel, _, spec = plain.rpartition("::")
    name = _NAME.match(spec.strip())
    asked = spec.strip()[name.end() :] if name else ""
    is_spec = name and asked[:1] in _AFTER_NAME and inner.endswith("]" * len(bracket))
    if not name or not is_spec or len(text) > _LONGEST:
        notes.odd(f"{shown(text)} is no match spec of conda", line=line)
        return None
    keys = {
        pair["key"]: pair["one"] or pair["two"] or pair["bare"] or ""
        for pair in _PAIR.finditer(inner.removesuffix("]"))
    }
    version, build = exact_version(asked)
    if "version" in keys:
        version = exact_version(f" {keys['version']}")[0]
    place = _SUBDIR.fullmatch(channel)
    return FoundPackage(
        name=name[0],
        ecosystem=Ecosystem.CONDA,
        version=version,
        wanted=text,
        build=build or keys.get("build", ""),
        subdir=keys.get("subdir", "") or (place["subdir"] if place else ""),
        index=keys.get("channel", "") or (place["channel"] if place else channel),
        line=line,
    )


def exact_version(asked: str) -> tuple[str | None, str]:
    """Return the one version that is asked for, None where it is left open, and the build.

    `==1.2`, `=1.2=build`, ` 1.2 build` and ` 1.2` are exact; `=1.2` means any 1.2.
    """
    asked = asked.strip()
    version, _, build = (
        part.strip() for part in asked.lstrip("=").replace("=", " ").partition(" ")
    )
    if asked[:1] in ("<", ">", "!", "~"):
        return None, asked.partition(" ")[2].strip() if asked.count(" ") == 1 else ""
    is_fuzzy = asked.startswith("=") and not asked.startswith("==") and not build
    return (version if _EXACT.fullmatch(version) and not is_fuzzy else None), build


def _of_address(address: str, line: int) -> FoundPackage | None:
    named = conda_name(address)
    origin = conda_origin(address, fragment_hashes(address), line, None)
    return FoundPackage(
        name=named.name if named else address,
        ecosystem=Ecosystem.CONDA,
        version=named.version if named else None,
        wanted=address,
        build=named.build if named else "",
        subdir=named.subdir if named else "",
        origins=(origin,),
        line=line,
    )
