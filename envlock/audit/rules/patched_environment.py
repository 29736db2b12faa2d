"""EL208: commands that bend an environment after the solver was done with it.

Only what makes the result depend on order, on the day or on what was there before. `--no-deps` is
right where a whole list is installed (`-r`, `--require-hashes`) or a project of one's own.
Names that PyPI has only as a signpost: `tensorflow-gpu` (empty since December 2022,
opendatahub-io/notebooks#42), `sklearn` (scikit-learn/sklearn-pypi-package) and
`pytorch`, which never was PyTorch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.shell import Install, commands, install_of, short
from envlock.formats.stack_rules import normal_name
from envlock.model.finding import Severity
from envlock.model.reading import Command, Ecosystem


def _find(case: Case) -> Iterable[Hit]:
    for item in commands(case.reading, "RUN", "ENV"):
        yield from _patches(item)
    yield from _order(case)
    yield from _signposts(case)


class _Patch(NamedTuple):
    pattern: re.Pattern[str]
    problem: str
    remedy: str


_LIBRARIES = (
    "the programs then load other libraries than those of the environment, CUDA's first of all"
)
_PATCHES = (
    _Patch(
        re.compile(r"\bLD_LIBRARY_PATH\s*[= ]"),
        f"sets `LD_LIBRARY_PATH`: {_LIBRARIES}",
        "leave it out: conda's packages and the CUDA wheels find their libraries without it; "
        "what does not belongs into the environment.",
    ),
    _Patch(
        re.compile(r"\bLD_PRELOAD\s*[= ]"),
        f"sets `LD_PRELOAD`: {_LIBRARIES}",
        "leave it out, or set it for the one program that needs it.",
    ),
    _Patch(
        re.compile(r"\bln\s.*\blib[\w+-]+\.so\b"),
        "gives one version of a library the name of another: it loads, and may then compute "
        "something else",
        "install the version that is asked for; `envlock solve` finds the line of CUDA and cuDNN "
        "that a framework was built for.",
    ),
    _Patch(
        re.compile(r"\b(?:sed|patch|perl)\b.*\bsite-packages\b"),
        "edits an installed package: no lock and no hash knows about it",
        "keep the change as a fork or a patch of the source, build a wheel of it, and lock that.",
    ),
    _Patch(
        re.compile(r"\bapt(?:-get)?\b.*\b(?:upgrade|dist-upgrade|full-upgrade)\b"),
        "brings all of the system to the state of the day",
        "leave it out, and move to a newer base image by its digest when there are fixes.",
    ),
    _Patch(
        re.compile(r"\b(?:conda|mamba|micromamba)\b.*\bupdate\b.*--all\b"),
        "brings all packages to the state of the day",
        "leave it out, and install from a lock.",
    ),
)
_BENDING = {
    "--force-reinstall": "puts packages over those that are there, with all that they need",
    "--no-deps": "leaves out what the package says it needs: whether it works is chance",
    "--ignore-installed": "puts a second copy over the one that is there",
    "-I": "puts a second copy over the one that is there",
    "--break-system-packages": "changes the Python that the system itself uses",
}
_WHOLE_LIST = ("-r", "--requirement", "--require-hashes", "-e", "--editable", ".")


def _patches(item: Command) -> Iterator[Hit]:
    for patch in _PATCHES:
        if patch.pattern.search(item.text):
            yield _hit(item, patch.problem, patch.remedy)
    install = install_of(item.text)
    if install is not None and install.manager == "pip":
        yield from _bending(item, install)


def _bending(item: Command, install: Install) -> Iterator[Hit]:
    is_whole = install.has(*_WHOLE_LIST) or any(
        word.startswith(("./", "../", "/")) for word in install.arguments
    )
    for option, problem in _BENDING.items():
        if install.has(option) and not (option == "--no-deps" and is_whole):
            yield _hit(
                item,
                f"{problem} (`{option}`)",
                "solve the packages together, so that nothing must be forced: one requirements "
                "file for one `pip install`, or a stack.",
            )
            return


def _order(case: Case) -> Iterator[Hit]:
    """Yield the first conda command that comes after pip has been at the environment."""
    first_pip = 0
    for item in commands(case.reading, "RUN", "FROM"):
        first_pip = 0 if item.instruction == "FROM" else first_pip
        install = install_of(item.text)
        if install is None:
            continue
        if install.manager == "pip" and install.arguments:
            first_pip = first_pip or item.line
        elif install.manager == "conda" and first_pip and not install.has("-n", "--name", "-p"):
            yield _hit(
                item,
                f"installs with conda after pip did (line {first_pip}): conda does not see pip's "
                "packages, and overwrites what they share",
                "install with conda first and with pip last, or lock both halves in one stack.",
            )
            return


_SIGNPOSTS = {
    "tensorflow-gpu": "tensorflow[and-cuda]",
    "tf-nightly-gpu": "tf-nightly",
    "sklearn": "scikit-learn",
    "pytorch": "torch",
}


def _signposts(case: Case) -> Iterator[Hit]:
    if case.reading.kind.is_lock:
        return
    for package in case.reading.of(Ecosystem.PYPI):
        right = _SIGNPOSTS.get(normal_name(package.name))
        if right and package.version is None:
            yield Hit(
                message=f"`{package.name}` is only a signpost on PyPI: the newest one fails to "
                f"install and says to take `{right.partition('[')[0]}`.",
                line=package.line,
                subject=package.name,
                remedy=f"write `{right}` in its place.",
                severity=Severity.ERROR,
            )


def _hit(item: Command, problem: str, remedy: str) -> Hit:
    return Hit(
        message=f"`{short(item.text)}` {problem}.",
        line=item.line,
        subject=short(item.text, 60),
        remedy=remedy,
    )


RULE = Rule(
    code="EL208",
    name="patched-environment",
    title="environments that are bent after they were solved",
    reason="What is forced over a solved environment depends on the order, the day and what was "
    "there before; no lock describes the result.",
    remedy="put what is needed into the wish list, and lock it with the rest.",
    severity=Severity.WARNING,
    find=_find,
)
