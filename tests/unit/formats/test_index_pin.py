"""The text of a pin: what its digest covers, and what is refused when it is read."""

from __future__ import annotations

import json

import pytest

from envlock.formats.index_pin import (
    canonical_record,
    dependency_name,
    describe_part,
    format_manifest,
    format_repodata,
    make_pin,
    parse_manifest,
    parse_repodata,
    part_folder,
    pin_digest,
)
from envlock.model.pin import Origin, Pin

URL = "https://conda.anaconda.org/conda-forge"
NOW = "2026-01-31T12:00:00Z"
ROW = {"name": "zlib", "version": "1.3", "depends": ["libc >=2", "abc"], "subdir": "linux-64"}
PIN, REPODATA = make_pin(
    Origin.LIVE, NOW, {(URL, "noarch"): {}, (URL, "linux-64"): {"zlib-1.3-0.conda": ROW}}
)


def test_repodata_is_one_record_to_a_line_in_two_tables() -> None:
    records = {"b-1-0.conda": ROW, "a-1-0.conda": ROW, "old-1-0.tar.bz2": {"name": "old"}}

    assert format_repodata("linux-64", records).decode() == (
        '{"info":{"subdir":"linux-64"},\n'
        '"packages":{\n'
        '"old-1-0.tar.bz2":{"depends":[],"name":"old"}\n'
        "},\n"
        '"packages.conda":{\n'
        '"a-1-0.conda":{"depends":["libc >=2","abc"],"name":"zlib","subdir":"linux-64",'
        '"version":"1.3"},\n'
        '"b-1-0.conda":{"depends":["libc >=2","abc"],"name":"zlib","subdir":"linux-64",'
        '"version":"1.3"}\n'
        "},\n"
        '"repodata_version":1}\n'
    )


def test_empty_repodata_is_still_repodata() -> None:
    content = format_repodata("noarch", {})

    assert json.loads(content) == {
        "info": {"subdir": "noarch"},
        "packages": {},
        "packages.conda": {},
        "repodata_version": 1,
    }
    assert parse_repodata(content) == {}


def test_a_record_keeps_the_known_fields_and_drops_empty_ones() -> None:
    record = {
        **ROW,
        "url": "https://user:secret@host/zlib",
        "fn": "zlib",
        "channel": "x",
        "license": "",
        "constrains": [],
        "extra_depends": {},
        "md5": None,
        "build_number": 0,
        "noarch": False,
    }

    assert canonical_record(record) == {**ROW, "build_number": 0, "noarch": False}


def test_the_order_of_depends_is_kept() -> None:
    there, back = {**ROW, "depends": ["a", "b"]}, {**ROW, "depends": ["b", "a"]}

    assert format_repodata("x", {"f": there}) != format_repodata("x", {"f": back})


def test_repodata_is_read_back_as_it_was() -> None:
    assert parse_repodata(REPODATA[URL, "linux-64"]) == {"zlib-1.3-0.conda": ROW}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"packages":{}}', b"[" * 100_000, b"\xff"])
def test_repodata_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not repodata: "):
        parse_repodata(content)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("numpy", "numpy"),
        ("numpy >=1.26,<3", "numpy"),
        ("Numpy>=1", "numpy"),
        ("conda-forge::numpy 2.*", "numpy"),
        ("numpy[version='>=1']", "numpy"),
        ("_openmp_mutex 4.5", "_openmp_mutex"),
        ("__glibc >=2.17", None),
        ("", None),
        ("*", None),
    ],
)
def test_a_dependency_names_a_package_or_the_machine(text: str, name: str | None) -> None:
    assert dependency_name(text) == name


def test_a_manifest_is_ordered_and_read_back_as_it_was() -> None:
    assert [part.subdir for part in PIN.parts] == ["linux-64", "noarch"]
    assert parse_manifest(format_manifest(PIN)) == PIN


def test_the_digest_covers_origin_time_and_every_part() -> None:
    row = PIN.parts[0]
    others = [
        Pin(origin=Origin.OBSERVED, as_of=NOW, parts=PIN.parts),
        Pin(origin=Origin.LIVE, as_of="2026-01-31T12:00:01Z", parts=PIN.parts),
        Pin(origin=Origin.LIVE, as_of=NOW, parts=PIN.parts[:1]),
        Pin(
            origin=Origin.LIVE,
            as_of=NOW,
            parts=(describe_part(row.channel, row.subdir, b"other", 1), PIN.parts[1]),
        ),
    ]

    assert len({pin_digest(pin) for pin in [PIN, *others]}) == 5


def test_the_digest_does_not_depend_on_how_the_manifest_is_spaced() -> None:
    value = json.loads(format_manifest(PIN))

    assert pin_digest(parse_manifest(json.dumps(value).encode())) == pin_digest(PIN)


def changed(**changes: object) -> bytes:
    return json.dumps({**json.loads(format_manifest(PIN)), **changes}).encode()


def changed_part(**changes: object) -> bytes:
    value = json.loads(format_manifest(PIN))
    value["parts"][0] |= changes
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"[" * 100_000, "Expected `object`, got `array`"),
        (b"9" * 10_000, "Number out of range"),
        (changed(version=2), "Invalid enum value 2 - at `$.version`"),
        (changed(version=True), "Expected `int`, got `bool` - at `$.version`"),
        (changed(origin="rumour"), "Invalid enum value 'rumour' - at `$.origin`"),
        (changed(as_of="2026-13-01T00:00:00Z"), "month must be in 1..12"),
        (changed(parts={}), "Expected `array`, got `object` - at `$.parts`"),
        (changed(extra=1), "Object contains unknown field `extra`"),
        (changed_part(extra=1), "Object contains unknown field `extra` - at `$.parts[0]`"),
        (changed_part(size=1 << 40), "Expected `int` <= 1073741824 - at `$.parts[0].size`"),
        (changed_part(size=-1), "Expected `int` >= 0 - at `$.parts[0].size`"),
        (changed_part(records="7"), "Expected `int`, got `str` - at `$.parts[0].records`"),
        (
            changed_part(sha256="ABC"),
            "matching regex '^[0-9a-f]{64}\\\\Z' - at `$.parts[0].sha256`",
        ),
        (
            changed_part(channel="https://me:pw@host/x"),
            "expected an address without credentials - at `$.parts[0].channel`",
        ),
        (
            changed_part(subdir="noarch"),
            "expected each folder once and in order - at `$.parts`",
        ),
        (
            changed(parts=json.loads(format_manifest(PIN))["parts"][::-1]),
            "expected each folder once and in order - at `$.parts`",
        ),
    ],
)
def test_a_manifest_that_is_not_one_is_refused_with_the_place(content: bytes, problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is compared
        parse_manifest(content)

    assert str(caught.value).startswith("not a pin manifest: ")
    assert str(caught.value).endswith(problem)


@pytest.mark.parametrize("subdir", ["..", "../../x", "/etc", "a/b", "a\n", "", "LINUX", ".hidden"])
def test_a_subdir_cannot_leave_the_pin(subdir: str) -> None:
    with pytest.raises(ValueError, match=r"at `\$\.parts\[0\]\.subdir`$"):
        parse_manifest(changed_part(subdir=subdir))


@pytest.mark.parametrize("channel", ["..", "/etc", "conda-forge", ""])
def test_a_channel_is_an_address(channel: str) -> None:
    with pytest.raises(ValueError, match=r"at `\$\.parts\[0\]\.channel`$"):
        parse_manifest(changed_part(channel=channel))


def test_channels_of_one_short_name_get_folders_of_their_own() -> None:
    channels = [
        "https://a.example/c",
        "https://a.example/c-2",
        "https://b.example/C",
        "https://c.example/..",
        "https://c.example/...hidden",
        "https://c.example/pin.json",
        "https://d.example:8080",
        "https://e.example/c",
        "https://f.example/a%2F..%2Fb",
    ]
    pin, _ = make_pin(Origin.LIVE, NOW, {(channel, "noarch"): {} for channel in channels})

    assert [part_folder(pin, part) for part in pin.parts] == [
        "c/noarch",
        "c-2/noarch",
        "C-3/noarch",
        "channel/noarch",
        "hidden/noarch",
        "pin.json-2/noarch",
        "d.example-8080/noarch",
        "c-4/noarch",
        "a-2F..-2Fb/noarch",
    ]
