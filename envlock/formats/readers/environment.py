"""conda's environment.yml, exported or written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from envlock.errors import LockError
from envlock.formats.readers.match_spec import read_match_spec
from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.pip_lines import Wishes, read_lines
from envlock.formats.readers.table import Table
from envlock.formats.readers.yaml_text import YamlFile, as_text, open_yaml
from envlock.model.reading import FileKind, FoundPackage, FoundPlatform, NamedPlace, Reading

_MOST_WISHES = 5_000
_SELECTOR = re.compile(r"#[ \t]*\[(?P<said>[^\]]+)\][ \t]*$")


def read(content: bytes, file: str) -> Reading:
    """Read an environment file; see the package's contract.

    A version stands only where one is named exactly; `=1.2` alone means any 1.2. Selectors in
    comments (`# [linux]`), which conda-lock reads, are markers.
    """
    notes = Notes()
    yaml = open_yaml(content, file, "an environment of conda", notes)
    if not yaml.root.keys() & {"dependencies", "channels", "name", "prefix"}:
        found = ", ".join(map(shown, list(yaml.root)[:5]))
        raise LockError(
            f"{file}: expected the list `dependencies` of an environment, found {found}",
            hints=["is it a file of another tool? `--as KIND` names its format"],
        )
    root = Table(yaml.root, notes, "the file")
    channels = tuple(_channels(root, yaml, notes))
    platforms = root.texts("platforms")
    wishes = Wishes()
    packages = [*_packages(root, yaml, wishes, notes), *wishes.packages]
    settings = {key: as_text(value) for key, value in _settings(root)}
    root.close()
    return Reading(
        file=file,
        kind=FileKind.ENVIRONMENT,
        packages=tuple(sorted(packages, key=lambda item: item.line)),
        platforms=tuple(FoundPlatform(name=name, subdir=name) for name in platforms),
        places=(*channels, *wishes.places),
        settings={**settings, **wishes.settings},
        oddities=notes.oddities,
    )


def _settings(root: Table) -> Iterator[tuple[str, Any]]:
    for key in ("name", "prefix", "category"):
        if key in root:
            yield key, root.take(key)
    for key, value in root.table("variables").items():
        yield f"variable {key}", value


def _channels(root: Table, yaml: YamlFile, notes: Notes) -> Iterator[NamedPlace]:
    root.skip("channels")
    line = yaml.line_of("channels:")
    for at, item in yaml.rows("channels"):
        if isinstance(item, str):
            yield NamedPlace(address=item, kind="channel", line=at or line)
        else:
            notes.odd(f"{shown(item)} is no channel", line=at or line)
    value = yaml.root.get("channels")
    if value is not None and not isinstance(value, list):
        notes.odd(f"`channels`: expected a list, found {shown(value)}", line=line)


def _packages(root: Table, yaml: YamlFile, wishes: Wishes, notes: Notes) -> Iterator[FoundPackage]:
    """Yield the packages of conda; what pip is asked for is added to `wishes`."""
    value = root.take("dependencies")
    if value is not None and not isinstance(value, list):
        line = yaml.line_of("dependencies:")
        notes.odd(f"`dependencies`: expected a list, found {shown(value)}", line=line)
    lines = yaml.text.split("\n")
    for line, item in yaml.rows("dependencies"):
        if isinstance(item, str):
            package = read_match_spec(item, notes, line)
            selector = _SELECTOR.search(lines[line - 1]) if line else None
            if package is not None:
                yield replace(package, marker=selector["said"]) if selector else package
        elif isinstance(item, dict):
            for key, wanted in item.items():
                if key == "pip":
                    _ask_pip(wanted, line, yaml, wishes, notes)
                else:
                    notes.odd(f"{shown(key)} is no list that conda reads", line=line)
        else:
            notes.odd(f"{shown(item)} stands where a package should", line=line)


def _ask_pip(wanted: Any, line: int, yaml: YamlFile, wishes: Wishes, notes: Notes) -> None:
    items = wanted if isinstance(wanted, list) else [] if wanted is None else [wanted]
    if len(items) > _MOST_WISHES:
        said = f"pip is asked for {len(items):,} things; {_MOST_WISHES:,} of them are read"
        notes.odd(said, line=line)
        items = items[:_MOST_WISHES]
    texts = [item for item in items if isinstance(item, str)]
    for item in items:
        if not isinstance(item, str):
            notes.odd(f"{shown(item)} stands where a requirement should", line=line)
    places = yaml.lines_of(texts, after=line)
    found = read_lines(
        [(places.get(text, line), " ".join(text.splitlines())) for text in texts], notes
    )
    wishes.packages.extend(found.packages)
    wishes.places.extend(found.places)
    wishes.settings.update(found.settings)
