"""The story of `frontier`: the newest combinations of framework, CUDA and Python for a machine.

What a pin holds of a framework is read off its builds: version, CUDA line, Python. For every Python
and CUDA major the newest that the machine could run is written as a stack and solved; what does not
solve, or would not run when it is locked, gives way to the next. So each row is a stack that works.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from envlock.compat.builds import CudaBuild, read_build, runs_on
from envlock.compat.drivers import DriverVersion
from envlock.compat.fit import judge
from envlock.compat.frameworks import framework, known_frameworks
from envlock.compat.workloads import workload_of_lock, workloads_of_stack
from envlock.errors import EnvlockError, NoSolutionError, PinError
from envlock.formats.channel import channel_name, channel_url
from envlock.formats.stack_template import StackChoices, render_stack
from envlock.formats.stack_toml import read_stack
from envlock.model.host import Host, Numbering
from envlock.model.package import Variant
from envlock.model.pin import OpenPin, Pin
from envlock.model.platform import Platform
from envlock.model.question import Answer
from envlock.model.stack import Stack
from envlock.model.verdict import Fit, Verdict
from envlock.model.version import CudaLine, parse_dotted
from envlock.ports.pins import Pins
from envlock.ports.reporter import Reporter
from envlock.ports.solver import Solver
from envlock.solve.coherence import check_answers
from envlock.solve.locking import Solution, make_lock
from envlock.solve.question import frame_question
from envlock.solve.view import View, builds_to_consult
from envlock.workflows.whatif import suit
from envlock.workflows.where import oldest_driver

MOST_SOLVES = 24
_FIRST = "pytorch"
_OPEN_CHANNEL = "conda-forge"
_WITH_NVIDIA = ("nvidia", _OPEN_CHANNEL)
"""What the pytorch channel's builds take their CUDA and everything else from."""
_TOOLKIT = "cuda-version"
"""The package whose versions are the toolkit lines that a pin has."""
_PYTHON = re.compile(r"(?:^|_|cuda\d*)py(\d)\.?(\d+)(?=_|h|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierTools:
    """The ports that a frontier acts through."""

    solver: Solver
    pins: Pins
    reporter: Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """A framework of a version, built for a CUDA line and a Python."""

    framework: str
    version: str
    built_for: CudaLine
    line: CudaLine
    """The toolkit that it runs on: the one that it was built for, or a newer minor of that."""
    python: str
    """Major and minor, `3.12`."""
    channel: str
    """The channel's base URL."""

    @property
    def group(self) -> tuple[str, int, str]:
        """What a person chooses between: framework, CUDA major, Python."""
        return (self.framework, self.line.major, self.python)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierRow:
    """A combination that was solved from the pin and runs on the machine."""

    combination: Combination
    build: str
    """Of the package that carries the kernels."""
    packages: int
    verdict: Verdict
    driver_floor: str | None
    choices: StackChoices
    """The stack that was solved."""


@dataclass(slots=True, kw_only=True)
class Frontier:
    """The rows, the newest first, and how they were found."""

    host: Host
    pin: Pin
    digest: str
    rows: tuple[FrontierRow, ...] = ()
    tried: int = 0
    """How many solves it took."""
    unsolved: list[Combination] = field(default_factory=list)
    refused: list[tuple[Combination, Verdict]] = field(default_factory=list)
    """What would not run on the machine."""
    is_cut: bool = False
    """Whether the number of solves ran out before everything was looked at."""


def find_frontier(
    host: Host, digest: str, frameworks: Sequence[str], tools: FrontierTools
) -> Frontier:
    """Return the newest combinations that a pin has for a machine.

    Raises `EnvlockError` for a machine without a GPU or an unknown framework, `PinError` when the
    pin cannot be read or has nothing for the machine's platform.
    """
    _refuse(host, frameworks)
    pin = _open(digest, host.platform, tools.pins)
    found = Frontier(host=host, pin=pin.pin, digest=digest)
    queues: dict[tuple[str, int, str], list[Combination]] = {}
    for item in sorted(_combinations(pin, host.platform, frameworks, tools.solver), key=_by_age):
        queues.setdefault(item.group, []).append(item)
    search = _Search(host=host, pin=pin, found=found, tools=tools)
    rows: list[FrontierRow] = []
    while queues and not found.is_cut:  # one step in each group, so that no group starves
        for group in sorted(queues, key=_by_group):
            if row := search.next_row(queues[group]):
                rows.append(row)
            if row or not queues[group]:
                del queues[group]
    found.rows = tuple(sorted(rows, key=lambda row: _by_preference(row.combination)))
    return found


def choose_pin(pins: Pins) -> str:
    """Return the digest of the newest pin of a folder; raises `PinError` when it has none."""
    kept = {digest: pins.read(digest).as_of for digest in pins.kept()}
    if not kept:
        raise PinError(
            "there is no index pin to look into",
            hints=["ask the channels once: `envlock index pin STACK`, or name one with --pin-of"],
        )
    return max(kept, key=lambda digest: (kept[digest], digest))


def fleet_driver(host: Host) -> str | None:
    """Return a machine's driver as `fleet.driver` takes it: Windows' own numbers as a branch."""
    if host.driver is None or host.numbering is Numbering.LINUX:
        return host.driver
    return str(DriverVersion.parse(host.driver).branch)


def computes(host: Host) -> tuple[str, ...]:
    """Return the compute capabilities of a machine's GPUs, each once, in order."""
    return tuple(sorted({gpu.compute for gpu in host.gpus if gpu.compute}, key=parse_dotted))


def _refuse(host: Host, frameworks: Sequence[str]) -> None:
    if not host.gpus or host.driver is None:
        what = "no GPU" if not host.gpus else "no driver"
        raise EnvlockError(
            f"{host.name} has {what} to look for combinations for",
            hints=["describe a machine: `--driver 580 --gpu H100`, or `--host FILE`"],
        )
    unknown = [name for name in frameworks if name not in known_frameworks()]
    if unknown:
        known = ", ".join(known_frameworks())
        raise EnvlockError(f"--framework: expected one of {known}, found `{unknown[0]}`")


def _open(digest: str, platform: Platform, pins: Pins) -> OpenPin:
    pin = pins.open(digest, platform.subdirs)
    if not any(part.records for part in pin.pin.parts if part.subdir == platform.value):
        raise PinError(
            f"the index pin {digest[:12]}… holds nothing for {platform}",
            hints=["`envlock index show` tells what it holds"],
        )
    return pin


def _combinations(
    pin: OpenPin, platform: Platform, frameworks: Sequence[str], solver: Solver
) -> Iterator[Combination]:
    """Yield what the builds of each framework's carrier say, each once."""
    names = {name: facts.carrier for name in frameworks if (facts := framework(name))}
    wanted = {**dict.fromkeys(names.values(), "*"), "python": "*", _TOOLKIT: "*"}
    records = solver.candidates(pin, platform, wanted)
    pythons = sorted({_minor(item.version) for item in records["python"]}, key=parse_dotted)
    toolkits = sorted({CudaLine.parse(item.version) for item in records[_TOOLKIT]})
    for name, carrier in names.items():
        found = (
            item
            for variant in records[carrier]
            for item in _read(name, variant, platform, pythons, toolkits)
        )
        yield from dict.fromkeys(found)


def _read(
    name: str,
    variant: Variant,
    platform: Platform,
    pythons: Sequence[str],
    toolkits: Sequence[CudaLine],
) -> Iterator[Combination]:
    build = read_build(variant.name, variant.build, variant.channel, platform.system)
    if not isinstance(build, CudaBuild) or build.line is None:
        return
    match = _PYTHON.search(variant.build)
    own = [f"{match[1]}.{match[2]}"] if match else pythons
    newer = [item for item in toolkits if item > build.line and runs_on(build.line, item)]
    for python in own:
        if python in pythons:  # a build for a Python that the pin lacks leads nowhere
            for line in (build.line, *newer):
                yield Combination(
                    framework=name,
                    version=variant.version,
                    built_for=build.line,
                    line=line,
                    python=python,
                    channel=variant.channel,
                )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _by_age(item: Combination) -> tuple[object, ...]:
    """Sort the newer first; of one build the toolkit that it was made with, then newer ones."""
    version = tuple(-number for number in parse_dotted(item.version))
    built_for = (-item.built_for.major, -item.built_for.minor)
    return (version, built_for, item.line, channel_name(item.channel) != _OPEN_CHANNEL)


def _by_group(group: tuple[str, int, str]) -> tuple[object, ...]:
    name, major, python = group
    return (name != _FIRST, name, -major, tuple(-number for number in parse_dotted(python)))


def _by_preference(item: Combination) -> tuple[object, ...]:
    python = tuple(-number for number in parse_dotted(item.python))
    return (item.framework != _FIRST, item.framework, *_by_age(item), python)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """Solves combinations one by one and keeps the account."""

    host: Host
    pin: OpenPin
    found: Frontier
    tools: FrontierTools

    def next_row(self, queue: list[Combination]) -> FrontierRow | None:
        """Take the next of a queue that the machine could run, and solve it."""
        while queue:
            item = queue.pop(0)
            choices = _choices(item, self.host)
            stack = read_stack(render_stack(choices).encode(), f"{choices.name}.toml")
            verdict = self._judge_stack(stack)
            if verdict is not None and verdict.fit is Fit.REFUSED:
                self.found.refused.append((item, verdict))
                continue
            if self.found.tried >= MOST_SOLVES:
                self.found.is_cut = True
                return None
            return self._solve(item, choices, stack)
        return None

    def _judge_stack(self, stack: Stack) -> Verdict | None:
        workloads = {item.platform: item for item in workloads_of_stack(stack)}
        workload = workloads.get(self.host.platform)
        return judge(workload, suit(self.host, workload)) if workload else None

    def _solve(self, item: Combination, choices: StackChoices, stack: Stack) -> FrontierRow | None:
        told = f"{item.framework} {item.version}, CUDA {item.line}, Python {item.python}"
        self.tools.reporter.step(f"solving {told}")
        self.found.tried += 1
        try:
            solution = self._solution(stack)
            if solution is not None:
                check_answers([(solution.view, solution.answer)])
        except NoSolutionError:
            solution = None
        if solution is None:
            self.found.unsolved.append(item)
            return None
        lock = make_lock(f"{stack.name}.toml", [solution], self.pin.pin, made_by="envlock frontier")
        workload = workload_of_lock(lock, self.host.platform, stack.name)
        host = suit(self.host, workload)
        verdict = judge(workload, host)
        if verdict.fit is Fit.REFUSED:
            self.found.refused.append((item, verdict))
            return None
        return FrontierRow(
            combination=item,
            build=self._carrier_build(item, solution.answer),
            packages=len(solution.answer.packages),
            verdict=verdict,
            driver_floor=oldest_driver(workload, host, verdict.fit),
            choices=choices,
        )

    def _solution(self, stack: Stack) -> Solution | None:
        platform, solver = self.host.platform, self.tools.solver
        wanted: Mapping[str, str] = builds_to_consult(
            stack, platform, solver.names(self.pin, platform)
        )
        view = View(
            stack=stack,
            platform=platform,
            origin=self.pin.pin.origin,
            digest=self.pin.digest,
            asked=self.pin.pin.asked,
            records=solver.candidates(self.pin, platform, wanted),
            admits=solver.admits,
        )
        question = frame_question(view)
        (result,) = solver.solve(self.pin, [question])
        if not isinstance(result, Answer):
            return None
        return Solution(view=view, question=question, answer=result)

    @staticmethod
    def _carrier_build(item: Combination, answer: Answer) -> str:
        facts = framework(item.framework)
        carrier = facts.carrier if facts else item.framework
        return next((found.build for found in answer.packages if found.name == carrier), "")


def _choices(item: Combination, host: Host) -> StackChoices:
    return StackChoices(
        name="frontier",
        platforms=(host.platform,),
        channels=_channels(item.channel),
        python=item.python,
        framework=item.framework,
        framework_version=f"=={item.version}",
        cuda=str(item.line),
        compute=computes(host),
        driver=fleet_driver(host),
    )


def _channels(channel: str) -> tuple[str, ...]:
    """Return the channels that a build needs, its own first."""
    name = channel_name(channel)
    others = [other for other in _WITH_NVIDIA if channel_url(other) != channel]
    return (_OPEN_CHANNEL,) if name == _OPEN_CHANNEL else (name, *others)
