"""Small readings, made by hand, for the tests of rules: what a reader would have found.

    reading(conda("numpy", "2.1.3"), wheel("torch", "2.5.1"))
    told(RULE, reading(wish("numpy>=1.20", line=3), kind=FileKind.REQUIREMENTS))

Every row has a hash that fits its address, so that a test names only what it is about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

from msgspec.structs import replace

from envlock.audit.engine import Ruling, judge
from envlock.audit.rule import Case, Rule
from envlock.model.finding import AuditPolicy, Finding, Judged
from envlock.model.reading import (
    Command,
    Ecosystem,
    FileKind,
    FoundPackage,
    FoundPlatform,
    NamedPlace,
    Oddity,
    OddityKind,
    Origin,
    OriginKind,
    Reading,
)
from envlock.model.sight import NOTHING_SEEN, Sight, Sights
from envlock.model.stack import Stack

CHANNEL = "https://conda.example/conda-forge"
INDEX = "https://wheels.example"
TODAY = Ruling(today="2026-11-28")
COMMIT = "8076d167a5ef8b544f20de793efa8f974736899c"
"""A commit of git, whole."""

_FILES = {
    FileKind.CONDA_LOCK: "conda-lock.yml",
    FileKind.PIXI: "pixi.lock",
    FileKind.PYLOCK: "pylock.toml",
    FileKind.UV: "uv.lock",
    FileKind.POETRY: "poetry.lock",
    FileKind.REQUIREMENTS: "requirements.txt",
    FileKind.EXPLICIT: "conda-linux-64.lock",
    FileKind.ENVIRONMENT: "environment.yml",
    FileKind.DOCKERFILE: "Dockerfile",
    FileKind.STACK: "stacks/torch.toml",
}


def sha(text: str) -> str:
    """A SHA-256 that goes with a text."""
    return sha256(text.encode()).hexdigest()


def origin(
    address: str,
    kind: OriginKind = OriginKind.CONDA,
    *,
    hashes: Mapping[str, str] | None = None,
    revision: str = "",
    line: int = 0,
    yanked: str | None = None,
    size_bytes: int | None = None,
) -> Origin:
    """A place that a package is taken from, with a hash unless `hashes` says otherwise."""
    has_bytes = kind not in (OriginKind.GIT, OriginKind.FOLDER, OriginKind.IMAGE)
    fitting = {"sha256": sha(address)} if has_bytes else {}
    return Origin(
        address=address,
        kind=kind,
        hashes=fitting if hashes is None else hashes,
        revision=revision,
        line=line,
        yanked=yanked,
        size_bytes=size_bytes,
    )


def conda(
    name: str,
    version: str = "1.0",
    build: str = "0",
    *,
    subdir: str = "linux-64",
    platforms: Sequence[str] = ("linux-64",),
    environments: Sequence[str] = (),
    channel: str = CHANNEL,
    url: str | None = None,
    hashes: Mapping[str, str] | None = None,
    needs: Sequence[str] = (),
    constrains: Sequence[str] = (),
    license: str = "",  # noqa: A002  the field's own name
    line: int = 0,
) -> FoundPackage:
    """A locked conda package."""
    address = url or f"{channel}/{subdir}/{name}-{version}-{build}.conda"
    return FoundPackage(
        name=name,
        ecosystem=Ecosystem.CONDA,
        version=version,
        build=build,
        subdir=subdir,
        platforms=tuple(platforms),
        environments=tuple(environments),
        origins=(origin(address, hashes=hashes),),
        dependencies=tuple(needs),
        constrains=tuple(constrains),
        license=license,
        line=line,
    )


def wheel(
    name: str,
    version: str = "1.0",
    tags: str = "py3-none-any",
    *,
    origins: Sequence[Origin] | None = None,
    url: str | None = None,
    hashes: Mapping[str, str] | None = None,
    platforms: Sequence[str] = ("linux-64",),
    environments: Sequence[str] = (),
    needs: Sequence[str] = (),
    marker: str = "",
    index: str = "",
    license: str = "",  # noqa: A002  the field's own name
    line: int = 0,
) -> FoundPackage:
    """A locked PyPI package: one wheel, or the origins that are given."""
    address = url or f"{INDEX}/packages/{name.replace('-', '_')}-{version}-{tags}.whl"
    return FoundPackage(
        name=name,
        ecosystem=Ecosystem.PYPI,
        version=version,
        platforms=tuple(platforms),
        environments=tuple(environments),
        origins=(
            (origin(address, OriginKind.WHEEL, hashes=hashes),)
            if origins is None
            else tuple(origins)
        ),
        dependencies=tuple(needs),
        marker=marker,
        index=index,
        license=license,
        line=line,
    )


def git(
    name: str,
    address: str = "https://git.example/owner/project.git",
    *,
    revision: str = COMMIT,
    version: str | None = None,
    line: int = 0,
) -> FoundPackage:
    """A PyPI package that is built from a git repository."""
    return FoundPackage(
        name=name,
        ecosystem=Ecosystem.PYPI,
        version=version,
        origins=(origin(address, OriginKind.GIT, revision=revision),),
        line=line,
    )


def folder(
    name: str, address: str = ".", *, is_editable: bool = False, line: int = 0
) -> FoundPackage:
    """A PyPI package that is built from a folder."""
    return FoundPackage(
        name=name,
        ecosystem=Ecosystem.PYPI,
        origins=(origin(address, OriginKind.FOLDER),),
        is_editable=is_editable,
        line=line,
    )


_WISHED = re.compile(r"[\w.-]+(?:\[[^\]]*\])?\s*={2}\s*(?P<version>[\w.!+]+)")
_WISHED_CONDA = re.compile(r"[\w.:-]+={2}(?P<version>[\w.!+]+)|[\w.:-]+=(?P<exact>[\w.!+]+)=\S+")
_WISHED_APT = re.compile(r"[\w.+-]+=(?P<version>\S+)")
_WISHED_NAME = re.compile(r"\s*(?:\S+::)?([\w.-]+)")


def wish(
    wanted: str,
    ecosystem: Ecosystem = Ecosystem.PYPI,
    *,
    hashes: Mapping[str, str] | None = None,
    index: str = "",
    line: int = 0,
) -> FoundPackage:
    """A row of a file that asks for packages: `numpy>=1.20`, `torch==2.5.1`, `cuda-nvcc`."""
    patterns = {Ecosystem.CONDA: _WISHED_CONDA, Ecosystem.APT: _WISHED_APT}
    exact = patterns.get(ecosystem, _WISHED).fullmatch(wanted)
    named = _WISHED_NAME.match(wanted)
    assert named is not None
    version = next(filter(None, exact.groups()), None) if exact else None
    return FoundPackage(
        name=named[1],
        ecosystem=ecosystem,
        version=version,
        wanted=wanted,
        origins=(origin("", OriginKind.OTHER, hashes=hashes),) if hashes else (),
        index=index,
        line=line,
    )


def image(name: str, tag: str | None = None, *, digest: str = "", line: int = 1) -> FoundPackage:
    """The image of a `FROM`."""
    address = name + (f":{tag}" if tag else "") + (f"@sha256:{digest}" if digest else "")
    hashes = {"sha256": digest} if digest else {}
    return FoundPackage(
        name=name,
        ecosystem=Ecosystem.IMAGE,
        version=tag,
        wanted=address,
        origins=(origin(address, OriginKind.IMAGE, hashes=hashes),),
        line=line,
    )


def command(text: str, instruction: str = "RUN", *, line: int = 0) -> Command:
    """One command of a Dockerfile."""
    return Command(instruction=instruction, text=text, line=line)


def place(address: str, kind: str = "index", *, line: int = 0) -> NamedPlace:
    """An index, an extra-index, a find-links or a channel."""
    return NamedPlace(address=address, kind=kind, line=line)


def odd(kind: OddityKind, said: str, *, line: int = 0, subject: str = "") -> Oddity:
    """Something that a reader stumbled over."""
    return Oddity(kind=kind, said=said, line=line, subject=subject)


def reading(
    *rows: FoundPackage | Command | NamedPlace | Oddity,
    kind: FileKind = FileKind.CONDA_LOCK,
    file: str | None = None,
    platforms: Sequence[str] = ("linux-64",),
    python: str = "",
    settings: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    format_version: str = "1",
) -> Reading:
    """A file with these rows, whatever they are, in this order."""
    return Reading(
        file=file or _FILES[kind],
        kind=kind,
        format_version=format_version,
        packages=tuple(row for row in rows if isinstance(row, FoundPackage)),
        platforms=tuple(FoundPlatform(name=name, subdir=name) for name in platforms),
        places=tuple(row for row in rows if isinstance(row, NamedPlace)),
        python=python,
        facts=facts or {},
        settings=settings or {},
        commands=tuple(row for row in rows if isinstance(row, Command)),
        oddities=tuple(row for row in rows if isinstance(row, Oddity)),
    )


def case(
    found: Reading,
    *,
    policy: AuditPolicy | None = None,
    sights: Sights = NOTHING_SEEN,
    stack: Stack | None = None,
) -> Case:
    """A case over a reading; nothing else was seen, and nothing is asked."""
    return Case(reading=found, policy=policy or AuditPolicy(), sights=sights, stack=stack)


def seen(*sights: Sight, **values: object) -> Sights:
    """Observations of these kinds, with these values; blind for the rest."""
    blind = {key: why for key, why in NOTHING_SEEN.blind.items() if key not in sights}
    return replace(NOTHING_SEEN, blind=blind, **values)


def judged(rules: Rule | Sequence[Rule], found: Reading | Case, ruling: Ruling = TODAY) -> Judged:
    """What the engine says of a reading."""
    several = (rules,) if isinstance(rules, Rule) else rules
    return judge(found if isinstance(found, Case) else case(found), several, ruling)


def findings(rules: Rule | Sequence[Rule], found: Reading | Case) -> tuple[Finding, ...]:
    """What rules find in a reading, by place."""
    return judged(rules, found).findings


def told(rules: Rule | Sequence[Rule], found: Reading | Case) -> list[str]:
    """The findings in words: `error at 4 (numpy): …`; the subject and line where there are any."""
    return [_told(item) for item in findings(rules, found)]


def _told(finding: Finding) -> str:
    line = f" at {finding.line}" if finding.line else ""
    subject = f" ({finding.subject})" if finding.subject else ""
    return f"{finding.severity.value}{line}{subject}: {finding.message}"


def remedies(rules: Rule | Sequence[Rule], found: Reading | Case) -> list[str]:
    """The remedies of the findings, each once."""
    return list(dict.fromkeys(item.remedy for item in findings(rules, found)))
