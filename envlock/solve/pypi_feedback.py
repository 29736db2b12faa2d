"""When the conda half stands in the PyPI half's way: what conda should choose instead.

A fixed point in the smallest conflict is a conda package that came out too new or too old for a
wheel. The wheels are resolved once with it set free; what they then need of it becomes a constraint
for the conda half. The interpreter is tried in the same way, one minor down at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from envlock.model.package import Package
from envlock.model.pypi import FixedPoint, PypiAnswer, PypiConflict, PypiQuestion
from envlock.model.question import Ask
from envlock.model.stack import Where
from envlock.model.version import parse_dotted
from envlock.solve.conflict import smallest_conflict
from envlock.solve.pypi_explain import Resolve
from envlock.solve.pypi_family import pypi_to_conda

MINORS_DOWN = 3
"""How many older minors of Python are tried."""


def constraint_on_conda(
    question: PypiQuestion,
    packages: Sequence[Package],
    resolve: Resolve,
    admits_python: Callable[[str], bool],
) -> Ask | None:
    """Return what must hold for a conda package so that the PyPI half has a chance.

    None where the conda half is not the cause, or no range of conda's says what the wheels need.
    `admits_python` says whether the stack would take a minor such as `3.12`.
    """
    freed = resolve(replace(question, fixed=()))
    if isinstance(freed, PypiConflict):
        return _older_python(question, resolve, admits_python)

    def conflicts(relaxed: Sequence[FixedPoint]) -> bool:
        fixed = tuple(item for item in question.fixed if item not in relaxed)
        return isinstance(resolve(replace(question, fixed=fixed)), PypiConflict)

    core = smallest_conflict(question.fixed, conflicts)
    for item in core:
        rest = tuple(other for other in question.fixed if other not in core)
        answer = resolve(replace(question, fixed=rest))
        if isinstance(answer, PypiAnswer):
            ask = _constraint(item, question, answer, packages)
            if ask:
                return ask
    return None


def _constraint(
    item: FixedPoint, question: PypiQuestion, answer: PypiAnswer, packages: Iterable[Package]
) -> Ask | None:
    """Return the range of a conda package that all wheels of an answer can live with."""
    package = next(found for found in packages if str(found) == item.package)
    needing = [
        (f"{wheel.name} {wheel.version}", specifiers)
        for wheel in answer.distributions
        for name, specifiers in wheel.depends
        if name == item.name and specifiers != "*"
    ]
    wanted = ",".join(dict.fromkeys(specifiers for _, specifiers in needing))
    spec = pypi_to_conda(wanted) if wanted else None
    if spec is None:
        return None
    who = " and ".join(dict.fromkeys(name for name, _ in needing))
    return Ask(
        name=package.name,
        spec=f"{package.name} {spec}",
        wish=f"{package.name} {spec}, which {who} from PyPI can use",
        where=_cause(question, {wheel for wheel, _ in needing}),
    )


def _cause(question: PypiQuestion, wheels: Iterable[str]) -> Where:
    """Return the line that asks for one of the wheels, else the first line of the PyPI half."""
    names = {wheel.partition(" ")[0] for wheel in wheels}
    asked = (ask.where for ask in question.asks if ask.name in names)
    return next(asked, question.asks[0].where)


def _older_python(
    question: PypiQuestion, resolve: Resolve, admits_python: Callable[[str], bool]
) -> Ask | None:
    major, minor = parse_dotted(question.python)[:2]
    for older in range(minor - 1, minor - 1 - MINORS_DOWN, -1):
        text = f"{major}.{older}"
        if not admits_python(text):
            return None
        if isinstance(resolve(replace(question, fixed=(), python=text)), PypiAnswer):
            return Ask(
                name="python",
                spec=f"python <{major}.{older + 1}",
                wish=f"python {text}, the newest that has wheels of all that is asked of PyPI",
                where=question.asks[0].where,
            )
    return None
