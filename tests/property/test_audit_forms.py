"""Whatever a file says, the forms of an audit stay XML, JSON, HTML and Markdown."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audit_reports import HASHES, RULES, TAGS, found, judged, report, saying
from envlock.cli.audit_render import Paint, render
from envlock.errors import Fault, InputFileError
from envlock.formats.audit_baseline import format_baseline, read_baseline
from envlock.formats.audit_html import format_audit_html
from envlock.formats.audit_json import format_audit_json
from envlock.formats.audit_junit import format_audit_junit
from envlock.formats.audit_markdown import format_audit_markdown
from envlock.formats.audit_words import groups
from envlock.formats.sarif import format_sarif
from envlock.model.finding import Known

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MARKS = st.sampled_from(
    ["|", "`", "```", "<b>", "</details>", "<!--", "-->", "]]>", "&lt;", "\n", "\n\n", "\r", "# ",
     "](x)", "![", "@a", "www.a.b", "https://a.b", "\x00", "\x1b[31m", "\u202e", "\ud800", "$$",
     "- ", "1. ", "> ", "\\", "{0}", "~~", "\u2028", "\ufffe", "</style>", "{{ x }}", "\t"]
)  # fmt: skip
TEXTS = st.lists(MARKS | st.text(max_size=5), min_size=1, max_size=8).map("".join)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)


def tags(text: str) -> list[str]:
    parser = Tags()
    parser.feed(text)
    return parser.seen


PAGE_TAGS = tags(format_audit_html(saying("plain"), RULES))


@UNHURRIED
@given(TEXTS)
@example("\ud800</testcase>")
def test_any_text_leaves_xml_and_json_whole(text: str):
    log = saying(text)

    assert ET.fromstring(format_audit_junit(log, RULES).encode()).tag == "testsuites"  # noqa: S314 - our own
    run = json.loads(format_sarif(log, RULES, version="1", with_ignored=True).encode())["runs"][0]
    assert len(run["results"]) == 3
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"][
        "uri"
    ].isascii()
    assert json.loads(format_audit_json(log, RULES))["judged"][0]["file"] == text


@UNHURRIED
@given(TEXTS)
def test_any_text_leaves_the_page_its_own_tags(text: str):
    page = format_audit_html(saying(text), RULES)

    assert page.encode()
    assert sorted(set(tags(page)) - {"wbr", "code"}) == sorted(set(PAGE_TAGS) - {"wbr", "code"})
    assert tags(page).count("li") == PAGE_TAGS.count("li")


@UNHURRIED
@given(TEXTS)
@example("<!-- --> | a")
def test_any_text_leaves_markdown_its_own_tags_and_cells(text: str):
    markdown = pytest.importorskip("markdown_it", reason="markdown-it-py is not installed")

    source = format_audit_markdown(saying(text), RULES)
    page = markdown.MarkdownIt("gfm-like", {"linkify": False}).render(source)

    found_tags = tags(page)
    assert set(found_tags) <= {
        "h2", "h3", "p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code",
        "details", "summary",
    }  # fmt: skip
    assert (found_tags.count("tr"), found_tags.count("td")) == (2, 4)
    assert found_tags.count("details") == 1
    assert source.encode()


@UNHURRIED
@given(TEXTS)
def test_any_text_leaves_the_terminal_alone(text: str):
    lines = list(render(saying(text), paint=Paint(is_on=False)))

    assert all(line.isprintable() for line in lines)


FINDINGS = st.lists(
    st.builds(
        found,
        st.sampled_from([HASHES, TAGS]),
        line=st.integers(0, 9),
        subject=st.sampled_from(["a", "b"]),
        remedy=st.sampled_from(["x", "y"]),
    ),
    max_size=8,
)


@UNHURRIED
@given(FINDINGS)
def test_groups_hold_every_finding_once_with_the_worst_first(findings: list[Any]):
    file = judged(*sorted(findings, key=lambda each: each.order))

    made = groups(file)

    assert sorted(map(id, (each for group in made for each in group.findings))) == sorted(
        map(id, file.findings)
    )
    ranks = [group.severity.rank for group in made]
    assert ranks == sorted(ranks)


@UNHURRIED
@given(FINDINGS)
def test_the_order_in_which_files_were_found_changes_no_result_of_sarif(findings: list[Any]):
    one, two = judged(*findings), judged(file="z")

    def results(*files: Any) -> list[tuple[str, str]]:
        run = json.loads(format_sarif(report(*files), RULES, version="1"))["runs"][0]
        return [
            (each["ruleId"], each["partialFingerprints"]["primaryLocationLineHash"])
            for each in run["results"]
        ]

    assert results(one, two) == results(two, one)


KNOWN = st.builds(
    Known,
    rule=st.sampled_from(["EL101", "EL203"]),
    file=st.text(max_size=5),
    subject=st.text(max_size=5),
    message=st.text(max_size=5),
)


@UNHURRIED
@given(st.lists(KNOWN, max_size=5))
def test_a_baseline_is_read_back_whatever_its_order(known: list[Known]):
    content = format_baseline(known)

    assert set(read_baseline(content, "b")) == set(known)
    assert format_baseline(reversed(known)) == content


@UNHURRIED
@given(st.binary(max_size=80) | st.text('{}[]":, 1findgsversoul', max_size=60).map(str.encode))
def test_any_bytes_are_a_baseline_or_an_input_file_error(content: bytes):
    faults: tuple[Fault, ...] = ()
    try:
        read_baseline(content, "b.json")
    except InputFileError as error:
        faults = error.faults

    assert all(fault.where.startswith("b.json") for fault in faults)
