"""What is built, under which names, and which of them is current."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from envlock.errors import StoreError
from envlock.model.store import Environment, Generation
from envlock.store.generations import previous
from envlock.workflows.care import CareTools, generations_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An environment and the generations that name it."""

    environment: Environment
    generations: tuple[Generation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A generation and its environment; None where that is not valid."""

    generation: Generation
    environment: Environment | None


def list_environments(tools: CareTools) -> tuple[Listed, ...]:
    """Return everything that is built, the oldest first."""
    generations = tools.profiles.generations()
    return tuple(
        Listed(
            environment=each,
            generations=tuple(found for found in generations if found.label == each.label),
        )
        for each in tools.keeping.environments()
    )


def list_generations(profile: str | None, tools: CareTools) -> tuple[Named, ...]:
    """Return the generations of a profile, or of all. Raises `StoreError` for one without any."""
    if profile is None:
        generations = tools.profiles.generations()
    else:
        generations = generations_of(profile, tools.profiles)
    environments = {each.label: each for each in tools.keeping.environments()}
    return tuple(
        Named(generation=each, environment=environments.get(each.label)) for each in generations
    )


def roll_back(profile: str | None, number: int | None, tools: CareTools) -> tuple[Named, Named]:
    """Make the generation before the current one current, or a given one; return both.

    One link changes, in one step. Without `profile`, the store's only one is meant. Raises
    `StoreError`; then nothing has changed.
    """
    name = profile if profile is not None else _only_profile(tools)
    named = list_generations(name, tools)
    if number is None:
        number = previous([each.generation for each in named], name).number
    return switch(name, number, tools)


def switch(profile: str, number: int, tools: CareTools) -> tuple[Named, Named]:
    """Make a generation current; return the one that was and the one that is.

    Raises `StoreError` when there is no such generation, or its environment is not valid.
    """
    named = list_generations(profile, tools)
    before = next((each for each in named if each.generation.is_current), None)
    for each in named:
        if each.generation.number == number and each.environment is None:
            raise StoreError(
                f"generation {number} of profile `{profile}` points to {each.generation.label}, "
                "which is not valid\nNothing was changed.",
                hints=["build its lock again, or `envlock store verify`"],
            )
    now = tools.profiles.switch(profile, number)
    after = next(each for each in named if each.generation.number == now.number)
    return before or after, Named(generation=now, environment=after.environment)


def _only_profile(tools: CareTools) -> str:
    profiles = _profiles(tools)
    if len(profiles) == 1:
        return profiles[0]
    if not profiles:
        raise StoreError(
            "there is no profile in the store\nNothing was changed.",
            hints=["`envlock build LOCK` builds one"],
        )
    raise StoreError(
        f"there are several profiles in the store: {', '.join(profiles)}\nNothing was changed.",
        hints=[f"name one: `envlock rollback {profiles[0]}`"],
    )


def _profiles(tools: CareTools) -> Sequence[str]:
    return sorted({each.profile for each in tools.profiles.generations()})
