"""The PyPI half of a solve: conda's answers -> the distributions that go with them.

Each platform is resolved against what conda chose there. Where the conda half makes that impossible
it is solved again with the package that stands in the way constrained, a few times at most; what
was constrained is part of the question that the lock's head names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from msgspec import structs

from envlock.errors import NoSolutionError, PinError
from envlock.model.platform import Platform
from envlock.model.pypi import PypiAnswer, PypiConflict, PypiQuestion
from envlock.model.question import Ask
from envlock.model.stack import Stack
from envlock.ports.pypi import PackageIndexes, PackageSource, PypiResolver
from envlock.ports.recordings import Recordings
from envlock.solve.locking import Solution
from envlock.solve.pypi_explain import explain_pypi
from envlock.solve.pypi_feedback import constraint_on_conda
from envlock.solve.pypi_question import direct_urls, frame_pypi_question
from envlock.solve.pypi_refusals import missing_projects, refuse_shared_names
from envlock.workflows.conda_half import CondaHalf

_ROUNDS = 4
"""How often the conda half is solved again on account of the PyPI half."""

KeptWheels = Mapping[Platform, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PypiTools:
    """The ports that the PyPI half acts through."""

    resolver: PypiResolver
    indexes: PackageIndexes
    recordings: Recordings


@dataclass(frozen=True, slots=True, kw_only=True)
class PypiHalf:
    """A stack's conda half with a package source beside it."""

    conda: CondaHalf
    source: PackageSource
    resolver: PypiResolver
    as_of: str

    def add(
        self, solutions: Sequence[Solution], kept: KeptWheels | None = None
    ) -> tuple[Solution, ...]:
        """Return the solutions with the distributions of every platform that takes any.

        Raises `NoSolutionError` that names the lines which disagree, and what the source raises.
        """
        wanted = kept or {}
        with ThreadPoolExecutor(max_workers=len(solutions)) as pool:
            return tuple(pool.map(lambda item: self._complete(item, wanted), solutions))

    def _complete(self, solution: Solution, kept: KeptWheels) -> Solution:
        platform = solution.answer.platform
        stack = self.conda.stack
        if not stack.takes_pypi_on(platform):
            return solution
        self.conda.reporter.step(
            f"resolving {stack.name} on {platform} with {self.resolver.identity}"
        )
        added: list[Ask] = []
        while True:
            question = frame_pypi_question(solution.view, solution.answer, self.as_of)
            question = structs.replace(question, keep=kept.get(platform, ()))
            refuse_shared_names(stack, question)
            result = self._resolve(question)
            if isinstance(result, PypiAnswer):
                return self._completed(solution, question, result)
            ask = self._change(solution, question) if len(added) < _ROUNDS else None
            if ask is None or ask in added:
                raise self._refusal(question, result)
            added.append(ask)
            self.conda.reporter.note(
                f"{platform}: the wheels do not go with what conda chose; "
                f"trying again with {ask.wish}"
            )
            solution = self.conda.solve_again(solution, [ask])

    def _completed(
        self, solution: Solution, question: PypiQuestion, result: PypiAnswer
    ) -> Solution:
        answer = structs.replace(solution.answer, distributions=result.distributions)
        return replace(solution, answer=answer, pypi_question=question)

    def _resolve(self, question: PypiQuestion) -> PypiAnswer | PypiConflict:
        urls = direct_urls(self.conda.stack, question.platform)
        return self.resolver.resolve(self.source, question, urls)

    def _change(self, solution: Solution, question: PypiQuestion) -> Ask | None:
        """Return what conda should choose instead; None where a recording cannot say."""
        spec = self.conda.stack.python.version
        try:
            return constraint_on_conda(
                question,
                solution.answer.packages,
                self._resolve,
                lambda minor: self.conda.solver.admits(spec, f"{minor}.0"),
            )
        except PinError:
            return None

    def _refusal(self, question: PypiQuestion, conflict: PypiConflict) -> NoSolutionError:
        headline = (
            f"no solution for {self.conda.stack.name} on {question.platform} "
            f"from the package index, as of {self.as_of}"
        )
        error = missing_projects(
            headline, question, self.source, direct_urls(self.conda.stack, question.platform)
        )
        if error:
            return error
        return explain_pypi(headline, question, conflict, self._resolve, self._versions)

    def _versions(self, name: str) -> Sequence[str]:
        from envlock.formats.distribution_name import version_in  # noqa: PLC0415 - to explain only

        page = self.source.page(name)
        found = (version_in(file.file_name) for file in page.files) if page else ()
        return tuple(dict.fromkeys(version for version in found if version))


def replayed(stack: Stack, stack_path: str, tools: PypiTools) -> tuple[str, PackageSource, str]:
    """Return the digest of a stack's recording, a source over it, and its date.

    Raises `PinError` when there is none, or it was made by another resolver.
    """
    digest = tools.recordings.assigned(stack.name)
    record = f"`envlock index record {stack_path}`"
    if digest is None:
        raise PinError(
            f"{stack_path}: stack `{stack.name}` takes packages from PyPI and has no recording of "
            "the package index to solve from\nNo lock was written.",
            hints=[f"ask the package index once: {record}"],
        )
    replay = tools.indexes.replay(tools.recordings.read(digest))
    if replay.identity != tools.resolver.identity:
        raise PinError(
            f"{stack_path}: the recording {digest[:12]}… was made with {replay.identity}, and this "
            f"is {tools.resolver.identity}: it would ask for other things\nNo lock was written.",
            hints=[f"record anew: {record}", f"or install {replay.identity}"],
        )
    return digest, replay.source, replay.as_of
