"""What is wrong with the PyPI half before or beside the question whether versions fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envlock.compat.distributions import provided
from envlock.errors import Fault, InputFileError, NoSolutionError
from envlock.model.pypi import Page, PypiAsk, PypiQuestion
from envlock.model.stack import Stack
from envlock.ports.pypi import PackageSource


def refuse_shared_names(stack: Stack, question: PypiQuestion) -> None:
    """Raise `InputFileError` for each distribution that both halves are asked for by name.

    Also for extras of what conda provides: conda has no extras, and nothing would bring them in.
    """
    fixed = {item.name: item for item in question.fixed}
    of_conda = {
        name: item
        for item in stack.dependencies_on(question.platform)
        for name, _ in provided(item.name, "1", ("python",))
    }
    faults: list[Fault] = []
    for ask in question.asks:
        if ask.name not in fixed:
            continue
        if ask.name in of_conda:
            twin = of_conda[ask.name]
            faults.append(
                Fault(
                    where=str(ask.where),
                    problem=f"`{ask.name}` is asked of PyPI here and of conda as "
                    f"`{twin.name}` ({twin.where}): it would be installed twice",
                    hint="keep one of the two lines",
                )
            )
        elif "[" in ask.requirement.partition(";")[0]:
            faults.append(
                Fault(
                    where=str(ask.where),
                    problem=f"`{ask.wish}` asks for an extra of what conda provides: "
                    f"{fixed[ask.name].package}",
                    hint="ask for the packages behind the extra by name",
                )
            )
    if faults:
        raise InputFileError(faults, state="No lock was written.")


def missing_projects(
    headline: str, question: PypiQuestion, source: PackageSource, urls: Mapping[str, str]
) -> NoSolutionError | None:
    """Return the error for asks of which the index has no project, or nothing but sources.

    None where it has files of all of them.
    """
    lines: list[str] = []
    hints: list[str] = []
    fixed = {item.name for item in question.fixed}
    for ask in _asked(question, {*urls, *fixed}):
        page = source.page(ask.name)
        if page is None:
            lines.append(f"  there is no `{ask.name}` on the package index ({ask.where})")
            hints.append("check the name; a private package needs its `[[pypi-index]]`")
        elif not page.files:
            lines.append(f"  {_no_wheel(page)} ({ask.where})")
            hints.append(
                f'if it may be built from source, say so: `sdists = ["{ask.name}"]` under [pypi]'
            )
    if not lines:
        return None
    message = "\n".join([headline, *lines, "No lock was written."])
    return NoSolutionError(message, hints=list(dict.fromkeys(hints)))


def _asked(question: PypiQuestion, without: Iterable[str]) -> Iterable[PypiAsk]:
    left_out = set(without)
    return (ask for ask in question.asks if ask.name not in left_out)


def _no_wheel(page: Page) -> str:
    return f"`{page.name}` has no wheel on the index `{page.index}`: only source archives, if any"
