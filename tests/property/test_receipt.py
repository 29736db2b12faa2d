"""Whatever a receipt holds, it is read as it was written."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from envlock.errors import ReceiptError
from envlock.formats.receipt import format_receipt, keep, read_receipt
from envlock.model.outcome import Check, Failed, Level, NotRun, Obligation, Passed
from envlock.model.receipt import Curve, HostLibrary, Receipt, verdict_of
from receipts import passed_receipt, subject

words = st.text(max_size=12)
numbers = st.floats() | st.integers(-(10**6), 10**6)
tables = st.dictionaries(words, numbers, max_size=3)
outcomes = (
    st.builds(Passed, said=words)
    | st.builds(Failed, said=words, hint=words)
    | st.builds(NotRun, reason=words)
)
checks = st.lists(
    st.builds(
        Check,
        obligation=st.sampled_from(Obligation),
        name=st.text(min_size=1, max_size=8),
        outcome=outcomes,
        on_gpu=st.booleans(),
        numbers=tables,
        varying=tables,
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda each: each.name,
)
curves = st.builds(
    Curve,
    name=words,
    losses=st.lists(numbers, max_size=4).map(tuple),
    accuracies=st.lists(numbers, max_size=4).map(tuple),
    steps=st.integers(0, 2**40),
)


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    found = draw(checks)
    return passed_receipt(
        subject=subject(python=draw(words), is_hermetic=draw(st.booleans())),
        checks=tuple(found),
        verdict=verdict_of(tuple(found)),
        level=draw(st.sampled_from(Level)),
        curves=tuple(draw(st.lists(curves, max_size=2))),
        frameworks=draw(st.dictionaries(words, words, max_size=3)),
        host_libraries=tuple(HostLibrary(path=each) for each in draw(st.lists(words, max_size=2))),
        seconds=draw(st.floats(0, 1e6)),
    )


@given(receipts())
@settings(max_examples=200)
def test_bytes_to_receipt_to_bytes(receipt: Receipt):
    content = format_receipt(receipt)

    read = read_receipt(content, "a")

    assert format_receipt(read) == content
    assert read == keep(receipt) or b"null" in content


@given(receipts(), st.data())
@settings(max_examples=200)
def test_a_changed_byte_never_passes_and_never_gives_a_traceback(
    receipt: Receipt, data: st.DataObject
):
    content = bytearray(format_receipt(receipt))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))

    try:
        read_receipt(bytes(content), "a")
    except ReceiptError:
        return
    raise AssertionError(f"byte {place} was changed and nobody noticed")


any_words = st.text(st.characters(exclude_categories=()), max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_words, inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.data())
@settings(max_examples=200)
def test_any_value_in_any_place_is_refused_without_a_traceback(value: object, data: st.DataObject):
    document = json.loads(format_receipt(passed_receipt()))
    place = document["predicate"]["envlock"]["receipt"]
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    before = place[key]
    place[key] = value
    if json.dumps(value) == json.dumps(before):
        return
    content = json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    try:
        read_receipt(content, "a")
    except ReceiptError:
        return
    raise AssertionError(f"{before!r} became {value!r} and nobody noticed")
