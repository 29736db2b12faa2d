"""What a stack can reach in an index: where a pin's query starts."""

from __future__ import annotations

from envlock.compat.frameworks import framework
from envlock.model.platform import Accelerator, Platform
from envlock.model.stack import FrameworkSource, Stack
from envlock.ports.index import Reach


def reach_of(stack: Stack) -> tuple[Reach, ...]:
    """Return the specs that a pin for this stack starts from, for each platform.

    Version ranges only and never build selectors: a pin must also hold what was *not* chosen, or
    an error could not say what there is instead.
    """
    return tuple(
        Reach(platform=platform, specs=_specs(stack, platform)) for platform in stack.platforms
    )


def _specs(stack: Stack, platform: Platform) -> tuple[str, ...]:
    specs = [f"python {stack.python.version}"]
    for item in stack.frameworks_on(platform):
        facts = framework(item.name)
        if item.source is FrameworkSource.CONDA and facts:
            specs.append(f"{facts.asks[0]} {item.version}")
            specs.extend(facts.asks[1:])
    specs.extend(f"{item.name} {item.version}" for item in stack.dependencies_on(platform))
    if stack.gpu and stack.accelerator(platform) is Accelerator.CUDA:
        specs.append("cuda-version")
    return tuple(specs)
