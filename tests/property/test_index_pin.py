"""Laws of pins: one set of records, one text; one text, one digest; nothing else is a pin."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from envlock.formats.index_pin import (
    format_manifest,
    format_repodata,
    make_pin,
    parse_manifest,
    parse_repodata,
    part_folder,
    pin_digest,
)
from envlock.model.pin import Origin
from envlock.workflows.pin_changes import compare_records, extended, version_order

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
NAMES = st.sampled_from(["python", "numpy", "libz", "é", "a"])
RECORD = st.fixed_dictionaries(
    {"name": NAMES, "version": WORDS, "depends": st.lists(WORDS, max_size=3)},
    optional={
        "build_number": st.integers(0, 9),
        "constrains": st.lists(WORDS, min_size=1, max_size=2),
        "license": WORDS,
        "noarch": st.sampled_from(["python", "generic"]),
        "timestamp": st.integers(0, 2**53),
    },
)
FILES = st.builds(str.__add__, WORDS, st.sampled_from([".conda", ".tar.bz2"]))
RECORDS = st.dictionaries(FILES, RECORD, max_size=5)
CHANNELS = st.sampled_from(["https://a.example/c", "https://b.example/c", "file:///srv/d"])
SUBDIRS = st.sampled_from(["linux-64", "noarch", "win-64"])
ALL_RECORDS = st.dictionaries(st.tuples(CHANNELS, SUBDIRS), RECORDS, min_size=1, max_size=4)
ORIGINS = st.sampled_from(Origin)
NOW = "2026-01-31T12:00:00Z"


def shuffled(data: st.DataObject, value: Mapping[str, object]) -> dict[str, object]:
    return dict(data.draw(st.permutations(list(value.items()))))


@given(RECORDS, st.data())
def test_no_order_of_records_or_keys_changes_the_text(
    records: dict[str, dict[str, object]], data: st.DataObject
) -> None:
    other = {name: shuffled(data, row) for name, row in shuffled(data, records).items()}  # type: ignore[arg-type]

    assert format_repodata("noarch", other) == format_repodata("noarch", records)


@given(RECORDS)
def test_repodata_is_json_that_reads_back_and_writes_the_same(
    records: dict[str, dict[str, object]],
) -> None:
    content = format_repodata("noarch", records)

    assert parse_repodata(content) == records
    assert format_repodata("noarch", parse_repodata(content)) == content
    assert json.loads(content)["info"] == {"subdir": "noarch"}


@given(ALL_RECORDS, ORIGINS, st.data())
def test_no_order_of_folders_changes_the_digest(
    records: dict[tuple[str, str], dict[str, dict[str, object]]],
    origin: Origin,
    data: st.DataObject,
) -> None:
    other = dict(data.draw(st.permutations(list(records.items()))))

    pin, repodata = make_pin(origin, NOW, records)

    assert pin_digest(make_pin(origin, NOW, other)[0]) == pin_digest(pin)
    assert parse_manifest(format_manifest(pin)) == pin
    assert {place: parse_repodata(text) for place, text in repodata.items()} == records


@given(ALL_RECORDS, st.data())
def test_any_other_record_gives_another_digest(
    records: dict[tuple[str, str], dict[str, dict[str, object]]], data: st.DataObject
) -> None:
    place = data.draw(st.sampled_from(sorted(records)))
    name, row = data.draw(FILES), data.draw(RECORD)
    other = {**records, place: {**records[place], name: row}}

    same = records[place].get(name) == row
    before, after = (pin_digest(make_pin(Origin.LIVE, NOW, each)[0]) for each in (records, other))

    assert (before == after) is same


@given(ALL_RECORDS)
def test_every_part_has_a_folder_of_its_own_inside_the_pin(
    records: dict[tuple[str, str], dict[str, dict[str, object]]],
) -> None:
    pin, _ = make_pin(Origin.LIVE, NOW, records)
    folders = [part_folder(pin, part) for part in pin.parts]

    assert len({folder.lower() for folder in folders}) == len(pin.parts)
    assert not [folder for folder in folders if folder.startswith(("/", ".")) or "/." in folder]


@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["version", "origin", "as_of", "parts", "x"]), inner
                )
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_whatever_is_not_a_manifest_is_refused_as_such(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert parse_manifest(content).parts == ()


@given(ALL_RECORDS, ALL_RECORDS)
def test_a_wider_pin_holds_all_that_stood_and_brings_nothing_new_to_a_known_name(
    old: dict[tuple[str, str], dict[str, dict[str, object]]],
    new: dict[tuple[str, str], dict[str, dict[str, object]]],
) -> None:
    wider = extended(old, new)

    assert not [
        change for change in compare_records(old, wider) if change.removed or change.changed
    ]
    for place, rows in wider.items():
        known = {
            row["name"]
            for (_, subdir), records in old.items()
            if place[1] == "noarch" or subdir in (place[1], "noarch")
            for row in records.values()
        }
        fresh = {name: row for name, row in rows.items() if name not in old.get(place, {})}
        assert not [row for row in fresh.values() if row["name"] in known]


@given(ALL_RECORDS, ALL_RECORDS)
def test_comparing_tells_exactly_what_differs(
    old: dict[tuple[str, str], dict[str, dict[str, object]]],
    new: dict[tuple[str, str], dict[str, dict[str, object]]],
) -> None:
    rebuilt = {place: dict(rows) for place, rows in old.items()}
    for change in compare_records(old, new):
        place = (change.channel, change.subdir)
        rows = rebuilt.setdefault(place, {})
        for name in change.removed:
            del rows[name]
        for name in (*change.added, *change.changed):
            rows[name] = new[place][name]

    assert {place: rows for place, rows in rebuilt.items() if rows} == {
        place: rows for place, rows in new.items() if rows
    }
    assert compare_records(new, new) == ()


@given(st.lists(st.text("0123456789.abrcdevpost!+_-", max_size=12), max_size=6))
def test_versions_of_any_spelling_can_be_ordered(versions: list[str]) -> None:
    keys = [version_order(version) for version in versions]

    assert all((one < two) is not (two <= one) for one in keys for two in keys)
