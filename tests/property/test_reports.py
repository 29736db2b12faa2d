"""Whatever a receipt holds, its reports are whole, and its text stays text."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envlock.formats.html_report import format_html
from envlock.formats.junit import format_junit
from envlock.formats.plain import printable
from envlock.formats.tensorboard import format_events
from envlock.model.outcome import Check, Failed, Level, NotRun, Obligation, Passed
from envlock.model.package import PackageSize
from envlock.model.platform import Platform
from envlock.model.receipt import (
    Curve,
    HostLibrary,
    Receipt,
    Subject,
    Verdict,
    VerifiedGpu,
    VerifiedHost,
)
from envlock.model.verdict import Covered, Evidence, Judgement, Missing, Unknown
from envlock.model.verdict import Verdict as FitVerdict
from pages import Page
from reports import HOSTILE

texts = st.one_of(
    st.just(HOSTILE),
    st.sampled_from(['"', "<", "&lt;", "]]>", "-->", "</style>", "\n", "\u2028", "javascript:x"]),
    st.text(st.characters(exclude_categories=()), max_size=12),
)
"""All of Unicode, lone surrogates too."""
floats = st.floats(allow_nan=True, allow_infinity=True)
counts = st.integers(-(2**63), 2**63)
numbers = st.dictionaries(texts | st.just("seconds"), floats, max_size=2)


def several(values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(values, max_size=3).map(tuple)


outcomes = (
    st.builds(Passed, said=texts)
    | st.builds(Failed, said=texts, hint=texts)
    | st.builds(NotRun, reason=texts)
)
names = texts | st.builds("{}.numbers.{}.{}".format, texts, texts, texts)
checks = st.builds(
    Check,
    obligation=st.sampled_from(Obligation),
    name=names,
    outcome=outcomes,
    on_gpu=st.booleans(),
    numbers=numbers,
    varying=numbers,
)
curves = st.builds(
    Curve,
    name=texts,
    losses=several(floats),
    accuracies=several(floats),
    steps=counts,
    weights_sha256=texts,
    control=texts,
)
receipts = st.builds(
    Receipt,
    subject=st.builds(
        Subject,
        name=texts,
        lock_sha256=texts,
        pin_sha256=texts,
        derivation_key=texts,
        tree_sha256=texts,
        content_sha256=texts,
        is_hermetic=st.booleans(),
        python=texts,
    ),
    host=st.builds(
        VerifiedHost,
        platform=st.sampled_from(Platform),
        kernel=texts,
        glibc=texts,
        driver=texts,
        driver_cuda=texts,
        gpus=several(st.builds(VerifiedGpu, name=texts, compute=texts, memory_bytes=counts)),
        container=texts,
        cpus=counts,
    ),
    level=st.sampled_from(Level),
    device=texts,
    verdict=st.sampled_from(Verdict),
    checks=several(checks),
    curves=several(curves),
    frameworks=st.dictionaries(texts, texts, max_size=2),
    host_libraries=several(st.builds(HostLibrary, path=texts, build_id=texts, role=texts)),
    data=texts,
    envlock_version=texts,
    verified_at=texts,
    seconds=floats,
)
packages = several(
    st.builds(PackageSize, name=texts, version=texts, manager=texts, size_bytes=st.none() | counts)
)
facts = st.builds(
    Evidence,
    fact=texts,
    row=texts,
    source=texts | texts.map("https://{}".format),
    confidence=texts,
)
coverages = (
    st.builds(Covered, evidence=facts)
    | st.builds(Missing, evidence=facts, remedy=texts)
    | st.builds(Unknown, reason=texts, evidence=st.none() | facts)
)
proofs = st.none() | st.builds(
    FitVerdict,
    workload=texts,
    platform=st.sampled_from(Platform),
    machine=texts,
    judgements=several(st.builds(Judgement, subject=texts, coverage=coverages)),
)

MADE_BY_US = {
    *("html", "head", "meta", "title", "link", "style", "body", "header", "nav", "main", "footer"),
    *("section", "h1", "h2", "h3", "p", "ul", "li", "dl", "dt", "dd", "div", "span", "a", "code"),
    *("strong", "b", "time", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure"),
    *("figcaption", "details", "summary", "svg", "g", "rect", "text", "line", "polyline", "circle"),
    "wbr",
}


@given(receipts, packages, proofs, texts)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_page_is_whole_and_holds_only_elements_of_ours(receipt, sizes, proof, signer):
    text = format_html(receipt, sizes, proof, signed_by=signer)
    page = Page(text)

    text.encode()
    assert page.faults == []
    assert {tag for tag, _ in page.elements} <= MADE_BY_US
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    for link in page.attributes("a"):
        assert link["href"].startswith(("#", "https://"))
    for line in receipt.subject.name.split("\n"):
        assert printable(line) in page.texts[0]


@given(receipts)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_junit_is_well_formed_and_counts_every_check(receipt):
    root = fromstring(format_junit(receipt).encode())  # noqa: S314 - our own text

    assert len(root.findall(".//testcase")) == len(receipt.checks)
    assert len(root.findall(".//failure")) == len(receipt.failed)
    assert len(root.findall(".//skipped")) == len(receipt.not_run)


@given(receipts, floats)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_event_file_can_be_written_of_any_receipt(receipt, wall_time):
    assert format_events(receipt, wall_time) == format_events(receipt, wall_time)
