"""The file of known findings: what is written, what is read back, and what is refused."""

from __future__ import annotations

import pytest

from envlock.errors import InputFileError
from envlock.formats.audit_baseline import format_baseline, read_baseline
from envlock.model.finding import Known

A = Known(rule="EL101", file="a/uv.lock", subject="numpy", message="`numpy` has no hash.")
B = Known(rule="EL203", file="Dockerfile", message="it moves")
WRITTEN = b"""\
{"findings": [
  {"file": "Dockerfile", "message": "it moves", "rule": "EL203", "subject": ""},
  {"file": "a/uv.lock", "message": "`numpy` has no hash.", "rule": "EL101", "subject": "numpy"}
 ],
 "version": 1}
"""
HINT = "write it anew: `envlock audit PATH… --baseline FILE --write-baseline`"


def test_it_is_ordered_and_holds_each_finding_once():
    assert format_baseline([A, B, A]) == WRITTEN
    assert format_baseline([B, A]) == WRITTEN


def test_what_was_written_is_read_back():
    assert read_baseline(WRITTEN, "b.json") == (B, A)
    assert read_baseline(format_baseline([]), "b.json") == ()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff", "b.json: expected JSON in UTF-8, found other bytes"),
        (b"[" * 100_000, "b.json: expected JSON, found it nested too deeply"),
        (b"[]", "b.json: expected a baseline, which is an object, found an array of 0"),
        (b"{}", "b.json: version: expected the number 1, found null"),
        (
            b'{"version": 2, "findings": []}',
            "b.json: version: expected the number 1, found the number 2",
        ),
        (
            b'{"version": true, "findings": []}',
            "b.json: version: expected the number 1, found true",
        ),
        (b'{"version": 1, "findings": 5}',
         "b.json: findings: expected an array, found the number 5"),
        (b'{"version": 1, "findings": [], "x": 1}', "b.json: x: unknown key"),
        (b'{"version": 1, "version": 1}',
         "b.json: expected JSON: the key 'version' stands twice in one object"),
        (
            b'{"version": 1, "findings": [{"rule": 1, "file": "a"}]}',
            "b.json: findings[0].rule: expected a string, found the number 1\n"
            "b.json: findings[0].message: expected this key, found none",
        ),
    ],
)  # fmt: skip
def test_what_is_no_baseline_is_refused_with_its_place(content: bytes, problem: str):
    with pytest.raises(InputFileError) as caught:
        read_baseline(content, "b.json")

    first = str(caught.value)
    assert first.startswith(problem)
    assert all(hint == HINT for hint in caught.value.hints)


def test_thousands_of_faults_are_not_all_told():
    rows = ",".join(["5"] * 3_000)

    with pytest.raises(InputFileError) as caught:
        read_baseline(f'{{"version": 1, "findings": [{rows}]}}'.encode(), "b.json")

    assert len(caught.value.faults) == 21
    assert str(caught.value).endswith("b.json: 2,980 more faults of this kind")
