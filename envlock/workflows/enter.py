"""The story of `activate`, `run` and `shell`: which environment is meant, built where it is not.

What was entered once must still be there tomorrow. So an environment that no generation names
becomes one, as a build makes it. One that has a generation changes nothing: to run something in an
environment of last month does not roll its profile forward or back.
"""

from __future__ import annotations

from msgspec.structs import replace

from envlock.errors import StoreError
from envlock.model.store import Realisation
from envlock.ports.store import Needs, Profiles, Store
from envlock.store.generations import check_profile
from envlock.workflows.build import (
    BuildRequest,
    BuildTools,
    LockedStack,
    find_current,
    load_lock,
    plan_build,
    put_artifacts_beside,
    realise,
)


def enter_lock(request: BuildRequest, tools: BuildTools, needs: Needs) -> Realisation:
    """Return a lock's environment, built now if it is not there, and kept from now on.

    Raises as `build` does.
    """
    return enter_stack(load_lock(request.lock, tools.workspace), request, tools, needs)


def enter_stack(
    stack: LockedStack, request: BuildRequest, tools: BuildTools, needs: Needs
) -> Realisation:
    """Return the environment of a lock that was read; otherwise as `enter_lock`."""
    profile = request.profile or stack.name
    check_profile(profile)
    realisation = realise(plan_build(stack, request, tools), tools, needs)
    label = realisation.environment.label
    data = put_artifacts_beside(request, tools, needs)
    generations = tools.profiles.generations(request.profile)
    if not any(each.label == label and data in ("", each.data) for each in generations):
        tools.profiles.add(profile, label, data)
    return replace(realisation, data=data)


def enter_profile(name: str, store: Store, profiles: Profiles, needs: Needs) -> Realisation:
    """Return the environment of a profile's current generation. Raises `StoreError`."""
    generation, environment = find_current(store, profiles, name)
    needs.add([environment.label, *filter(None, [generation.data])])
    if store.find(environment.label) is None:  # collected before it was needed
        raise StoreError(
            f"profile `{name}` was changed meanwhile, and its environment was collected",
            hints=["run it again"],
        )
    return Realisation(environment=environment, is_new=False, data=generation.data)
