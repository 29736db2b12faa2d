"""The story of `bisect`: what differs, what can be tried in between, and who makes the difference.

Each try is an environment of the store: planned, found or built, checked, written down. The notes
name it by its folder, whose key stands for its bytes, so a later run believes of them just what
still is the same: another Python of the machine, or a lock that was changed, is looked at anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from envlock.compat.workloads import workload_of_lock
from envlock.errors import ArchiveError, EnvlockError, LockError, StoreError, WorldError
from envlock.formats.canonical import digest_of, format_canonical
from envlock.model.bisect import (
    NOTES_LIMIT_BYTES,
    NOTES_VERSION,
    BisectNotes,
    Grade,
    Graded,
    Measure,
    Trial,
)
from envlock.model.host import Host
from envlock.model.outcome import Level
from envlock.model.platform import Platform
from envlock.model.probe import ProbeRequest, ProbeRun
from envlock.model.store import BuildPlan, Environment
from envlock.ports.commands import CommandEnd, Commands
from envlock.ports.notebook import Notebook
from envlock.ports.pins import Pins
from envlock.ports.runner import ProbeListener, Runner
from envlock.ports.specs import Specs
from envlock.ports.store import Needs
from envlock.solve.coupling import Links, Step, find_links, find_steps, known_faults, new_faults
from envlock.solve.culprits import Moved, Search, find_culprits
from envlock.solve.moves import Limits, Way, find_way, mixture
from envlock.store.address import label_of
from envlock.verify.regression import frameworks_in, grade_against, grade_reference
from envlock.workflows.build import (
    BuildRequest,
    BuildTools,
    LockedStack,
    plan_build,
    read_stack_lock,
    realise,
)
from envlock.workflows.compare import Side
from envlock.workflows.lock_limits import read_limits
from envlock.workflows.verify import gpu_problem_of

SKIP_STATUS = 125
"""A command that ends with this says that it cannot tell, as for `git bisect run`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCheck:
    """A command whose exit status says it: 0 good, 125 cannot tell, all others bad."""

    words: tuple[str, ...]
    limit_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCheck:
    """A training that is held against the good environment's."""

    measure: Measure
    tolerance: float
    device: str
    """`gpu` or `cpu`."""
    frameworks: tuple[str, ...] = ()
    """All that the good environment has when empty."""


Check = CommandCheck | TrainingCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class BisectRequest:
    """What a person asks."""

    good: Side
    bad: Side
    check: Check
    platform: Platform
    python: str | None = None
    is_fresh: bool = False
    """Whether what was noted before is forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BisectTools:
    """All that a bisection acts through."""

    build: BuildTools
    specs: Specs
    commands: Commands
    runner: Runner
    listener: ProbeListener
    notebook: Notebook
    pins_beside: Callable[[str], Pins]
    seconds: Callable[[], float]
    """A clock that only runs forward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One environment of a bisection."""

    moved: Moved
    trial: Trial
    is_recalled: bool
    """Whether an earlier run has looked at it."""
    is_new: bool
    """Whether it was built for this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bisection:
    """What came of a bisection."""

    way: Way
    links: Links
    steps: tuple[Step, ...]
    search: Search | None
    """None when the two locks install the same."""
    tried: tuple[Tried, ...] = ()
    """In the order in which they were asked for."""
    notes: str = ""
    """Where what was seen is written down."""

    def of(self, moved: Moved) -> Tried:
        """Return what was seen with these moves made."""
        return next(each for each in self.tried if each.moved == moved)


def bisect(request: BisectRequest, tools: BisectTools, needs: Needs) -> Bisection:
    """Find what makes the difference between two locks.

    What is seen is written down at once, so that the same question goes on where it was left.
    Raises `LockError`, and for the two locks themselves whatever building raises.
    """
    good = read_stack_lock(request.good.content, request.good.label)
    bad = read_stack_lock(request.bad.content, request.bad.label)
    way = find_way(
        good.lock,
        bad.lock,
        request.platform.value,
        {
            **_limits(good, request.good, request, tools),
            **_limits(bad, request.bad, request, tools),
        },
    )
    _refuse_empty(way, request)
    links = find_links(way, tools.specs)
    steps = find_steps([move.name for move in way.moves], links)
    if not steps:
        return Bisection(way=way, links=links, steps=steps, search=None)
    name = _name_of(request)
    trials = _Trials(good, bad, way, request, tools, needs, name)
    trials.recall()
    search = find_culprits(steps, trials.look)
    return Bisection(
        way=way,
        links=links,
        steps=steps,
        search=search,
        tried=tuple(trials.tried),
        notes=tools.notebook.place(name),
    )


def _limits(stack: LockedStack, side: Side, request: BisectRequest, tools: BisectTools) -> Limits:
    pins = tools.pins_beside(side.path)
    return read_limits(stack.lock, request.platform.value, pins, tools.build.workspace)


def device_of(wanted: str, lock: Side, platform: Platform, host: Host) -> str:
    """Return where trainings run: as asked, else on the GPU when the lock is for one.

    Raises `WorldError` when there is none.
    """
    if wanted == "auto":
        stack = read_stack_lock(lock.content, lock.label)
        workload = workload_of_lock(stack.lock, platform.value, stack.name)
        wanted = "cpu" if workload.line is None else "gpu"
    problem = gpu_problem_of(host) if wanted == "gpu" else ""
    if problem:
        raise WorldError(
            f"the trainings are to run on a GPU, and here that cannot be: {problem}\n"
            "Nothing was built.",
            hints=["compare them on the CPU: `--device cpu`"],
        )
    return wanted


def _refuse_empty(way: Way, request: BisectRequest) -> None:
    for side, there in ((request.good, way.good), (request.bad, way.bad)):
        if not there:
            raise LockError(f"{side.label}: expected packages for {way.platform}, found none")


def _name_of(request: BisectRequest) -> str:
    return digest_of(
        {
            "version": NOTES_VERSION,
            "good": sha256(request.good.content).hexdigest(),
            "bad": sha256(request.bad.content).hexdigest(),
            "platform": request.platform.value,
            "python": request.python,
            "check": _describe(request.check),
        }
    )


def _describe(check: Check) -> Mapping[str, object]:
    match check:
        case CommandCheck():
            return {"command": list(check.words), "limit_seconds": check.limit_seconds}
        case TrainingCheck():
            return {
                "measure": check.measure.value,
                "tolerance": check.tolerance,
                "device": check.device,
                "frameworks": list(check.frameworks),
            }


@dataclass(slots=True)
class _Trials:
    """Looks at environments, and writes down what it saw."""

    good: LockedStack
    bad: LockedStack
    way: Way
    request: BisectRequest
    tools: BisectTools
    needs: Needs
    name: str
    """Of the notes."""
    tried: list[Tried] = field(default_factory=list)
    known: dict[str, Trial] = field(default_factory=dict)
    given: frozenset[object] | None = None
    """What is wrong in the locks themselves."""
    said: set[str] = field(default_factory=set)

    # --- the notes ---

    def recall(self) -> None:
        """Take up what an earlier run has seen."""
        if self.request.is_fresh:
            return
        content = self.tools.notebook.read(self.name, limit_bytes=NOTES_LIMIT_BYTES)
        if content is None:
            return
        self.known = {trial.label: trial for trial in self._parse(content).trials}
        count = f"{len(self.known)} environment{'' if len(self.known) == 1 else 's'}"
        self.tools.build.reporter.note(
            f"going on from an earlier run that looked at {count}; `--restart` looks again"
        )

    def _parse(self, content: bytes) -> BisectNotes:
        try:
            notes = msgspec.json.decode(content, type=BisectNotes)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            notes = None
        if notes is None or notes.version != NOTES_VERSION:
            found = "something else" if notes is None else f"version {notes.version}"
            raise StoreError(
                f"{self.tools.notebook.place(self.name)}: expected the notes of a bisection, "
                f"version {NOTES_VERSION}, found {found}\nNothing was built.",
                hints=["begin anew: add `--restart`"],
            )
        return notes

    def _write(self, trial: Trial) -> None:
        self.known[trial.label] = trial
        notes = BisectNotes(
            version=NOTES_VERSION,
            good=self.request.good.label,
            bad=self.request.bad.label,
            check=format_canonical(_describe(self.request.check)),
            trials=tuple(self.known.values()),
        )
        content = format_canonical(msgspec.to_builtins(notes)) + "\n"
        self.tools.notebook.write(self.name, content.encode())

    # --- one environment ---

    def look(self, moved: Moved) -> Grade:
        """Grade the environment with some moves made."""
        stack, is_end = self._stack(moved)
        self.tools.build.reporter.step(
            f"environment {len(self.tried) + 1}: {len(moved)} of {len(self.way.moves)} moved"
        )
        plan = self._plan(stack, is_end=is_end)
        if isinstance(plan, Graded):
            return self._keep(moved, Trial(label="", graded=plan), is_new=False)
        label = label_of(plan.derivation)
        if label in self.known:
            return self._keep(moved, self.known[label], is_recalled=True)
        faults = () if is_end else self._new_faults(moved)
        if faults:
            said = f"its packages do not fit: {faults[0]}"
            graded = Graded(grade=Grade.SKIPPED, said=said)
            return self._keep(moved, Trial(label=label, graded=graded))
        return self._build_and_check(moved, plan, is_end=is_end)

    def _stack(self, moved: Moved) -> tuple[LockedStack, bool]:
        """Return what is to be built; the two ends are the locks as they are."""
        if not moved:
            return self.good, True
        if len(moved) == len(self.way.moves):
            return self.bad, True
        lock = mixture(self.way, moved)
        return LockedStack(lock=lock, file=self.good.file, name=self.good.name), False

    def _plan(self, stack: LockedStack, *, is_end: bool) -> BuildPlan | Graded:
        build = BuildRequest(
            lock=stack.file, platform=self.request.platform, python=self.request.python
        )
        try:
            return plan_build(stack, build, self.tools.build)
        except LockError as error:
            if is_end:
                raise
            return _cannot_be_built(error)

    def _new_faults(self, moved: Moved) -> Sequence[str]:
        if self.given is None:
            self.given = known_faults(self.way, self.tools.specs)
        return new_faults(self.way, moved, self.tools.specs, self.given)

    def _build_and_check(self, moved: Moved, plan: BuildPlan, *, is_end: bool) -> Grade:
        label = label_of(plan.derivation)
        try:
            realisation = realise(plan, self.tools.build, self.needs)
        except (ArchiveError, StoreError) as error:
            if is_end:
                raise
            trial = Trial(label=label, graded=_cannot_be_built(error))
            return self._keep(moved, trial)
        host = plan.derivation.interpreter
        if host is not None:
            said = f"not hermetic: they run on this machine's Python {host.version}"
            self._note(f"{said}, {host.executable}")
        for note in realisation.notes:
            self._note(note)
        start = self.tools.seconds()
        graded = self._check(realisation.environment, is_good=not moved)
        seconds = round(self.tools.seconds() - start, 3)
        trial = Trial(label=label, graded=graded, seconds=seconds)
        self._write(trial)
        return self._keep(moved, trial, is_new=realisation.is_new)

    def _note(self, note: str) -> None:
        if note not in self.said:
            self.said.add(note)
            self.tools.build.reporter.note(note)

    def _keep(
        self, moved: Moved, trial: Trial, *, is_recalled: bool = False, is_new: bool = False
    ) -> Grade:
        self.tried.append(Tried(moved=moved, trial=trial, is_recalled=is_recalled, is_new=is_new))
        return trial.graded.grade

    # --- the check ---

    def _check(self, environment: Environment, *, is_good: bool) -> Graded:
        match self.request.check:
            case CommandCheck() as check:
                words, limit = check.words, check.limit_seconds
                return grade_command(
                    self.tools.commands.run(environment, words, limit), limit_seconds=limit
                )
            case TrainingCheck() as check:
                return self._train(environment, check, is_good=is_good)

    def _train(self, environment: Environment, check: TrainingCheck, *, is_good: bool) -> Graded:
        python = f"{environment.path}/bin/python"
        if is_good:
            wanted = check.frameworks or self.tools.runner.frameworks(python)
            return grade_reference(self._probe(python, wanted, check))
        reference = self.tried[0].trial.graded.numbers
        runs = self._probe(python, frameworks_in(reference), check)
        return grade_against(runs, reference, check.measure, check.tolerance)

    def _probe(
        self, python: str, frameworks: Sequence[str], check: TrainingCheck
    ) -> Iterator[ProbeRun]:
        for framework in frameworks:
            asked = ProbeRequest(framework=framework, level=Level.TRAIN, device=check.device)
            yield self.tools.runner.probe(python, asked, self.tools.listener)


def grade_command(end: CommandEnd, *, limit_seconds: float) -> Graded:
    """Grade how a command ended."""
    if end.status is None:
        how = f"it did not end within {limit_seconds:g} s"
    elif end.status < 0:
        how = f"it was ended by signal {-end.status}"
    else:
        how = f"exit status {end.status}"
    grade = {0: Grade.GOOD, SKIP_STATUS: Grade.SKIPPED}.get(
        -1 if end.status is None else end.status, Grade.BAD
    )
    return Graded(grade=grade, said=f"{how}: {end.said}" if end.said else how)


def _cannot_be_built(error: EnvlockError) -> Graded:
    said = f"it cannot be built: {str(error).partition(chr(10))[0]}"
    return Graded(grade=Grade.SKIPPED, said=said)
