"""View -> the question for one platform.

The solver is *asked* for everything that the stack means: a GPU build of each framework (see
`gpu_build`), one CUDA line for the whole family (see `family`). `coherence` then *checks* the
answer for the same, by other means.

A constraint binds a package only if it is installed; an ask installs it. cuDNN and the CUDA
components are constrained and never asked for: a build may carry its own copy, and an ask would
add a second one.
"""

from __future__ import annotations

from collections.abc import Sequence

from envlock.formats.channel import channel_url
from envlock.model.package import Package
from envlock.model.question import Ask, Question
from envlock.model.stack import Dependency
from envlock.solve.family import cudnn_constraints, family_asks, family_constraints
from envlock.solve.gpu_build import carrier_constraints, framework_asks, other_constraints
from envlock.solve.view import View
from envlock.solve.virtual import virtual_packages


def frame_question(
    view: View, *, as_of_ms: int | None = None, keep: Sequence[Package] = ()
) -> Question:
    """Return what the solver is asked for a platform.

    Raises `NoSolutionError` when the pin has no GPU build that the stack could use there.
    """
    stack = view.stack
    asks = [_ask(stack.python)]
    constraints: list[Ask] = []
    for item, facts in view.frameworks():
        asks.extend(framework_asks(view, item, facts))
        constraints.extend(carrier_constraints(view, item, facts))
    constraints.extend(other_constraints(view))
    asks.extend(map(_ask, stack.dependencies_on(view.platform)))
    if view.gpu:
        asks.extend(family_asks(view, view.gpu))
        constraints.extend(family_constraints(view, view.gpu))
        constraints.extend(cudnn_constraints(view.gpu))
    return Question(
        platform=view.platform,
        channels=tuple(map(channel_url, stack.channels)),
        priority=stack.channel_priority,
        # In one order: the solver's choice among equals depends on the order of what is asked.
        asks=tuple(sorted(asks, key=_by_spec)),
        constraints=tuple(sorted(constraints, key=_by_spec)),
        virtual_packages=virtual_packages(stack, view.platform),
        as_of_ms=as_of_ms,
        keep=tuple(keep),
    )


def _by_spec(ask: Ask) -> tuple[str, str]:
    return ask.name, ask.spec


def _ask(item: Dependency) -> Ask:
    told = item.name if item.version == "*" else f"{item.name} {item.version}"
    wish = f"{told} with build {item.build}" if item.build else told
    return Ask(name=item.name, spec=item.spec, wish=wish, where=item.where)
