"""The GPU code of an artifact as one line of a lock's head."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.formats.kernels import format_entries, format_kernels, parse_kernels
from envlock.model.verdict import Evidence, Kernels
from envlock.model.version import CudaLine, parse_dotted

TORCH = Kernels(
    artifact="torch",
    line=CudaLine(13, 2),
    sass=("7.5", "8.0", "9.0"),
    ptx=("12.0",),
    family=("9.0",),
    evidence=Evidence(
        fact="torch has sm_75 sm_80 sm_90a compute_120",
        row="torch/lib/libtorch_python.so",
        source="read from the wheel",
        confidence="verified",
    ),
)
LINE = (
    "sm_75 sm_80 sm_90a compute_120; CUDA 13.2; verified; torch/lib/libtorch_python.so; "
    "read from the wheel"
)


def test_a_line_is_read_by_people_and_back():
    assert format_kernels(TORCH) == LINE
    assert parse_kernels("torch", LINE) == TORCH


def test_a_cpu_build_has_none():
    cpu = Kernels(
        artifact="torch",
        evidence=Evidence(
            fact="torch has none", row="torch/version.py", source="wheel", confidence="verified"
        ),
    )

    assert format_kernels(cpu) == "none; no CUDA; verified; torch/version.py; wheel"
    assert parse_kernels("torch", format_kernels(cpu)) == cpu


@pytest.mark.parametrize("line", [None, CudaLine(12, 9)])
def test_what_nobody_knows_is_said_so(line: CudaLine | None):
    unknown = Kernels(artifact="x", line=line)

    assert format_kernels(unknown) == f"unknown; {f'CUDA {line}' if line else 'no CUDA'}"
    assert parse_kernels("x", format_kernels(unknown)) == unknown


def test_a_source_may_hold_the_separator_and_a_row_gives_it_up():
    evidence = Evidence(fact="x has sm_80", row="a; b", source="c; d; e", confidence="recalled")
    told = format_kernels(Kernels(artifact="x", sass=("8.0",), evidence=evidence))

    found = parse_kernels("x", told).evidence

    assert told == "sm_80; no CUDA; recalled; a, b; c; d; e"
    assert found is not None
    assert (found.row, found.source) == ("a, b", "c; d; e")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected 5 parts, found 1"),
        ("sm_80; CUDA 12.1; verified", "expected 5 parts, found 3"),
        ("sm_8; CUDA 12.1; verified; r; s", "`sm_8` is no GPU architecture"),
        ("sm_80  sm_90; CUDA 12.1; verified; r; s", "`` is no GPU architecture"),
        ("SM_80; CUDA 12.1; verified; r; s", "`SM_80` is no GPU architecture"),
        ("sm_80; CUDA twelve; verified; r; s", "does not start with a number"),
        ("unknown; ", "does not start with a number"),
    ],
)
def test_anything_else_is_refused(text: str, problem: str):
    with pytest.raises(ValueError, match=problem):
        parse_kernels("x", text)


# --- round trips ----------------------------------------------------------------------------------

COMPUTES = st.builds("{}.{}".format, st.integers(1, 19), st.integers(0, 9))
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\n;"), max_size=40)


@st.composite
def known_kernels(draw: st.DrawFn) -> Kernels:
    sass = draw(st.sets(COMPUTES, max_size=6))
    family = draw(st.sets(st.sampled_from(sorted(sass)))) if sass else set()
    kernels = Kernels(
        artifact="x",
        line=draw(st.none() | st.builds(CudaLine, st.integers(9, 20), st.integers(0, 12))),
        sass=ordered(sass),
        ptx=ordered(draw(st.sets(COMPUTES, max_size=3))),
        family=ordered(family),
    )
    entries = " ".join(format_entries(kernels)) or "none"
    evidence = Evidence(
        fact=f"x has {entries}",
        row=draw(WORDS),
        source=draw(WORDS),
        confidence=draw(st.sampled_from(["verified", "recalled"])),
    )
    return Kernels(
        artifact="x",
        line=kernels.line,
        sass=kernels.sass,
        ptx=kernels.ptx,
        family=kernels.family,
        evidence=evidence,
    )


def ordered(computes: set[str]) -> tuple[str, ...]:
    return tuple(sorted(computes, key=parse_dotted))


@given(known_kernels())
def test_what_is_known_comes_back_whole(kernels: Kernels):
    text = format_kernels(kernels)

    assert parse_kernels("x", text) == kernels
    assert "\n" not in text


@given(st.text(max_size=80))
def test_a_foreign_line_is_read_or_refused(text: str):
    try:
        parse_kernels("x", text)
    except ValueError:
        return
    assert text.startswith("unknown; ") or text.count("; ") >= 4
