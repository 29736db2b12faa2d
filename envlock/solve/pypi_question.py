"""Conda's answer -> the PyPI question of the same platform.

The conda half comes first: it brings the interpreter, and every distribution that it provides is a
fixed point. What the stack wants of PyPI is asked for in its own words; the NVIDIA family is held
to the CUDA line by constraints, since wheels pin their companions loosely or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envlock.compat.distributions import provided
from envlock.compat.pypi_frameworks import pypi_framework
from envlock.formats.stack_rules import normal_name
from envlock.model.package import Package
from envlock.model.platform import Platform, System
from envlock.model.pypi import FixedPoint, PypiAsk, PypiQuestion
from envlock.model.question import Answer
from envlock.model.stack import (
    DEFAULT_INDEX,
    Framework,
    FrameworkSource,
    IndexFormat,
    PypiDependency,
    PypiIndex,
    Stack,
    format_specifiers,
)
from envlock.model.version import CudaLine
from envlock.ports.pypi import IndexSource
from envlock.solve.pypi_family import family_requirements
from envlock.solve.view import View
from envlock.solve.virtual import DEFAULT_GLIBC, DEFAULT_MACOS


def frame_pypi_question(view: View, answer: Answer, as_of: str) -> PypiQuestion:
    """Return what the resolver is asked for a platform, given the conda half's answer."""
    stack, platform = view.stack, view.platform
    line = view.gpu.cuda if view.gpu else None
    asks = [
        *_framework_asks(stack, platform, line),
        *(_ask(item) for item in stack.pypi_dependencies_on(platform)),
    ]
    constraints = family_requirements(view.gpu) if view.gpu else ()
    linux = platform.system is System.LINUX
    macos = platform.system is System.MACOS
    return PypiQuestion(
        platform=platform,
        python=python_of(answer),
        glibc=(stack.fleet.glibc or DEFAULT_GLIBC) if linux else None,
        macos=(stack.fleet.macos or DEFAULT_MACOS) if macos else None,
        asks=tuple(sorted(asks, key=_by_name)),
        constraints=tuple(sorted(constraints, key=_by_name)),
        fixed=fixed_points(answer.packages),
        as_of=as_of,
    )


def fixed_points(packages: Iterable[Package]) -> tuple[FixedPoint, ...]:
    """Return the distributions that conda packages provide, by name."""
    found: dict[str, FixedPoint] = {}
    for package in packages:
        for name, version in provided(package.name, package.version, package.depends):
            found.setdefault(name, FixedPoint(name=name, version=version, package=str(package)))
    return tuple(found[name] for name in sorted(found))


def python_of(answer: Answer) -> str:
    """Return the interpreter's full version, as the conda half chose it."""
    return next(package.version for package in answer.packages if package.name == "python")


def direct_urls(stack: Stack, platform: Platform) -> Mapping[str, str]:
    """Return the distributions that may come from one address only, by normalised name."""
    return {
        normal_name(item.name): item.url
        for item in stack.pypi_dependencies_on(platform)
        if item.url
    }


def index_sources(stack: Stack, mirrors: Mapping[str, str]) -> tuple[IndexSource, ...]:
    """Return the indexes of a stack, first owner first, and the default index last.

    `mirrors` says where an index is asked instead of at its own address, by the index's name; a
    `file:` address is a folder of files.
    """
    named: dict[str, set[str]] = {}
    for item in (*stack.pypi_dependencies, *_of_targets(stack)):
        if item.index:
            named.setdefault(item.index, set()).add(normal_name(item.name))
    own = tuple(
        _source(index, named.get(index.name, set()), mirrors.get(index.name))
        for index in stack.pypi_indexes
    )
    return (
        *own,
        IndexSource(name=DEFAULT_INDEX, url="", location=mirrors.get(DEFAULT_INDEX, "")),
    )


def _source(index: PypiIndex, named: Iterable[str], mirror: str | None) -> IndexSource:
    is_folder = mirror is not None and mirror.startswith("file:")
    return IndexSource(
        name=index.name,
        url=mirror if mirror and is_folder else index.url,
        location=mirror or index.url,
        format=IndexFormat.FLAT if is_folder else index.format,
        packages=tuple(sorted({*map(normal_name, index.packages), *named})),
    )


def _of_targets(stack: Stack) -> Iterable[PypiDependency]:
    return (item for target in stack.targets.values() for item in target.pypi_dependencies)


def _framework_asks(stack: Stack, platform: Platform, line: CudaLine | None) -> Iterable[PypiAsk]:
    for item in stack.frameworks_on(platform):
        if item.source is FrameworkSource.PYPI:
            yield _framework_ask(item, line, platform)


def _framework_ask(item: Framework, line: CudaLine | None, platform: Platform) -> PypiAsk:
    facts = pypi_framework(item.name, line, platform)
    name = facts.distribution if facts else item.name
    extra = f"[{facts.extra}]" if facts and facts.extra else ""
    told = item.name if item.version == "*" else f"{item.name} {item.version}"
    return PypiAsk(
        name=name,
        requirement=f"{name}{extra}{format_specifiers(item.version)}",
        wish=f"{told} from PyPI",
        where=item.where,
    )


def _ask(item: PypiDependency) -> PypiAsk:
    requirement = item.requirement
    if item.url:
        # The page that is served for it holds that one file.
        extras = f"[{','.join(item.extras)}]" if item.extras else ""
        requirement = f"{item.name}{extras}" + (f" ; {item.markers}" if item.markers else "")
    return PypiAsk(
        name=normal_name(item.name),
        requirement=requirement,
        wish=item.requirement,
        where=item.where,
    )


def _by_name(ask: PypiAsk) -> tuple[str, str]:
    return ask.name, ask.requirement
