"""The words that every form of a report shares."""

from __future__ import annotations

from audit_reports import HASHES, RECEIPTS, TAGS, found, judged, report, whole
from envlock.formats.audit_words import (
    groups,
    level_reached,
    passed_over,
    place,
    totals,
    unlooked,
    verdict,
)
from envlock.model.finding import AuditReport, Severity, Unlooked, Unreadable
from envlock.model.stack import AuditLevel


def said(found_in: AuditReport) -> tuple[str, str, str]:
    answer = verdict(found_in)
    return (answer.kind, answer.word, answer.sentence)


def test_the_verdict_says_what_was_found_in_how_much():
    assert said(report(judged())) == ("passed", "Passed", "nothing found in 1 file.")
    assert said(report(judged(found(RECEIPTS)))) == (
        "passed",
        "Passed",
        "1 note in 1 file, none as bad as the threshold.",
    )
    assert said(report(judged(found(), found(TAGS), found(TAGS, line=2)), judged())) == (
        "failed",
        "Failed",
        "1 error, 2 warnings in 2 files.",
    )


def test_what_could_not_be_read_is_no_pass():
    unread = Unreadable(file="a", problem="b")

    assert said(report(judged(), unreadable=(unread,))) == (
        "incomplete",
        "Incomplete",
        "1 file could not be read; nothing found in 1 file.",
    )


def test_the_threshold_of_a_file_is_its_own():
    strict = judged(found(TAGS), fail_on=Severity.WARNING)
    lenient = judged(found(TAGS), fail_on=Severity.ERROR)

    assert verdict(report(strict, fail_on=Severity.ERROR)).kind == "failed"
    assert verdict(report(lenient)).kind == "passed"


def test_the_level_names_what_was_asked_for_where_it_was_not_reached():
    assert level_reached(report(judged())) == "lock"
    asked = AuditReport(judged=(judged(),), asked=AuditLevel.BUILD)
    assert level_reached(asked) == "lock (build was asked for)"


def test_a_level_that_was_asked_for_and_not_reached_is_no_pass():
    asked = report(judged(short_of=AuditLevel.BUILD))

    assert said(asked) == (
        "incomplete",
        "Incomplete",
        "1 file did not reach the level that was asked for; nothing found in 1 file.",
    )


def test_where_nothing_could_be_read_no_level_was_reached():
    nothing = AuditReport(
        judged=(), asked=AuditLevel.LOCK, unreadable=(Unreadable(file="a", problem="gone"),)
    )

    assert level_reached(nothing) == "none (lock was asked for)"


def test_what_may_pass_is_counted_by_what_lets_it():
    assert passed_over(whole()) == "1 in the baseline, 1 by the policy"
    assert passed_over(report(judged())) == ""


def test_what_was_not_looked_at_is_told_once_with_the_number_of_files():
    other = judged(file="b")
    one = judged(file="c")
    blind = (*one.unlooked, Unlooked(what="the stack", reason="not there"))

    assert unlooked(report(judged(), other)) == [("receipts", "there is none")]
    assert unlooked(report(judged(), type(one)(**{**_fields(one), "unlooked": blind}))) == [
        ("receipts", "there is none"),
        ("the stack", "not there; in 1 file"),
    ]


def _fields(value: object) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__struct_fields__}  # type: ignore[attr-defined]


def test_findings_are_grouped_by_rule_and_remedy_the_worst_first():
    file = judged(
        found(TAGS, line=1),
        found(line=2, subject="a"),
        found(line=3, subject="b", remedy="other"),
        found(line=4, subject="c"),
    )

    assert [
        (group.code, group.remedy, [each.line for each in group.findings]) for group in groups(file)
    ] == [
        ("EL101", HASHES.remedy, [2, 4]),
        ("EL101", "other", [3]),
        ("EL203", TAGS.remedy, [1]),
    ]


def test_places_and_totals_in_words():
    assert place(found(line=1234)) == "line 1234"
    assert place(found()) == "whole file"
    assert totals([found(), found(RECEIPTS), found()]) == "2 errors, 1 note"
    assert totals([]) == ""
