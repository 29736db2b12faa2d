"""What is to be verified: a lock's environment, built where it is not there, or somebody else's."""

from __future__ import annotations

from dataclasses import dataclass

from envlock.compat.fit import judge
from envlock.compat.frameworks import locked_frameworks
from envlock.compat.workloads import workload_of_lock
from envlock.errors import EnvlockError
from envlock.formats.conda_lock import FACT_PREFIX
from envlock.formats.receipt import lock_digest
from envlock.model.host import Host
from envlock.model.keeping import Depth, Part, Verification
from envlock.model.package import PackageSize
from envlock.model.receipt import Subject
from envlock.model.store import ArtifactKind, Environment
from envlock.model.verifying import Integrity, Place
from envlock.ports.keeping import Keeping
from envlock.ports.store import Needs
from envlock.workflows.build import BuildRequest, BuildTools, read_lock_bytes, read_stack_lock
from envlock.workflows.enter import enter_stack
from envlock.workflows.verify import Target

_SHA256 = "sha256:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTools:
    """All that it takes to have a lock's environment and to know that it is whole."""

    build: BuildTools
    keeping: Keeping
    host: Host


def lock_target(request: BuildRequest, tools: LockTools, needs: Needs) -> Target:
    """Return a lock's environment, built now if it is not there, every file of it hashed.

    Raises as `build` does.
    """
    # Read once: the receipt names the very bytes that the environment was built from.
    content = read_lock_bytes(request.lock, tools.build.workspace)
    stack = read_stack_lock(content, request.lock)
    realisation = enter_stack(stack, request, tools.build, needs)
    for note in realisation.notes:
        tools.build.reporter.note(note)
    environment = realisation.environment
    tools.build.reporter.step(f"hashing every file of {environment.name}")
    needs.add([environment.tree_sha256])
    found = tools.keeping.verify(frozenset({environment.label}), Depth.FULL, tools.build.reporter)
    workload = workload_of_lock(stack.lock, request.platform.value, stack.name)
    pin = stack.lock.head.facts.get(f"{FACT_PREFIX}pin", "")
    return Target(
        subject=Subject(
            name=stack.name,
            lock_sha256=lock_digest(content),
            pin_sha256=pin.removeprefix(_SHA256),
            derivation_key=environment.key,
            tree_sha256=environment.tree_sha256,
            content_sha256=environment.content_sha256,
            is_hermetic=environment.derivation.is_hermetic,
            python=_python(environment),
        ),
        place=Place(
            name=environment.name,
            python=f"{environment.path}/bin/python",
            prefixes=(environment.path,),
            is_built=True,
            is_hermetic=environment.derivation.is_hermetic,
        ),
        integrity=_integrity(found, environment),
        workload=workload,
        fit=judge(workload, tools.host),
        versions=locked_frameworks(stack.lock.packages_on(request.platform.value)),
        packages=_packages(tools.keeping, environment),
    )


def _packages(keeping: Keeping, environment: Environment) -> tuple[PackageSize, ...]:
    """Return what an environment is made of, each with the room that it takes unpacked."""
    sizes = keeping.unpacked_bytes()
    return tuple(
        PackageSize(
            name=artifact.name,
            version=artifact.version,
            manager="conda" if artifact.kind is ArtifactKind.CONDA else "pypi",
            size_bytes=sizes.get(artifact.sha256),
        )
        for artifact in keeping.artifacts_of(environment.label)
    )


def _python(environment: Environment) -> str:
    host = environment.derivation.interpreter
    return "" if host is None else f"{host.implementation} {host.version} sha256:{host.sha256}"


def _integrity(found: Verification, environment: Environment) -> Integrity:
    own = [
        each
        for each in found.damages
        if each.part is Part.ENVIRONMENT and each.name == environment.label
    ]
    rest = [each for each in found.damages if each not in own]
    problems = [each.problem for each in own if each.problem]
    problems += [f"{each.part.value} {each.name} is not as it was sealed" for each in rest]
    return Integrity(
        differences=tuple(item for each in own for item in each.differences),
        files=found.files,
        size_bytes=found.size_bytes,
        problem="; ".join(problems),
    )


def foreign_target(name: str, python: str, prefix: str | None) -> Target:
    """Return an environment that envlock did not build, by its Python.

    Nothing is known of what it should be: no lock, no hashes, no driver floor.
    """
    if not name:
        raise EnvlockError("expected an environment to verify, found none")
    return Target(
        subject=Subject(name=name, is_hermetic=False),
        place=Place(
            name=name,
            python=python,
            prefixes=(prefix,) if prefix else (),
            is_built=False,
            is_hermetic=False,
        ),
    )
