"""Building and verifying again, over a tiny store: what is compared, and with what."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from audit_house import tools
from envlock.backends.store_keeping import DiskKeeping
from envlock.formats.receipt import format_receipt, lock_digest
from envlock.model.host import Host
from envlock.model.outcome import Level, Obligation, Passed
from envlock.model.receipt import Receipt, VerifiedHost
from envlock.model.sight import Difference
from envlock.ports.runner import ProbeListener
from envlock.workflows.audit_again import Deep, build_again, prove_again
from envlock.workflows.audit_stack import Again
from envlock.workflows.audit_targets import Target
from envlock.workflows.verify import VerifyTools
from receipts import check, passed_receipt, subject
from recorded_probes import NO_GPU_HOST
from tiny_store import TinyStore, here, tiny_store


class NoRunner:
    """A Python without a framework. Implements `Runner`."""

    def frameworks(self, python: str) -> tuple[str, ...]:
        assert Path(python).exists()
        return ()

    def probe(self, python: str, request: object, listener: ProbeListener) -> None:
        raise AssertionError("there is nothing to probe")


class Nobody:
    def heard(self, framework: str, line: object) -> None: ...

    def step(self, message: str) -> None: ...

    def note(self, message: str) -> None: ...


def verify_tools(host: Host = NO_GPU_HOST) -> VerifyTools:
    return VerifyTools(
        runner=NoRunner(),  # type: ignore[arg-type]
        listener=Nobody(),
        reporter=Nobody(),
        host=host,
        cpus=2,
        library_path="",
        envlock_version="0.1.0",
        now=lambda: "2026-11-28T02:00:00Z",
        seconds=lambda: 1.0,
    )


@dataclass
class House:
    """A lock with its environment, and what builds it again."""

    tiny: TinyStore
    lock: Path
    deep: Deep

    @property
    def content(self) -> bytes:
        return self.lock.read_bytes()

    @property
    def content_sha256(self) -> str:
        return self.tiny.build_lock(self.lock).environment.content_sha256

    @property
    def receipt(self) -> Path:
        return self.lock.with_name("one.receipt.json")

    def leave(self, **changes: object) -> Receipt:
        own = subject(
            lock_sha256=lock_digest(self.content),
            content_sha256=self.content_sha256,
            is_hermetic=False,
        )
        fields: dict[str, object] = {
            "subject": own,
            "host": VerifiedHost(platform=here()),
            "device": "cpu",
            "level": Level.SMOKE,
            **changes,
        }
        receipt = passed_receipt(**fields)
        self.receipt.write_bytes(format_receipt(receipt))
        return receipt

    def build(self) -> Again:
        return build_again(Target(path=str(self.lock)), self.content, self.deep, tools())

    def prove(self) -> Again:
        return prove_again(Target(path=str(self.lock)), self.content, self.deep, tools())


@pytest.fixture
def house() -> Iterator[House]:
    with tiny_store() as tiny, tiny.store.needs() as needs:
        deep = Deep(
            build=tiny.tools(),
            needs=needs,
            keeping=DiskKeeping(tiny.store, tiny.profiles),
            platform=here(),
            python=sys.executable,
            verify=verify_tools,
        )
        yield House(tiny, tiny.lock("one", "alpha"), deep)


def test_a_second_build_is_the_same(house: House):
    assert house.build() == Again()


def test_a_lock_that_cannot_be_built_here_is_not_built_again(house: House):
    house.lock.write_bytes(house.content.replace(b"sha256: ", b"sha512: "))

    again = house.build()

    assert again.differences == ()
    assert "expected a SHA-256, found none" in again.blind


def test_a_receipt_of_the_machines_own_python_is_no_measure_of_content(house: House):
    receipt = house.leave()
    other = replace(receipt.subject, content_sha256="1" * 64)
    house.leave(subject=other)

    assert house.build() == Again()


def test_the_newest_receipt_is_what_a_second_verification_is_held_against(house: House):
    old = house.leave(verified_at="2025-01-01T00:00:00Z")
    house.receipt.rename(house.lock.with_name("one.old.receipt.json"))
    own = replace(old.subject, content_sha256="2" * 64)
    house.leave(
        subject=own,
        verified_at="2026-01-01T00:00:00Z",
        checks=(check(Obligation.NUMBERS, "numbers", Passed(said="close")),),
        curves=(),
    )

    found = house.prove()

    assert found.blind == ""
    content, *outcomes = found.differences
    assert content == Difference(
        subject=str(house.receipt),
        field="content",
        was="2" * 64,
        now=house.content_sha256,
        platform=here().value,
    )
    assert ("numbers", "outcome", "passed", "") in [
        (item.subject, item.field, item.was, item.now) for item in outcomes
    ]


def test_without_a_receipt_of_this_platform_nothing_is_proven(house: House):
    told = f"no receipt of this lock for {here()} lies beside it to compare with"

    assert house.prove() == Again(blind=told)

    house.leave(subject=subject(lock_sha256="3" * 64))
    assert house.prove() == Again(blind=told)


def test_a_receipt_of_a_gpu_needs_one(house: House):
    house.leave(device="gpu")

    assert house.prove() == Again(
        blind=f"{house.receipt} was made on a GPU, and this machine has no NVIDIA driver"
    )
