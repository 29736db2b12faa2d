"""The levels `build` and `prove`: build a lock again, verify it again, and compare.

Both act on this machine: what the lock has for another platform is not looked at, and neither is a
receipt of another platform, nor one of a GPU where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from envlock.errors import EnvlockError
from envlock.model.outcome import WantedDevice
from envlock.model.platform import Platform
from envlock.model.receipt import Receipt
from envlock.model.sight import Difference
from envlock.model.store import Environment
from envlock.ports.keeping import Keeping
from envlock.ports.store import Needs
from envlock.verify.challenge import Challenge, challenge
from envlock.workflows.audit_receipts import load_of_lock
from envlock.workflows.audit_stack import Again, why
from envlock.workflows.audit_targets import Target
from envlock.workflows.audit_tools import AuditTools
from envlock.workflows.build import BuildRequest, BuildTools, rebuild_check
from envlock.workflows.verify import VerifyRequest, VerifyTools, gpu_problem_of, verify
from envlock.workflows.verify_lock import LockTools, lock_target


@dataclass(frozen=True, kw_only=True)
class Deep:
    """What building and verifying act through, while the store is held open."""

    build: BuildTools
    needs: Needs
    keeping: Keeping
    platform: Platform
    """This machine's."""
    python: str | None
    """As for `BuildRequest`."""
    verify: Callable[[], VerifyTools]

    def request(self, lock: str) -> BuildRequest:
        """Return what is asked of a build here."""
        return BuildRequest(lock=lock, platform=self.platform, python=self.python)


def build_again(target: Target, content: bytes, deep: Deep, tools: AuditTools) -> Again:
    """Build a lock a second time, and compare with the first time and with its receipts."""
    try:
        environment, found = rebuild_check(deep.request(target.path), deep.build, deep.needs)
        receipts = list(_here(target, content, deep, tools))
    except EnvlockError as error:
        return Again(blind=why(error))
    differences = [
        Difference(
            subject=each.path,
            field=each.difference.value,
            was=each.expected,
            now=each.found,
            platform=deep.platform.value,
        )
        for each in found
    ]
    differences += (
        Difference(
            subject=path,
            field="receipt",
            was=receipt.subject.content_sha256,
            now=environment.content_sha256,
            platform=deep.platform.value,
        )
        for path, receipt in receipts
        if _is_other_content(receipt, environment)
    )
    return Again(differences=tuple(differences))


def _here(
    target: Target, content: bytes, deep: Deep, tools: AuditTools
) -> Iterator[tuple[str, Receipt]]:
    """Yield the receipts of a lock that were made on a platform like this one."""
    for path, receipt in load_of_lock(target, content, tools):
        if receipt.host.platform is deep.platform:
            yield path, receipt


def _is_other_content(receipt: Receipt, environment: Environment) -> bool:
    """Say whether a receipt names another content; on the machine's own Python it may."""
    subject = receipt.subject
    is_comparable = subject.is_hermetic and environment.derivation.is_hermetic
    return is_comparable and subject.content_sha256 not in ("", environment.content_sha256)


def prove_again(target: Target, content: bytes, deep: Deep, tools: AuditTools) -> Again:
    """Verify a lock as its newest receipt was made, and compare with that receipt."""
    try:
        receipts = sorted(_here(target, content, deep, tools), key=lambda item: item[1].verified_at)
        if not receipts:
            told = f"no receipt of this lock for {deep.platform} lies beside it to compare with"
            return Again(blind=told)
        path, receipt = receipts[-1]
        verify_tools = deep.verify()
        problem = gpu_problem_of(verify_tools.host) if receipt.device == "gpu" else ""
        if problem:
            return Again(blind=f"{path} was made on a GPU, and this machine has {problem}")
        lock_tools = LockTools(build=deep.build, keeping=deep.keeping, host=verify_tools.host)
        built = lock_target(deep.request(target.path), lock_tools, deep.needs)
        asked = VerifyRequest(level=receipt.level, device=WantedDevice(receipt.device))
        compared = challenge(receipt, verify(built, asked, verify_tools))
    except EnvlockError as error:
        return Again(blind=why(error))
    return Again(differences=tuple(_outcomes(compared, path, deep)))


def _outcomes(compared: Challenge, path: str, deep: Deep) -> Iterator[Difference]:
    is_comparable = compared.content.first and compared.content.second
    if is_comparable and not compared.content.is_same:
        yield Difference(
            subject=path,
            field="content",
            was=compared.content.first,
            now=compared.content.second,
            platform=deep.platform.value,
        )
    for pair in compared.outcomes:
        yield Difference(
            subject=pair.name,
            field="outcome",
            was=pair.first,
            now=pair.second,
            platform=deep.platform.value,
        )
