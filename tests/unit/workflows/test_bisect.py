"""The story of `bisect` over a store in memory and trainings that hang on the packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from envlock.backends.rattler_specs import RattlerSpecs
from envlock.errors import ArchiveError, LockError, StoreError, WorldError
from envlock.formats.conda_lock import format_lock
from envlock.model.bisect import BisectNotes, Grade, Measure
from envlock.model.host import Host
from envlock.model.lock import Lock, LockedPackage
from envlock.model.platform import Platform
from envlock.model.probe import Ending, ProbeRequest, ProbeRun
from envlock.model.store import BuildPlan, Environment, Realisation
from envlock.ports.commands import CommandEnd
from envlock.ports.specs import Specs
from envlock.solve.culprits import Answer
from envlock.workflows.bisect import (
    Bisection,
    BisectRequest,
    BisectTools,
    Check,
    CommandCheck,
    TrainingCheck,
    bisect,
    device_of,
    grade_command,
)
from envlock.workflows.build import BuildTools
from envlock.workflows.compare import Side
from fakes import FakeReporter, FakeWorkspace
from fakes_store import FakeNeeds, FakeStore
from locks import locked, make_lock
from verify_lines import probed, training

Versions = dict[str, str]
COMMAND = CommandCheck(words=("train",), limit_seconds=60.0)


def versions(environment: Environment) -> Versions:
    """What is in an environment, by the names of its files."""
    files = [name.rpartition("-")[0] for name, _ in environment.derivation.artifacts]
    return {name: version for name, _, version in (each.rpartition("-") for each in files)}


@dataclass
class House:
    """A store, and checks that answer by what an environment holds."""

    command: Callable[[Versions], int | None] = lambda _: 0
    train: Callable[[Versions], ProbeRun] = lambda _: probed(training())
    unbuildable: Callable[[Versions], bool] = lambda _: False
    specs: Specs = field(default_factory=RattlerSpecs)
    store: FakeStore = field(default_factory=FakeStore)
    notes: dict[str, bytes] = field(default_factory=dict)
    reporter: FakeReporter = field(default_factory=FakeReporter)
    looked: list[Versions] = field(default_factory=list)
    has: tuple[str, ...] = ("pytorch",)
    asked: list[ProbeRequest] = field(default_factory=list)

    # --- ports.commands.Commands ---

    def run(
        self, environment: Environment, words: Sequence[str], limit_seconds: float
    ) -> CommandEnd:
        self.looked.append(versions(environment))
        return CommandEnd(status=self.command(self.looked[-1]), said="the end", seconds=1.0)

    # --- ports.runner.Runner ---

    def frameworks(self, python: str) -> tuple[str, ...]:
        return self.has

    def probe(self, python: str, request: ProbeRequest, listener: object) -> ProbeRun:
        self.asked.append(request)
        label = python.removesuffix("/bin/python").rpartition("/")[2]
        self.looked.append(versions(self.store.rows[label]))
        return msgspec.structs.replace(self.train(self.looked[-1]), request=request)

    # --- ports.notebook.Notebook ---

    def place(self, name: str) -> str:
        return f"/notes/{name}"

    def read(self, name: str, *, limit_bytes: int) -> bytes | None:
        return self.notes.get(name)

    def write(self, name: str, content: bytes) -> None:
        self.notes[name] = content

    def bisect(
        self, good: Lock, bad: Lock | Side, check: Check = COMMAND, *, is_fresh: bool = False
    ) -> Bisection:
        nothing: Any = None
        store = _Refusing(self.store, self.unbuildable)
        tools = BisectTools(
            build=BuildTools(
                workspace=FakeWorkspace(),
                store=store,  # type: ignore[arg-type]
                profiles=self.store.profiles,
                artifacts=self.store,
                interpreters=nothing,
                reporter=self.reporter,
                progress=nothing,
                made_with="tests",
            ),
            specs=self.specs,
            commands=self,
            runner=self,
            listener=nothing,
            notebook=self,
            pins_beside=lambda _: nothing,
            seconds=lambda: 0.0,
        )
        request = BisectRequest(
            good=side("good.yml", good),
            bad=bad if isinstance(bad, Side) else side("bad.yml", bad),
            check=check,
            platform=Platform.LINUX_64,
            is_fresh=is_fresh,
        )
        return bisect(request, tools, FakeNeeds())


class _Refusing:
    """A store in which some environments cannot be built."""

    def __init__(self, store: FakeStore, refuses: Callable[[Versions], bool]) -> None:
        self._store, self._refuses = store, refuses

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def realise(self, plan: BuildPlan, needs: Any, reporter: Any) -> Realisation:
        made = self._store.realise(plan, needs, reporter)
        if self._refuses(versions(made.environment)):
            del self._store.rows[made.environment.label]
            raise ArchiveError("two packages have one file\nNothing was built.")
        return made


def side(label: str, lock: Lock) -> Side:
    return Side(label=label, path=label, content=format_lock(lock))


def rows(version: str, count: int = 8) -> list[LockedPackage]:
    return [locked(f"p{number}", version) for number in range(count)]


GOOD, BAD = make_lock(*rows("1.0")), make_lock(*rows("2.0"))


def breaks(*names: str) -> Callable[[Versions], int]:
    return lambda found: int(all(found.get(name) == "2.0" for name in names))


def culprits(found: Bisection) -> list[str]:
    assert found.search is not None
    return sorted(name for each in found.search.culprits for name in each.step.names)


def test_a_package_that_breaks_a_command_is_found_and_everything_is_written_down():
    house = House(command=breaks("p5"))

    found = house.bisect(GOOD, BAD)

    assert culprits(found) == ["p5"]
    (content,) = house.notes.values()
    notes = msgspec.json.decode(content, type=BisectNotes)
    assert len(notes.trials) == len(found.tried) == len(house.looked) == 6
    assert {trial.label for trial in notes.trials} == set(house.store.rows)
    assert all(each.is_new for each in found.tried)


def test_the_ends_are_the_locks_as_they_are():
    house = House(command=breaks("p5"))

    house.bisect(GOOD, BAD)

    assert house.looked[0] == dict.fromkeys((f"p{n}" for n in range(8)), "1.0")
    assert house.looked[1] == dict.fromkeys((f"p{n}" for n in range(8)), "2.0")


def test_what_was_seen_is_not_looked_at_again_unless_it_is_asked_for():
    house = House(command=breaks("p5"))
    house.bisect(GOOD, BAD)

    again = house.bisect(GOOD, BAD)

    assert culprits(again) == ["p5"]
    assert len(house.looked) == 6
    assert all(each.is_recalled for each in again.tried)
    assert house.reporter.notes == [
        "going on from an earlier run that looked at 6 environments; `--restart` looks again"
    ]
    house.bisect(GOOD, BAD, is_fresh=True)
    assert len(house.looked) == 12


def test_what_was_seen_before_it_was_interrupted_is_kept():
    def command(found: Versions) -> int:
        if len(house.looked) == 4:
            raise KeyboardInterrupt
        return breaks("p5")(found)

    house = House(command=command)
    with pytest.raises(KeyboardInterrupt):
        house.bisect(GOOD, BAD)
    house.looked.append({})

    found = house.bisect(GOOD, BAD)

    assert culprits(found) == ["p5"]
    assert [each.is_recalled for each in found.tried] == [True] * 3 + [False] * 3


def test_another_lock_another_check_and_another_limit_are_other_questions():
    house = House(command=breaks("p5"))
    house.bisect(GOOD, BAD)
    house.bisect(GOOD, make_lock(*rows("2.0"), locked("more")))
    house.bisect(GOOD, BAD, CommandCheck(words=("train", "-v"), limit_seconds=60.0))
    house.bisect(GOOD, BAD, CommandCheck(words=("train",), limit_seconds=61.0))

    assert len(house.notes) == 4


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"version":9,"good":"","bad":"","check":""}'])
def test_notes_that_are_none_are_refused_and_kept(content: bytes):
    house = House(command=breaks("p5"))
    house.bisect(GOOD, BAD)
    house.notes = dict.fromkeys(house.notes, content)

    with pytest.raises(StoreError, match="expected the notes of a bisection, version 1"):
        house.bisect(GOOD, BAD)

    assert list(house.notes.values()) == [content]


def test_an_environment_that_cannot_be_built_is_passed_over():
    house = House(command=breaks("p5"), unbuildable=lambda found: found["p3"] != found["p4"])

    found = house.bisect(GOOD, BAD)

    assert culprits(found) == ["p5"]
    skipped = [each for each in found.tried if each.trial.graded.grade is Grade.SKIPPED]
    assert [each.trial.graded.said for each in skipped] == [
        "it cannot be built: two packages have one file"
    ] * len(skipped)
    assert skipped


class _LateSpecs(RattlerSpecs):
    """Cannot read anything at first, so that no two packages are known to go together."""

    can_read = False

    def admits(self, spec: str, package: LockedPackage, *, asker: str) -> bool | None:
        return super().admits(spec, package, asker=asker) if self.can_read else None


def test_a_mixture_that_does_not_fit_after_all_is_not_built():
    specs = _LateSpecs()

    def command(found: Versions) -> int:
        specs.can_read = True
        return breaks("p5")(found)

    house = House(command=command, specs=specs)
    good = [*rows("1.0", 2), locked("p5", "1.0", needs=["p0 <2"])]
    bad = [*rows("2.0", 2), locked("p5", "2.0", needs=["p0 >=2"])]

    found = house.bisect(make_lock(*good), make_lock(*bad))

    skipped = [each for each in found.tried if each.trial.graded.grade is Grade.SKIPPED]
    assert "its packages do not fit: p5 1.0 needs p0 <2, found 2.0 0" in [
        each.trial.graded.said for each in skipped
    ]
    assert not {each.trial.label for each in skipped} & set(house.store.rows)


def test_a_lock_that_cannot_be_built_itself_is_an_error():
    house = House(unbuildable=lambda _: True)

    with pytest.raises(ArchiveError, match="two packages have one file"):
        house.bisect(GOOD, BAD)


def test_two_locks_of_the_same_files_have_nothing_to_find():
    found = House().bisect(GOOD, GOOD)

    assert (found.search, found.tried) == (None, ())


def test_a_lock_without_the_platform_is_refused():
    other = make_lock(*[locked("a", platform="win-64")])

    with pytest.raises(LockError, match=r"bad\.yml: expected packages for linux-64, found none"):
        House().bisect(GOOD, other)


def test_a_lock_of_ours_that_was_edited_is_refused():
    edited = format_lock(BAD).replace(b"p5-2.0", b"p5-3.0")

    with pytest.raises(LockError, match="the packages are not those that envlock wrote"):
        House().bisect(GOOD, Side(label="bad.yml", path="bad.yml", content=edited))


# --- commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "grade", "said"),
    [
        (0, Grade.GOOD, "exit status 0: the end"),
        (1, Grade.BAD, "exit status 1: the end"),
        (125, Grade.SKIPPED, "exit status 125: the end"),
        (127, Grade.BAD, "exit status 127: the end"),
        (-11, Grade.BAD, "it was ended by signal 11: the end"),
        (None, Grade.BAD, "it did not end within 60 s: the end"),
    ],
)
def test_a_command_is_graded_by_its_exit_status(status: int | None, grade: Grade, said: str):
    end = CommandEnd(status=status, said="the end", seconds=1.0)

    graded = grade_command(end, limit_seconds=60.0)

    assert (graded.grade, graded.said) == (grade, said)


# --- trainings ------------------------------------------------------------------------------------

LOSS = TrainingCheck(measure=Measure.LOSS, tolerance=0.1, device="cpu")
SPEED = TrainingCheck(measure=Measure.SPEED, tolerance=0.2, device="cpu")


def with_torch(version: str) -> Lock:
    return make_lock(*rows(version), locked("pytorch", "2.5.1"))


def worse_with(name: str, **worse: Any) -> Callable[[Versions], ProbeRun]:
    return lambda found: probed(training(**(worse if found.get(name) == "2.0" else {})))


@pytest.mark.parametrize(
    ("check", "worse", "said"),
    [
        (LOSS, {"losses": (2.3, 1.5)}, "pytorch.cnn-sgd: loss 1.5, good has 0.3 (at most 0.5)"),
        (SPEED, {"speed": 500.0}, "pytorch.cnn-sgd: speed 500, good has 1000 (at least 800)"),
    ],
)
def test_a_package_that_makes_training_worse_is_found(
    check: TrainingCheck, worse: dict[str, Any], said: str
):
    house = House(train=worse_with("p2", **worse))

    found = house.bisect(with_torch("1.0"), with_torch("2.0"), check)

    assert found.search is not None
    (culprit,) = found.search.culprits
    assert culprit.step.names == {"p2"}
    assert found.of(culprit.with_it).trial.graded.said == said


def test_a_framework_that_crashes_with_a_package_is_bad():
    def train(found: Versions) -> ProbeRun:
        broken = probed(ending=Ending.CRASHED, said="ended by SIGSEGV")
        return broken if found["p2"] == "2.0" else probed(training())

    found = House(train=train).bisect(with_torch("1.0"), with_torch("2.0"), LOSS)

    assert culprits(found) == ["p2"]


def test_the_reference_is_recalled_with_the_rest():
    house = House(train=worse_with("p2", losses=(2.3, 1.5)))
    house.bisect(with_torch("1.0"), with_torch("2.0"), LOSS)
    house.looked.clear()

    found = house.bisect(with_torch("1.0"), with_torch("2.0"), LOSS)

    assert culprits(found) == ["p2"]
    assert house.looked == []


@pytest.mark.parametrize(
    ("named", "trained"), [((), {"jax", "pytorch"}), (("pytorch",), {"pytorch"})]
)
def test_every_framework_of_the_good_one_is_trained_unless_some_are_named(
    named: tuple[str, ...], trained: set[str]
):
    house = House(has=("jax", "pytorch"), train=worse_with("p2", losses=(2.3, 1.5)))
    check = TrainingCheck(measure=Measure.LOSS, tolerance=0.1, device="cpu", frameworks=named)

    found = house.bisect(GOOD, BAD, check)

    assert culprits(found) == ["p2"]
    assert {request.framework for request in house.asked} == trained


def test_a_good_one_that_does_not_learn_is_not_good():
    house = House(train=lambda _: probed(training(losses=(2.3, 2.3), accuracy=0.1)))

    found = house.bisect(with_torch("1.0"), with_torch("2.0"), LOSS)

    assert found.search is not None
    assert found.search.answer is Answer.GOOD_IS_NOT_GOOD


def test_a_gpu_that_is_not_there_is_said_before_anything_is_built():
    cuda = make_lock(locked("cuda-version", "12.4"), locked("pytorch", "2.5.1", "cuda124_0"))
    nothing = Host(name="desk", platform=Platform.LINUX_64)

    assert device_of("auto", side("g.yml", GOOD), Platform.LINUX_64, nothing) == "cpu"
    assert device_of("cpu", side("g.yml", cuda), Platform.LINUX_64, nothing) == "cpu"
    for wanted in ("auto", "gpu"):
        with pytest.raises(WorldError, match="no NVIDIA driver"):
            device_of(wanted, side("g.yml", cuda), Platform.LINUX_64, nothing)
