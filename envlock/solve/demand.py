"""What a question insists on, one by one: wishes, constraints, the machine, the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from envlock.compat.components import component_of, line_of
from envlock.formats.channel import channel_name
from envlock.model.question import Ask, Question, VirtualPackage
from envlock.model.stack import ChannelPriority, Gpu
from envlock.model.version import CudaLine
from envlock.solve.family import is_newer_minor
from envlock.solve.oracle import Oracle, list_some
from envlock.solve.view import View

_ENOUGH = {
    "__cuda": "99",
    "__cuda_arch": "99",
    "__glibc": "2.99",  # packages ask for less than 3
    "__linux": "99",
    "__osx": "99",
    "__win": "99",
}
"""Versions of the virtual packages that satisfy every lower bound."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """One thing that a question insists on."""

    text: str
    """In the words of the stack, with its place."""
    names: frozenset[str]
    """The packages that it binds."""
    relax: Callable[[Question], Question]
    """Returns the question without it."""
    hint: str | None = None


def demands_of(view: View, question: Question, oracle: Oracle) -> tuple[Demand, ...]:
    """Return everything that a question insists on, each with the question without it."""
    return (
        *(_of_ask(ask) for ask in question.asks),
        *(_of_constraint(view, ask, oracle) for ask in question.constraints),
        *(_of_virtual(item) for item in _relaxable(question)),
        *_of_rules(question),
    )


def _of_ask(ask: Ask) -> Demand:
    def relax(question: Question) -> Question:
        return replace(question, asks=tuple(item for item in question.asks if item is not ask))

    return Demand(text=f"`{ask.wish}` ({ask.where})", names=frozenset([ask.name]), relax=relax)


def _of_constraint(view: View, ask: Ask, oracle: Oracle) -> Demand:
    def relax(question: Question) -> Question:
        kept = tuple(item for item in question.constraints if item is not ask)
        return replace(question, constraints=kept)

    text, hint = f"`{ask.wish}`, if it is installed ({ask.where})", None
    component = component_of(ask.name)
    if component and view.gpu:
        offered = view.visible(oracle.builds(ask.name))
        lines = {str(line_of(ask.name, item.version) or item.version) for item in offered}
        if str(view.gpu.cuda) not in lines:
            text += f"; the pin has it of CUDA {list_some(sorted(lines))}"
            hint = _line_hint(component, view.gpu, {line_of(i.name, i.version) for i in offered})
    return Demand(text=text, names=frozenset([ask.name]), relax=relax, hint=hint)


def _line_hint(component: str, gpu: Gpu, lines: Iterable[CudaLine | None]) -> str:
    newer = any(line and is_newer_minor(line, gpu.cuda) for line in lines)
    if component == "cuda-version" or not newer or component in gpu.newer_components:
        return "move `gpu.cuda` to a line that the pin has"
    return (
        f'let it be newer: add "{component}" to `newer-components` under [gpu] '
        "(allowed within one CUDA major)"
    )


def _relaxable(question: Question) -> tuple[VirtualPackage, ...]:
    found = tuple(item for item in question.virtual_packages if item.name in _ENOUGH)
    if any(item.name == "__cuda" for item in found):
        return found
    return (*found, VirtualPackage(name="__cuda", version="0"))


def _of_virtual(item: VirtualPackage) -> Demand:
    def relax(question: Question) -> Question:
        kept = tuple(other for other in question.virtual_packages if other.name != item.name)
        return replace(
            question, virtual_packages=(*kept, replace(item, version=_ENOUGH[item.name], build="0"))
        )

    if item.because:
        text = f"`{item.name}` is {item.version} ({item.because})"
    else:
        text = f"there is no `{item.name}`: this is not a CUDA stack on this platform"
        cpu = "add a [gpu] table, or choose a build without CUDA"
        return Demand(text=text, names=frozenset([item.name]), relax=relax, hint=cpu)
    hint = {
        "__cuda": "raise `fleet.driver` (or `gpu.cuda`), or choose builds for an older CUDA",
        "__glibc": "raise `fleet.glibc` if every machine has a newer one",
        "__osx": "raise `fleet.macos` if every machine has a newer one",
        "__cuda_arch": "drop the oldest GPU from `gpu.compute`, or choose older builds",
    }.get(item.name)
    return Demand(text=text, names=frozenset([item.name]), relax=relax, hint=hint)


def _of_rules(question: Question) -> list[Demand]:
    rules: list[Demand] = []
    if question.as_of_ms is not None:
        rules.append(
            Demand(
                text="only builds up to the date given with `--as-of`",
                names=frozenset(),
                relax=partial(replace, as_of_ms=None),
                hint="choose a later `--as-of`",
            )
        )
    if question.priority is ChannelPriority.STRICT and len(question.channels) > 1:
        order = ", ".join(channel_name(channel) for channel in question.channels)
        rules.append(
            Demand(
                text=f"strict channel priority: the first of {order} that has a name is "
                "the only one asked for it",
                names=frozenset(),
                relax=partial(replace, priority=ChannelPriority.DISABLED),
                hint="reorder `stack.channels`, name the channel of the dependency, or set "
                '`channel-priority = "disabled"`',
            )
        )
    return rules
