"""One thing that pip is asked for: a name, an address, a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace as _replace
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from envlock.formats.distribution_name import version_in
from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.origins import fragment_hashes, has_scheme, kind_of, parse_hash
from envlock.model.reading import Ecosystem, FoundPackage, Origin, OriginKind

_LONGEST = 2000
"""Characters; nobody asks for one package in more, and `packaging` needs time for it."""
_MOST_BRACKETS = 50
_NAMED_URL = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)[ \t]*(?P<extras>\[[^\]]*\])?[ \t]*@[ \t]*")
_NAMED_MARKER = re.compile(r"(?:^|[ \t])[ \t]*;")
_VCS = re.compile(r"(?P<kind>git|hg|svn|bzr)\+")
_EXTRAS = re.compile(r"\[[\w., \t-]*\]$")
_LOOSE = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)[ \t]*(?:\[[^\]]*\])?[ \t]*(?:[=<>!~(].*)?")
_VARIABLE = re.compile(r"\$\{?\w+\}?")


def read_requirement(
    text: str,
    notes: Notes,
    *,
    line: int = 0,
    hashes: Mapping[str, int] | None = None,
    is_editable: bool = False,
) -> FoundPackage | None:
    """Return what a requirement asks for; `hashes` are the texts after `--hash`, with their lines.

    What cannot be read is noted, and None is returned, or a package with a name alone.
    """
    if len(text) > _LONGEST or text.count("(") > _MOST_BRACKETS:
        notes.odd(f"{shown(text)} is too long for a requirement", line=line)
        return None
    named = _NAMED_URL.match(text)
    address = text[named.end() :] if named else text
    if named or _is_address(text):
        address, marker = _split_marker(address, is_url=has_scheme(address))
        name, extras = (named["name"], named["extras"] or "") if named else ("", "")
        return _from_address(
            address,
            FoundPackage(
                name=name,
                ecosystem=Ecosystem.PYPI,
                wanted=f"{name}{extras} @ {address}" if named else address,
                marker=marker,
                is_editable=is_editable,
                line=line,
            ),
            _hashes(hashes or {}, notes, line, name),
        )
    return _from_name(text, _hashes(hashes or {}, notes, line, text), notes, line)


def _hashes(hashes: Mapping[str, int], notes: Notes, line: int, subject: str) -> tuple[Origin, ...]:
    """Return one file for each hash: any of them may be what is installed."""
    found = []
    for text, at in hashes.items():
        if parsed := parse_hash(text):
            found.append(Origin(address="", kind=OriginKind.OTHER, hashes=parsed, line=at or line))
        else:
            name = re.split(r"[^\w.-]", subject, maxsplit=1)[0]
            notes.odd(
                f"`--hash` has {shown(text)}, which is no hash", line=at or line, subject=name
            )
    return tuple(found)


def _from_name(
    text: str, origins: tuple[Origin, ...], notes: Notes, line: int
) -> FoundPackage | None:
    wanted, _, marker = (part.strip() for part in text.partition(";"))
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, RecursionError):
        loose = _LOOSE.fullmatch(wanted)
        variable = _VARIABLE.search(wanted)
        if variable is None:
            notes.odd(f"{shown(text)} is no requirement of PEP 508", line=line)
        if loose is None and variable is None:
            return None
        name, version = loose["name"] if loose else wanted, None
    else:
        name, version = requirement.name, exact_version(requirement.specifier)
    return FoundPackage(
        name=name,
        ecosystem=Ecosystem.PYPI,
        version=version,
        wanted=wanted,
        marker=marker,
        origins=origins,
        line=line,
    )


def exact_version(specifiers: SpecifierSet) -> str | None:
    """Return the one version that specifiers allow, where they name it: `==2.1`, `===2.1`."""
    for item in specifiers:
        if item.operator in ("==", "===") and not item.version.endswith(".*"):
            return item.version
    return None


def _is_address(text: str) -> bool:
    """Say whether a requirement is a URL or a path and no name."""
    start = text.partition(" ")[0]
    return (
        has_scheme(text)
        or text.startswith((".", "/", "~/", "\\", "git@"))
        or ("/" in start.partition(";")[0].partition("[")[0] and "@" not in start)
        or _EXTRAS.sub("", start.partition(";")[0]).lower().endswith((".whl", ".tar.gz", ".zip"))
    )


def _split_marker(address: str, *, is_url: bool) -> tuple[str, str]:
    """Return an address and its marker; in a URL a `;` begins one only after a space."""
    found = _NAMED_MARKER.search(address) if is_url else re.search(r"[ \t]*;", address)
    if found is None:
        return address.strip(), ""
    return address[: found.start()].strip(), address[found.end() :].strip()


def _from_address(address: str, package: FoundPackage, hashed: tuple[Origin, ...]) -> FoundPackage:
    path = address if has_scheme(address) else _EXTRAS.sub("", address)
    vcs = _VCS.match(path)
    kind = kind_of(path)
    if vcs or path.startswith("git@"):
        kind = OriginKind.GIT if not vcs or vcs["kind"] == "git" else OriginKind.OTHER
    elif kind is OriginKind.OTHER and (not has_scheme(path) or path.startswith("file:")):
        kind = OriginKind.FOLDER
    is_repository = vcs is not None or path.startswith("git@")
    revision = _revision(path) if is_repository else ""
    plain = Origin(
        address=path,
        kind=kind,
        hashes=fragment_hashes(path),
        revision=revision,
        line=package.line,
    )
    origins = tuple(_replace(plain, hashes=item.hashes, line=item.line) for item in hashed) or (
        plain,
    )
    file_name = re.split(r"[?#]", path, maxsplit=1)[0].replace("\\", "/").rstrip("/")
    file_name = file_name.rpartition("/")[2]
    return _replace(
        package,
        name=package.name or _name_in(path, file_name),
        version=version_in(file_name.replace("%2B", "+")),
        origins=origins,
        is_project=path.rstrip("/") == "." or path == "",
    )


def _revision(address: str) -> str:
    """Return what follows `@` in the path of a repository's address."""
    path = address.partition("#")[0].partition("?")[0]
    rest = path.partition("://")[2].partition("/")[2] if "://" in path else path.partition(":")[2]
    return rest.rpartition("@")[2] if "@" in rest else ""


def _name_in(address: str, file_name: str) -> str:
    """Return the name that an address says, else its last part."""
    fragment = address.partition("#")[2]
    eggs = [part[4:] for part in fragment.split("&") if part.startswith("egg=")]
    if eggs and eggs[0]:
        return eggs[0].partition("[")[0]
    if file_name.lower().endswith(".whl"):
        return file_name.partition("-")[0]
    stem = re.sub(r"\.(?:tar\.\w+|zip|tgz|git)$", "", file_name.partition("@")[0])
    version = version_in(file_name)
    return (stem.rpartition("-")[0] if version else stem) or address
