"""A receipt as one web page: it can be kept, mailed, printed, and read on a phone.

The page holds no script and asks for nothing: its policy forbids both. What the receipt says is
shown as text, whoever wrote it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from envlock.formats.html_curves import curve_figure
from envlock.formats.html_style import STYLE
from envlock.formats.html_tables import (
    badge,
    check_id,
    checks_table,
    libraries_tables,
    packages_tables,
    precision_matrix,
    proof_table,
)
from envlock.formats.html_tree import Content, contents, document, dotted, element, section
from envlock.formats.html_treemap import treemap
from envlock.formats.measures import format_measure
from envlock.formats.plain import count, format_bytes
from envlock.model.outcome import Failed, NotRun, Passed
from envlock.model.package import PackageSize
from envlock.model.receipt import Receipt, Verdict, VerifiedGpu
from envlock.model.verdict import Verdict as DriverProof

_VERDICTS = {
    Verdict.PASSED: ("✓", "Passed"),
    Verdict.FAILED: ("✕", "Failed"),
    Verdict.INCOMPLETE: ("○", "Incomplete"),
}
_NOT_CLAIMED = "not claimed"


def format_html(
    receipt: Receipt,
    packages: Sequence[PackageSize] = (),
    proof: DriverProof | None = None,
    *,
    signed_by: str = "",
) -> str:
    """Return the page.

    `proof` is what envlock says of the lock on this machine's driver and GPUs; `signed_by` names
    the key of a signature that was checked.
    """
    sections = [
        section("failed", "What failed", _failures(receipt)),
        section("not-run", "What was not looked at", _reasons(receipt)),
        section("curves", "Learning curves", _curves(receipt)),
        section("checks", "Checks", _checks(receipt)),
        section("precision", "Precision matrix", (precision_matrix(receipt.checks),)),
        section("proof", "Driver proof", _proof(proof)),
        section("packages", "Packages by size", _packages(packages)),
        section("libraries", "Host libraries", _libraries(receipt)),
        section("subject", "What was verified", _subject(receipt, signed_by)),
        section("host", "Where it was verified", _host(receipt)),
    ]
    shown = [each for each in sections if each is not None]
    _, word = _VERDICTS[receipt.verdict]
    return document(
        f"{word}: {receipt.subject.name} · envlock verification",
        STYLE,
        (_head(receipt), contents(shown), element("main", *shown), _foot(receipt)),
    )


def _head(receipt: Receipt) -> Element:
    sign, word = _VERDICTS[receipt.verdict]
    loose = not receipt.subject.is_hermetic
    verdict = element(
        "p",
        element("span", element("span", f"{sign} ", aria_hidden="true"), word, class_="verdict"),
        element("span", f" {_sentence(receipt)}"),
    )
    return element(
        "header",
        element("p", "envlock verification", class_="kind"),
        element("h1", receipt.subject.name),
        verdict,
        element("p", _not_hermetic(receipt), class_="warning") if loose else None,
        _facts(_at_a_glance(receipt)),
        class_=f"head {receipt.verdict.value}",
    )


def _not_hermetic(receipt: Receipt) -> str:
    python = receipt.subject.python or "not named"
    return (
        f"Not hermetic: its Python is {python}, which envlock did not build. "
        "What was not built by envlock cannot be claimed."
    )


def _sentence(receipt: Receipt) -> str:
    kinds = Counter(type(check.outcome) for check in receipt.checks)
    counts = (
        f"{count(kinds[Passed], 'check')} passed, {kinds[Failed]:,} failed, "
        f"{kinds[NotRun]:,} not run."
    )
    if receipt.verdict is Verdict.INCOMPLETE:
        return f"Nothing failed, but what this environment is for was not looked at. {counts}"
    return counts


def _facts(facts: Iterable[tuple[str, Content]], kind: str = "facts") -> Element:
    pairs = (
        element("div", element("dt", name), element("dd", value))
        for name, value in facts
        if value is not None and value != ""
    )
    return element("dl", *pairs, class_=kind)


def _at_a_glance(receipt: Receipt) -> Iterable[tuple[str, Content]]:
    time = receipt.verified_at
    yield "verified at", element("time", time, datetime=time) if time else None
    yield "level", receipt.level.value
    yield "ran on", receipt.device.upper()
    yield "GPU", ", ".join(gpu.name for gpu in receipt.host.gpus) or "none"
    yield "driver", receipt.host.driver or "none"
    yield "took", format_measure("seconds", receipt.seconds)


def _failures(receipt: Receipt) -> Iterable[Content]:
    items = [
        element(
            "li",
            element("a", dotted(check.name, "code"), href=f"#{check_id(place)}"),
            element("p", check.outcome.said),
            element("p", f"Hint: {check.outcome.hint}", class_="hint")
            if check.outcome.hint
            else None,
        )
        for place, check in enumerate(receipt.checks)
        if isinstance(check.outcome, Failed)
    ]
    if items:
        yield element("ul", *items, class_="findings failed")


def _reasons(receipt: Receipt) -> Iterable[Content]:
    reasons = Counter(
        check.outcome.reason for check in receipt.checks if isinstance(check.outcome, NotRun)
    )
    if reasons:
        items = (
            element("li", f"{reason} ", element("span", f"({count(number, 'check')})"))
            for reason, number in reasons.most_common()
        )
        yield element("p", "None of these counts as passed.")
        yield element("ul", *items, class_="findings not-run")


def _curves(receipt: Receipt) -> Iterable[Content]:
    if not receipt.curves:
        return
    data = {"generated": "generated pictures"}.get(receipt.data, receipt.data)
    yield element("p", f"Trained on {data}; accuracy is on held-out examples.")
    yield element("div", *map(curve_figure, receipt.curves), class_="curves")


def _checks(receipt: Receipt) -> Iterable[Content]:
    if receipt.checks:
        yield checks_table(receipt.checks)
    else:
        yield element("p", "The receipt holds no check.")


def _proof(proof: DriverProof | None) -> Iterable[Content]:
    if proof is None:
        return
    told = f"{proof.workload} on {proof.machine} ({proof.platform.value}): "
    yield element("p", told, element("strong", proof.fit.value), ".")
    deciding = proof.deciding
    if deciding is not None:
        yield element("p", f"What decides: {deciding.subject}.")
        yield proof_table(proof.judgements)


def _packages(packages: Sequence[PackageSize]) -> Iterable[Content]:
    if not packages:
        return
    known = [each.size_bytes for each in packages if each.size_bytes is not None]
    unknown = len(packages) - len(known)
    rest = f"; the size of {count(unknown, 'package')} is not known" if unknown else ""
    yield element(
        "p", f"{count(len(packages), 'package')}, {format_bytes(sum(known))} unpacked{rest}."
    )
    yield from treemap(packages)
    yield from packages_tables(packages)


def _libraries(receipt: Receipt) -> Iterable[Content]:
    if receipt.host_libraries:
        yield from libraries_tables(receipt.host_libraries)


def _subject(receipt: Receipt, signed_by: str) -> Iterable[Content]:
    subject = receipt.subject
    digests = {
        "lock (SHA-256)": subject.lock_sha256,
        "index pin (SHA-256)": subject.pin_sha256,
        "derivation key": subject.derivation_key,
        "tree (SHA-256)": subject.tree_sha256,
        "content (SHA-256)": subject.content_sha256,
    }
    claims: list[tuple[str, Content]] = [("stack", subject.name)]
    claims += [
        (name, element("code", value) if value else _NOT_CLAIMED) for name, value in digests.items()
    ]
    yield _facts(claims, "facts long")
    yield element("p", f"Signed by {signed_by}." if signed_by else _SELF_REPORTED, class_="note")
    yield element("h3", "Versions") if receipt.frameworks else None
    yield _facts(receipt.frameworks.items()) if receipt.frameworks else None


_SELF_REPORTED = (
    "Self-reported: no signature was checked for this page. `envlock receipt check` checks one."
)


def _host(receipt: Receipt) -> Iterable[Content]:
    host = receipt.host
    facts = {
        "platform": host.platform.value,
        "kernel": host.kernel,
        "glibc": host.glibc,
        "driver": host.driver or "none",
        "CUDA of the driver": host.driver_cuda,
        "container": host.container,
        "CPUs": f"{host.cpus:,}" if host.cpus else "",
    }
    yield _facts(facts.items())
    yield _facts((("GPU", _gpu(gpu)) for gpu in host.gpus), "facts long") if host.gpus else None


def _gpu(gpu: VerifiedGpu) -> str:
    compute = f"compute capability {gpu.compute}" if gpu.compute else ""
    memory = format_bytes(gpu.memory_bytes) if gpu.memory_bytes else ""
    return ", ".join(filter(None, (gpu.name, compute, memory)))


def _foot(receipt: Receipt) -> Element:
    version = f" {receipt.envlock_version}" if receipt.envlock_version else ""
    return element(
        "footer",
        element("p", f"Verified by envlock{version}. This page runs no script and loads nothing."),
        element("p", badge("passed"), " looked at, and it holds"),
        element("p", badge("failed"), " looked at, and it does not hold"),
        element("p", badge("not-run"), " not looked at; never a pass"),
    )
