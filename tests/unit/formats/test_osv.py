"""Records of OSV, and which packages they are about."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from envlock.errors import InputFileError
from envlock.formats import osv
from envlock.formats.osv import Suspect, find_advisories
from envlock.model.sight import Advisory

JINJA = Suspect(package="Jinja2", version="3.1.2", distribution="jinja2")


def record(identity: str = "GHSA-1", name: str = "jinja2", **more: object) -> dict[str, object]:
    """A record about versions from 3 up to 3.1.3."""
    events = [{"introduced": "3.0"}, {"fixed": "3.1.3"}]
    return {
        "id": identity,
        "summary": "Templates may run code.",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": name, "purl": "pkg:pypi/jinja2"},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
        **more,
    }


def about(*events: dict[str, str], kind: str = "ECOSYSTEM", versions: list[str] | None = None):
    package = {"ecosystem": "PyPI", "name": "jinja2"}
    affected = {"package": package, "ranges": [{"type": kind, "events": list(events)}]}
    return record(affected=[{**affected, "versions": versions or []}])


def find(value: object, *suspects: Suspect) -> tuple[Advisory, ...]:
    return find_advisories(json.dumps(value).encode(), "osv.json", suspects or (JINJA,))


def packed(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.json", content)
    return buffer.getvalue()


FOUND = (
    Advisory(
        id="GHSA-1",
        package="Jinja2",
        version="3.1.2",
        summary="Templates may run code.",
        fixed=("3.1.3",),
    ),
)


def test_a_record_is_about_the_versions_of_its_ranges():
    assert find(record()) == FOUND


def test_every_form_of_the_file_is_read():
    one = json.dumps(record()).encode()
    other = json.dumps(record("GHSA-2", "flask")).encode()

    for content in (
        json.dumps(record(), indent=2).encode(),
        b"\xef\xbb\xbf" + one,
        b"[" + other + b"," + one + b"]",
        b'{"vulns": [' + one + b"]}",
        other + b"\n\n" + one + b"\n",
        packed(a=other, b=one),
    ):
        assert find_advisories(content, "osv", [JINJA]) == FOUND


@pytest.mark.parametrize(
    ("version", "events", "is_affected"),
    [
        ("3.1.2", [{"introduced": "0"}], True),
        ("3.1.3", [{"introduced": "0"}, {"fixed": "3.1.3"}], False),
        ("3.1.3rc1", [{"introduced": "0"}, {"fixed": "3.1.3"}], True),
        ("3.1.2+cu121", [{"introduced": "0"}, {"last_affected": "3.1.2"}], True),
        ("3.1.3", [{"introduced": "0"}, {"last_affected": "3.1.2"}], False),
        ("2.9", [{"introduced": "3"}, {"fixed": "3.1.3"}], False),
        ("3.0", [{"fixed": "3.1.3"}, {"introduced": "3"}], True),
        ("4.5", [{"introduced": "3"}, {"fixed": "3.1"}, {"introduced": "4"}], True),
        ("4.5", [{"introduced": "3"}, {"limit": "4"}], False),
        ("1!1.0", [{"introduced": "0"}, {"fixed": "3.1.3"}], False),
        ("3.1.2", [{"introduced": "no version"}], False),
        ("no version", [{"introduced": "0"}], False),
        ("3.1.2", [], False),
    ],
)
def test_versions_are_ordered_as_pep_440_says(version, events, is_affected):
    suspect = replace(JINJA, version=version)

    assert bool(find(about(*events), suspect)) is is_affected


def test_semantic_versions_are_ordered_alike_and_commits_not_at_all():
    assert find(about({"introduced": "3.0.0"}, kind="SEMVER"))
    assert not find(about({"introduced": "0"}, kind="GIT"))


def test_listed_versions_are_affected_whatever_their_spelling():
    assert find(about(versions=["3.1.2.0"]))
    assert find(about(versions=["odd one"]), replace(JINJA, version="odd one"))
    assert not find(about(versions=["3.1.1"]))


def test_other_ecosystems_packages_and_withdrawn_records_do_not_count():
    npm = record()
    npm["affected"][0]["package"]["ecosystem"] = "npm"

    assert find(npm) == ()
    assert find(record(name="flask")) == ()
    assert find(record(withdrawn="2024-01-01T00:00:00Z")) == ()
    assert find({"id": "X"}) == ()
    assert find({"id": "X", "affected": None, "aliases": None, "summary": None}) == ()


def test_records_that_name_each_other_are_one_vulnerability():
    pysec = record("PYSEC-7", summary=None, details="Long.\nMore.", aliases=["CVE-1", "GHSA-1"])
    ghsa = record("GHSA-1", aliases=["CVE-1"], database_specific={"severity": "HIGH", "x": 1})
    other = record("GHSA-9")

    assert find([pysec, other, ghsa]) == (
        replace(FOUND[0], id="GHSA-9"),
        replace(
            FOUND[0],
            summary="Long.",
            aliases=("CVE-1", "PYSEC-7"),
            severity="HIGH",
        ),
    )


def test_malicious_packages_are_critical():
    (advisory,) = find(record("MAL-2024-1"))

    assert advisory.severity == "CRITICAL"


def test_a_build_of_conda_is_judged_with_a_word_of_caution():
    conda = Suspect(package="jinja2", version="3.1.2", distribution="jinja2", is_conda=True)

    (advisory,) = find(record(), conda)
    assert advisory.summary == (
        "Templates may run code (judged by the distribution jinja2, conda may have mended it)"
    )


HINT = "take the records of the ecosystem PyPI as OSV publishes them: `PyPI/all.zip`"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "osv: expected a record of OSV: Input data was truncated"),
        (b"[1]", "osv: expected a record of OSV: Expected `object`, got `int` - at `$[0]`"),
        (b"{}", "osv: expected a record of OSV: Object missing required field `id`"),
        (
            b'{"id": "a"}\n{"id": 7}\n',
            "osv:2: expected a record of OSV: Expected `str`, got `int` - at `$.id`",
        ),
        (b'{"id": "a", "x": ' + b"[" * 100_000, "osv: it is nested too deeply"),
        (b"PK\3\4 and so on", "osv: a damaged archive: File is not a zip file"),
        (packed(), "osv: an archive without a record, `….json`"),
        (
            packed(a=b"{}"),
            "osv: a.json: expected a record of OSV: Object missing required field `id`",
        ),
    ],
)
def test_what_is_no_such_file_is_refused(content, message):
    with pytest.raises(InputFileError) as error:
        find_advisories(content, "osv", [JINJA])

    assert error.value.message == f"{message}\nNothing of the file was used."
    assert error.value.hints == (HINT,)


def test_bytes_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(osv, "CONTENT_LIMIT_BYTES", 10)
    with pytest.raises(InputFileError, match=r"osv\.json: expected at most 10 bytes"):
        find(record())
    monkeypatch.undo()
    monkeypatch.setattr(osv, "_RECORD_LIMIT_BYTES", 100)
    with pytest.raises(InputFileError, match=r"a\.json: more bytes than records have"):
        find_advisories(packed(a=b" " * 1000), "osv", [JINJA])
    monkeypatch.setattr(osv, "_RECORD_LIMIT", 1)
    with pytest.raises(InputFileError, match="an archive of 2 records"):
        find_advisories(packed(a=b"", b=b""), "osv", [JINJA])


@settings(max_examples=300)
@given(st.data())
def test_a_mangled_file_is_read_or_refused(data):
    whole = data.draw(
        st.sampled_from([packed(a=json.dumps(record()).encode()), json.dumps(record()).encode()])
    )
    at = data.draw(st.integers(0, len(whole) - 1))
    mangled = whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + 1 :]

    try:
        find_advisories(mangled, "osv", [JINJA])
    except InputFileError as error:
        assert error.message  # noqa: PT017 - either outcome is right
