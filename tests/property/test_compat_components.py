from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from envlock.compat.components import components, line_of, spec_for
from envlock.compat.evidence import Row, read_table
from envlock.model.version import CudaLine, parse_dotted

ROWS = read_table("components", "release")
TABLED = sorted(set(ROWS[0]) - {"toolkit", "source", "confidence"})
LINES = sorted({CudaLine.parse(row["toolkit"]) for row in ROWS})


def admits(spec: str, version: tuple[int, ...]) -> bool:
    """Whether a range of the kind that `spec_for` writes holds a version of plain numbers."""
    return any(all(_holds(bound, version) for bound in part.split(",")) for part in spec.split("|"))


def _holds(bound: str, version: tuple[int, ...]) -> bool:
    digits = bound.lstrip("<>=")
    limit = parse_dotted(digits)
    width = max(len(limit), len(version))
    one, other = (numbers + (0,) * (width - len(numbers)) for numbers in (version, limit))
    operator = bound.removesuffix(digits)
    return {">=": one >= other, "<": one < other, "<=": one <= other}[operator]


@st.composite
def rows_of_a_component(draw: st.DrawFn) -> tuple[str, Row]:
    component = draw(st.sampled_from(TABLED))
    return component, draw(st.sampled_from([row for row in ROWS if row[component]]))


@st.composite
def versions_near_a_row(draw: st.DrawFn) -> tuple[str, tuple[int, ...]]:
    component, row = draw(rows_of_a_component())
    numbers = list(parse_dotted(row[component]))
    at = draw(st.integers(0, len(numbers) - 1))
    numbers[at] = max(0, numbers[at] + draw(st.integers(-3, 3)))
    return component, tuple(numbers)


@given(rows_of_a_component(), st.sampled_from(LINES))
def test_a_table_version_is_in_the_range_of_its_line_and_of_no_other(
    pair: tuple[str, Row], line: CudaLine
):
    component, row = pair
    own = CudaLine.parse(row["toolkit"])

    assert line_of(component, row[component]) == own
    spec = spec_for(component, line)
    assert spec is not None
    assert admits(spec, parse_dotted(row[component])) is (line == own)


@given(versions_near_a_row())
def test_any_version_is_in_exactly_the_range_of_the_line_that_it_belongs_to(
    pair: tuple[str, tuple[int, ...]],
):
    component, version = pair
    line = line_of(component, ".".join(map(str, version)))

    admitting = [of for of in LINES if admits(spec_for(component, of) or "", version)]

    assert admitting == ([line] if line else [])


@given(
    st.sampled_from(sorted(set(components()) - set(TABLED))),
    st.integers(10, 14),
    st.integers(0, 12),
    st.integers(0, 200),
)
def test_a_component_numbered_like_the_toolkit_is_in_the_range_of_its_numbers(
    component: str, major: int, minor: int, patch: int
):
    line = CudaLine(major, minor)

    assert line_of(component, f"{line}.{patch}") == line
    spec = spec_for(component, line)
    assert spec is not None
    assert admits(spec, (major, minor, patch))
    assert not admits(spec, (major, minor + 1, patch))


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_name_and_version_has_an_answer(name: str, version: str):
    line_of(name, version)


@given(st.sampled_from(components()), st.text(max_size=12))
def test_any_version_text_of_a_component_has_an_answer(component: str, version: str):
    line_of(component, version)
