"""EL501 to EL504: a lock of ours and its stack."""

from __future__ import annotations

from envlock.audit.rules import altered_lock, missing_pin, stack_without_lock, stale_lock
from envlock.formats.readers.registry import read
from envlock.formats.stack_toml import read_stack
from envlock.model.reading import FileKind
from envlock.model.sight import Sight
from readings import case, findings, judged, reading, seen, told

LOCK = reading(facts={"envlock/inputs": "{}"})
TEXT = b"""\
[stack]
name = "a"
platforms = ["linux-64", "win-64"]
channels = ["conda-forge"]

[python]
version = "3.11.*"
"""
STACK = read_stack(TEXT, "stacks/a.toml")


def test_every_reason_for_which_a_lock_is_stale_is_told():
    sights = seen(
        Sight.STACK,
        stale=(
            'gpu.cuda: "12.1" when it was locked, now "12.4"',
            "not locked for win-64, which the stack asks for",
        ),
    )

    found = findings(stale_lock.RULE, case(LOCK, sights=sights, stack=STACK))

    assert [(item.severity, item.subject, item.message) for item in found] == [
        (
            "warning",
            "",
            "The lock is not what its stack says: not locked for win-64, which the stack asks for.",
        ),
        (
            "warning",
            "gpu.cuda",
            'The lock is not what its stack says: gpu.cuda: "12.1" when it was locked, now "12.4".',
        ),
    ]
    assert {item.remedy for item in found} == {
        "solve it anew, `envlock solve stacks/a.toml`, and read the difference."
    }


def test_a_fresh_lock_has_no_finding():
    assert told(stale_lock.RULE, case(LOCK, sights=seen(Sight.STACK))) == []


def test_staleness_is_not_judged_where_the_stack_was_not_seen():
    (unlooked,) = judged(stale_lock.RULE, LOCK).unlooked

    assert (unlooked.what, unlooked.reason) == ("the stack", "it was not looked at")


def test_each_half_of_a_lock_that_its_digest_does_not_fit_is_told():
    sights = seen(altered=("the head no longer matches its digest: it was edited",))

    assert told(altered_lock.RULE, case(LOCK, sights=sights)) == [
        "error: This is not the lock that envlock wrote: the head no longer matches its digest: "
        "it was edited."
    ]


def test_a_whole_lock_has_no_finding():
    assert told(altered_lock.RULE, LOCK) == []


def test_a_missing_pin_is_told_with_the_stack_that_lacks_it():
    sights = seen(Sight.STACK, unsolvable=("its stack has no index pin any more",))

    (found,) = findings(missing_pin.RULE, case(LOCK, sights=sights, stack=STACK))

    assert found.severity == "warning"
    assert found.message == (
        "The lock cannot be solved again: its stack has no index pin any more."
    )
    assert found.remedy == (
        "restore the `pins` folder beside the stack from git, or make a pin and solve anew: "
        "`envlock index pin stacks/a.toml`, with packages from PyPI `envlock index record "
        "stacks/a.toml`, then `envlock solve stacks/a.toml`."
    )


def test_a_lock_with_its_pin_has_no_finding():
    assert told(missing_pin.RULE, case(LOCK, sights=seen(Sight.STACK))) == []


def test_a_stack_that_nobody_locked_is_told():
    stack = read(TEXT, "a.toml")

    assert stack.kind is FileKind.STACK
    (found,) = findings(stack_without_lock.RULE, stack)
    assert found.severity == "warning"
    assert found.message == (
        "This stack has no lock beside it: what it means on linux-64, win-64 is decided anew by "
        "whoever solves it."
    )
    assert found.remedy == (
        "lock it and commit both: `envlock index pin a.toml`, with packages from PyPI `envlock "
        "index record a.toml`, then `envlock solve a.toml`."
    )


def test_a_lock_is_no_stack_without_one():
    assert told(stack_without_lock.RULE, LOCK) == []
