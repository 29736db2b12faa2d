"""The tables of a report: checks, precisions, driver proof, host libraries, packages.

A table of class `stack` becomes a list of cards on a phone; its roles are written out, since a
browser forgets them when rows are laid out as blocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from envlock.formats.html_tree import Content, dotted, element
from envlock.formats.measures import format_measure, measure_label
from envlock.formats.plain import count, format_bytes
from envlock.model.outcome import Check, Failed, NotRun, Obligation, Outcome, Passed
from envlock.model.package import PackageSize
from envlock.model.receipt import HostLibrary
from envlock.model.verdict import Coverage, Covered, Evidence, Judgement, Missing, Unknown

_BADGES = {
    "passed": ("✓", "Passed"),
    "failed": ("✕", "Failed"),
    "not-run": ("○", "Not run"),
    "covered": ("✓", "Covered"),
    "missing": ("✕", "Missing"),
    "unknown": ("?", "Unknown"),
    "allowed": ("✓", "Allowed"),
    "not-allowed": ("✕", "Not allowed"),
}
_HOLDS = {
    Obligation.ARTIFACTS: "the environment is what the lock says, file by file",
    Obligation.DRIVER: "driver and GPU meet the floor of the lock",
    Obligation.LIBRARIES: "what was loaded comes from the environment, or may come from the host",
    Obligation.FRAMEWORK: "the framework is a build for the device, and sees it",
    Obligation.KERNELS: "the framework brings machine code for the GPU",
    Obligation.NUMBERS: "products and convolutions agree with float64",
    Obligation.GRADIENTS: "analytic gradients agree with numeric ones",
    Obligation.TRAINING: "it learns, and the device did the work",
    Obligation.REPEAT: "the same seed gives the same weights",
    Obligation.DEVICE: "the device that trained is one that the driver knows",
    Obligation.SPEED: "rates beside the data sheet's",
    Obligation.COLLECTIVES: "several GPUs add up what they hold",
    Obligation.COMPILER: "the framework's compiler gives the same numbers",
    Obligation.CONTROLS: "what must fail does fail",
}
"""What each obligation asks."""
_PRECISIONS = ("float64", "float32", "tf32", "bf16", "fp16", "int8")
"""Those that are known, in the order in which they are shown."""
_LARGEST = 15
"""How many packages or libraries are shown without being asked for."""
_ROLES = {
    "loader": "the loader",
    "glibc": "the glibc family",
    "nss": "name service",
    "driver": "the driver's user space",
    "system": "the system's own",
    "interpreter": "the machine's Python",
    "manylinux": "what wheels may expect of any Linux",
}


def badge(kind: str) -> Element:
    """Return an outcome as sign, word, border and colour."""
    sign, word = _BADGES[kind]
    return element("span", _sign(sign), word, class_=f"badge {kind}")


def _sign(sign: str) -> Element:
    return element("span", f"{sign} ", aria_hidden="true")


def outcome_kind(outcome: Outcome) -> str:
    """Return the badge of an outcome."""
    match outcome:
        case Passed():
            return "passed"
        case Failed():
            return "failed"
        case NotRun():
            return "not-run"


def check_id(place: int) -> str:
    """Return the anchor of the check at a place of the receipt."""
    return f"check-{place + 1}"


def _table(caption: str, heads: Sequence[str], bodies: Iterable[Element]) -> Element:
    row = element(
        "tr", *(element("th", head, scope="col", role="columnheader") for head in heads), role="row"
    )
    return element(
        "table",
        element("caption", caption),
        element("thead", row, role="rowgroup"),
        *bodies,
        class_="stack",
        role="table",
    )


_Cells = Iterable[tuple[str | None, Sequence[Content]]]
"""What stands before a cell on a phone, where no column head is seen, and what it holds."""


def _row(head: Content, cells: _Cells, **more: str) -> Element:
    return element(
        "tr",
        element("th", head, scope="row", role="rowheader"),
        *(element("td", *inner, role="cell", data_label=label) for label, inner in cells),
        role="row",
        **more,
    )


def _body(*rows: Element) -> Element:
    return element("tbody", *rows, role="rowgroup")


def _paragraph(text: str, kind: str | None = None) -> Element | None:
    return element("p", text, class_=kind) if text else None


def checks_table(checks: Sequence[Check]) -> Element:
    """Return every check with its outcome, what was seen and its numbers, by obligation."""
    heads = ("Check", "Outcome", "What was seen", "Numbers")
    caption = f"{count(len(checks), 'check')}, in the order of what must hold"
    return _table(caption, heads, _check_bodies(checks))


def _check_bodies(checks: Sequence[Check]) -> Iterable[Element]:
    for obligation in Obligation:
        rows = [
            _check_row(place, check)
            for place, check in enumerate(checks)
            if check.obligation is obligation
        ]
        if rows:
            head = element(
                "th",
                obligation.value.capitalize(),
                element("span", f" · {_HOLDS[obligation]}", class_="note"),
                scope="rowgroup",
                colspan="4",
                role="rowheader",
            )
            yield _body(element("tr", head, role="row", class_="group"), *rows)


def _check_row(place: int, check: Check) -> Element:
    kind = outcome_kind(check.outcome)
    outcome = [badge(kind), *((" ", element("span", "GPU", class_="tag")) if check.on_gpu else ())]
    numbers: tuple[Content, ...] = (element("span", "none", class_="nothing"),)
    if check.numbers or check.varying:
        numbers = (_numbers(check.numbers, None), _numbers(check.varying, "This run:"))
    cells = ((None, outcome), (None, _seen(check.outcome)), (None, numbers))
    return _row(dotted(check.name, "code"), cells, id=check_id(place), class_=kind)


def _seen(outcome: Outcome) -> tuple[Content, ...]:
    match outcome:
        case Passed(said=said):
            return (_paragraph(said),)
        case Failed(said=said, hint=hint):
            return (_paragraph(said), _paragraph(f"Hint: {hint}" if hint else "", "hint"))
        case NotRun(reason=reason):
            return (_paragraph(f"Not looked at: {reason}"),)


def _numbers(numbers: Mapping[str, float], title: str | None) -> Content:
    if not numbers:
        return None
    items = (
        element("li", f"{measure_label(name)} ", element("b", format_measure(name, value)))
        for name, value in numbers.items()
    )
    listed = element("ul", *items, class_="numbers")
    return element("div", element("p", title, class_="note") if title else None, listed)


class _Cell(NamedTuple):
    row: tuple[str, str]
    """Framework and operation."""
    precision: str
    place: int
    check: Check


def precision_matrix(checks: Sequence[Check]) -> Element | None:
    """Return operations by precisions; None when no number was asked for.

    A check of numbers is named `framework.numbers.operation.precision`.
    """
    cells = [cell for place, check in enumerate(checks) for cell in _cell(place, check)]
    if not cells:
        return None
    found = {cell.precision for cell in cells}
    others = sorted(found.difference(_PRECISIONS))
    precisions = [name for name in (*_PRECISIONS, *others) if name in found]
    heads = ("framework", "operation", *precisions)
    head = element("tr", *(element("th", name, scope="col") for name in heads))
    rows: dict[tuple[str, str], dict[str, _Cell]] = {}
    for cell in cells:
        rows.setdefault(cell.row, {})[cell.precision] = cell
    table = element(
        "table",
        element("caption", "Relative error beside float64"),
        element("thead", head),
        element("tbody", *(_matrix_row(row, rows[row], precisions) for row in rows)),
        class_="matrix",
    )
    return element(
        "div",
        table,
        class_="scroll",
        role="region",
        tabindex="0",
        aria_label="Scrolling table",
    )


def _cell(place: int, check: Check) -> Iterable[_Cell]:
    parts = check.name.rsplit(".", 2)
    if check.obligation is Obligation.NUMBERS and len(parts) > 2:  # noqa: PLR2004 - the three named
        framework = parts[0].removesuffix(".numbers")
        yield _Cell((framework, parts[1]), parts[2], place, check)


def _matrix_row(
    row: tuple[str, str], cells: Mapping[str, _Cell], precisions: Iterable[str]
) -> Element:
    heads = (element("th", name, scope="row") for name in row)
    return element("tr", *heads, *(_matrix_cell(cells.get(name)) for name in precisions))


def _matrix_cell(cell: _Cell | None) -> Element:
    if cell is None:
        return element("td", "not asked")
    kind = outcome_kind(cell.check.outcome)
    error = cell.check.numbers.get("relative_error")
    measured = None if error is None or kind == "not-run" else format_measure("", error)
    link = element("a", badge(kind), href=f"#{check_id(cell.place)}")
    return element("td", link, element("span", measured, class_="figure") if measured else None)


def proof_table(judgements: Sequence[Judgement]) -> Element:
    """Return each need of the workload with the fact that decides it."""
    heads = ("Need", "Answer", "Fact", "Where it stands")
    rows = (_proof_row(judgement) for judgement in judgements)
    return _table(f"{count(len(judgements), 'need')} of the lock", heads, [_body(*rows)])


def _proof_row(judgement: Judgement) -> Element:
    kind, told, evidence = _answer(judgement.coverage)
    fact = _paragraph(evidence.fact) if evidence else None
    cells = (
        (None, (badge(kind),)),
        (None, (fact, *(_paragraph(text, "hint") for text in told))),
        ("stands in:", _place(evidence)),
    )
    return _row(judgement.subject, cells, class_=kind)


def _answer(coverage: Coverage) -> tuple[str, tuple[str, ...], Evidence | None]:
    match coverage:
        case Covered(evidence=evidence):
            return "covered", (), evidence
        case Missing(evidence=evidence, remedy=remedy):
            return "missing", (f"Remedy: {remedy}",) if remedy else (), evidence
        case Unknown(reason=reason, evidence=evidence):
            return "unknown", (f"Unknown: {reason}",), evidence


def _place(evidence: Evidence | None) -> tuple[Content, ...]:
    if evidence is None:
        return ("nowhere",)
    source: Content = evidence.source
    if evidence.source.startswith("https://"):
        source = element("a", evidence.source, href=evidence.source, rel="noreferrer noopener")
    return (
        element("p", element("code", evidence.row)),
        element("p", source, f" ({evidence.confidence})"),
    )


def libraries_tables(libraries: Sequence[HostLibrary]) -> Iterable[Element]:
    """Yield the libraries that came from the host, those first that may not.

    When there are many, those that may are counted by what they are, and listed to be unfolded.
    """
    ordered = sorted(libraries, key=lambda each: (bool(each.role), each.path))
    caption = f"{len(ordered):,} loaded from outside the environment"
    if len(ordered) <= _LARGEST:
        yield _libraries(caption, ordered)
        return
    counts = Counter(_role(each) for each in ordered)
    items = (element("li", f"{role}: {number:,}") for role, number in counts.most_common())
    yield element("p", f"{caption}:")
    yield element("ul", *items)
    refused = [each for each in ordered if not each.role]
    if refused:
        yield _libraries(f"{len(refused):,} that may not be", refused)
    every = f"All {len(ordered):,} libraries"
    yield element("details", element("summary", every), _libraries(every, ordered))


def _role(library: HostLibrary) -> str:
    return _ROLES.get(library.role, library.role) or "not known"


def _libraries(caption: str, libraries: Iterable[HostLibrary]) -> Element:
    rows = (
        _row(
            dotted(library.path, "code", "/"),
            (
                (None, (badge("allowed" if library.role else "not-allowed"),)),
                ("because it is:", (_role(library),)),
                ("build-id:", (element("code", library.build_id) if library.build_id else "none",)),
            ),
            class_="allowed" if library.role else "not-allowed",
        )
        for library in libraries
    )
    heads = ("Library", "May it", "Because it is", "Build-id")
    return _table(caption, heads, [_body(*rows)])


def packages_tables(packages: Sequence[PackageSize]) -> tuple[Element, ...]:
    """Return the largest packages, and all of them to be unfolded when there are more."""
    ordered = sorted(packages, key=lambda each: (-(each.size_bytes or 0), each.name, each.version))
    total = sum(each.size_bytes or 0 for each in packages) or 1
    if len(ordered) <= _LARGEST:
        return (_packages(f"All {len(ordered)} packages", ordered, total),)
    every = f"All {len(ordered):,} packages"
    return (
        _packages(f"The {_LARGEST} largest packages", ordered[:_LARGEST], total),
        element("details", element("summary", every), _packages(every, ordered, total)),
    )


def _packages(caption: str, packages: Iterable[PackageSize], total: int) -> Element:
    heads = ("Package", "Version", "From", "Size", "Share")
    rows = (
        element(
            "tr",
            element("th", each.name, scope="row"),
            element("td", each.version),
            element("td", each.manager),
            element(
                "td", "not known" if each.size_bytes is None else format_bytes(each.size_bytes)
            ),
            element(
                "td", "" if each.size_bytes is None else f"{each.size_bytes / total * 100:.1f} %"
            ),
        )
        for each in packages
    )
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *(element("th", head, scope="col") for head in heads))),
        element("tbody", *rows),
        class_="packages",
    )
