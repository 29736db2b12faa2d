"""A checked stack file becomes the `Stack` that the rest of the house knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from msgspec import UnsetType

from envlock.formats.stack_lines import Places
from envlock.formats.stack_rules import Table, table_at
from envlock.formats.stack_schema import (
    Dependencies,
    FleetTable,
    GpuTable,
    PypiDependencies,
    PypiDependencyTable,
    RecipeTable,
    StackFile,
    TargetTable,
)
from envlock.formats.stack_words import Path, format_key
from envlock.model.platform import Platform
from envlock.model.stack import (
    Artifact,
    AuditSettings,
    Dependency,
    Fleet,
    Framework,
    FrameworkSource,
    Gpu,
    PypiDependency,
    PypiIndex,
    Recipe,
    Stack,
    Target,
    VerifySettings,
    Where,
)
from envlock.model.version import CudaLine

T = TypeVar("T")
_NOT_ASKED = frozenset(["verify", "audit", "artifacts"])
_SETS = frozenset(
    [
        *("platforms", "compute", "newer-components", "extras", "packages", "sdists"),
        *("link-scripts", "inputs"),
    ]
)
"""Arrays whose order says nothing; the inputs hold them sorted."""


def build_stack(checked: StackFile, document: Table, places: Places) -> Stack:
    """Return the stack of a file without faults; `document` has the order of the file."""
    stack = checked.stack
    return Stack(
        name=stack.name,
        description=stack.description,
        platforms=tuple(stack.platforms),
        channels=tuple(stack.channels),
        channel_priority=stack.channel_priority,
        python=Dependency(
            name="python",
            version=checked.python.version,
            where=places.where("python", "version"),
        ),
        gpu=None if isinstance(checked.gpu, UnsetType) else _gpu(checked.gpu, document, places),
        fleet=_fleet(checked.fleet, document, places),
        frameworks=_frameworks(table_at(document, "frameworks"), places, ()),
        dependencies=_dependencies(checked.dependencies, places, ()),
        pypi_dependencies=_pypi_dependencies(checked.pypi_dependencies, places, ()),
        targets={
            platform: _target(platform, target, document, places)
            for platform, target in checked.target.items()
        },
        inputs=_inputs(document),
        where=places.all(),
        pypi_indexes=tuple(
            PypiIndex(
                name=item.name,
                url=item.url,
                packages=tuple(item.packages),
                format=item.format,
                where=places.where("pypi-index", index),
            )
            for index, item in enumerate(checked.pypi_index)
        ),
        sdists=tuple(checked.pypi.sdists),
        link_scripts=tuple(sorted(checked.build.link_scripts)),
        recipes=tuple(
            _recipe(item, places.where("recipe", index))
            for index, item in enumerate(checked.recipe)
        ),
        artifacts=tuple(
            Artifact(
                name=item.name,
                url=item.url,
                sha256=item.sha256,
                where=places.where("artifacts", index),
            )
            for index, item in enumerate(checked.artifacts)
        ),
        verify=VerifySettings(
            level=_given(checked.verify.level),
            timeout_seconds=_given(checked.verify.timeout_seconds),
        ),
        audit=AuditSettings(level=_given(checked.audit.level)),
    )


def _given(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _keys(table: Table, places: Places, *path: str) -> dict[str, Where]:
    return {key: places.where(*path, key) for key in table}


def _gpu(table: GpuTable, document: Table, places: Places) -> Gpu:
    return Gpu(
        cuda=CudaLine.parse(table.cuda),
        cudnn=_given(table.cudnn),
        compute=tuple(table.compute),
        newer_components=tuple(table.newer_components),
        forward_compat=table.forward_compat,
        where=_keys(table_at(document, "gpu"), places, "gpu"),
    )


def _fleet(table: FleetTable, document: Table, places: Places) -> Fleet:
    return Fleet(
        driver=_given(table.driver),
        glibc=_given(table.glibc),
        macos=_given(table.macos),
        where=_keys(table_at(document, "fleet"), places, "fleet"),
    )


def _frameworks(table: Table, places: Places, scope: Path) -> tuple[Framework, ...]:
    """Build the frameworks in the order of the file, which the checked table does not keep."""
    return tuple(
        Framework(
            name=name,
            version=entry if isinstance(entry, str) else entry.get("version", "*"),
            source=FrameworkSource(table_at(table, name).get("from", "conda")),
            where=places.where(*scope, "frameworks", name),
        )
        for name, entry in table.items()
    )


def _dependencies(table: Dependencies, places: Places, scope: Path) -> tuple[Dependency, ...]:
    return tuple(
        Dependency(
            name=name,
            version=entry if isinstance(entry, str) else entry.version,
            build=None if isinstance(entry, str) else _given(entry.build),
            channel=None if isinstance(entry, str) else _given(entry.channel),
            where=places.where(*scope, "dependencies", name),
        )
        for name, entry in table.items()
    )


def _pypi_dependencies(
    table: PypiDependencies, places: Places, scope: Path
) -> tuple[PypiDependency, ...]:
    found = []
    for name, entry in table.items():
        full = PypiDependencyTable(version=entry) if isinstance(entry, str) else entry
        found.append(
            PypiDependency(
                name=name,
                version=_given(full.version) or "*",
                extras=tuple(full.extras),
                markers=_given(full.markers),
                url=_given(full.url),
                index=_given(full.index),
                where=places.where(*scope, "pypi-dependencies", name),
            )
        )
    return tuple(found)


def _recipe(table: RecipeTable, where: Where) -> Recipe:
    inputs = _given(table.inputs)
    return Recipe(
        path=table.path,
        inputs=None if inputs is None else tuple(sorted(inputs)),
        toolchain=_given(table.toolchain),
        host_compiler=table.host_compiler,
        replaces=table.replaces,
        platforms=tuple(table.platforms),
        options=dict(sorted(table.options.items())),
        where=where,
    )


def _target(platform: Platform, table: TargetTable, document: Table, places: Places) -> Target:
    scope = ("target", platform.value)
    return Target(
        accelerator=_given(table.accelerator),
        frameworks=_frameworks(table_at(document, *scope, "frameworks"), places, scope),
        dependencies=_dependencies(table.dependencies, places, scope),
        pypi_dependencies=_pypi_dependencies(table.pypi_dependencies, places, scope),
        where=places.where(*scope),
    )


def _inputs(document: Table) -> dict[str, object]:
    """Return every key that a solve depends on, in order; nothing is filled in.

    The name is one of them. Description, checks, audit settings and artifacts are not.
    """
    asked = {key: value for key, value in document.items() if key not in _NOT_ASKED}
    stack = {key: value for key, value in asked["stack"].items() if key != "description"}
    return dict(sorted(_flatten({**asked, "stack": stack}, ())))


def _flatten(value: Any, path: Path) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flatten(item, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from _flatten(item, (*path, index))
    elif isinstance(value, list):
        yield format_key(path), sorted(value) if path[-1] in _SETS else list(value)
    else:
        yield format_key(path), value
