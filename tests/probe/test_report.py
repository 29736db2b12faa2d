from __future__ import annotations

import io
import json
import math
from typing import Any

import msgspec
import pytest

from envlock.model.probe import BrokeLine, ProbeLine
from envlock.probe.report import NotANumberError, Report, describe_error


@pytest.fixture
def text() -> io.StringIO:
    return io.StringIO()


def test_each_line_is_one_object_with_its_kind(text: io.StringIO):
    report = Report(text)

    report.write("step", model="rnn", step=1, steps=2, loss=0.5)
    report.write("broke", check="import", error="two\nlines")

    lines = text.getvalue().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["step", "broke"]
    assert msgspec.json.decode(lines[1], type=ProbeLine) == BrokeLine(
        check="import", error="two\nlines"
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"loss": math.nan}, "loss came to nan"),
        ({"losses": [1.0, math.inf]}, "losses came to inf"),
        ({"work": {"wall_seconds": -math.inf}}, "work.wall_seconds came to -inf"),
    ],
)
def test_what_is_no_number_is_a_broken_check_and_no_line(
    text: io.StringIO, fields: dict[str, Any], said: str
):
    report = Report(text)

    assert report.check("training.rnn", lambda: report.write("training", **fields)) is None

    (line,) = text.getvalue().splitlines()
    broke = msgspec.json.decode(line, type=ProbeLine)
    assert broke == BrokeLine(check="training.rnn", error=f"NotANumberError: {said}")


def test_a_check_that_raises_is_told_and_timed_and_the_next_goes_on(text: io.StringIO):
    report = Report(text)

    def fail() -> None:
        raise RuntimeError("no kernel image is available")

    report.check("numbers.matmul.bf16", fail)

    assert report.check("gradients", lambda: 7) == 7
    assert sorted(report.seconds) == ["gradients", "numbers.matmul.bf16"]
    assert json.loads(text.getvalue())["error"] == "RuntimeError: no kernel image is available"


def test_a_check_that_is_interrupted_ends_the_probe(text: io.StringIO):
    report = Report(text)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report.check("gradients", interrupt)


def test_a_long_error_is_cut_to_a_few_lines():
    error = NotANumberError("\n".join(f"line {number} " + "x" * 900 for number in range(99)))

    assert len(describe_error(error).splitlines()) <= 6
    assert len(describe_error(error)) <= 2000
