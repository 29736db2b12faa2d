"""The engine: rules over a case, held against a policy."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from envlock.audit.engine import Ruling, judge
from envlock.audit.rule import LOCKS, WISHES, Case, Hit, Rule
from envlock.model.finding import AuditPolicy, Ignore, Ignored, Severity, Unlooked
from envlock.model.reading import FileKind
from envlock.model.sight import Sight
from envlock.model.stack import AuditLevel
from readings import TODAY, case, conda, findings, judged, reading, seen, told


def rule(code: str = "EL901", name: str = "", *hits: Hit, **fields: object) -> Rule:
    given: dict[str, object] = {
        "severity": Severity.ERROR,
        "find": lambda _: hits,
        "title": "a thing",
        "reason": "It matters.",
        "remedy": "mend it.",
    }
    return Rule(code=code, name=name or f"rule-{code.lower()}", **(given | fields))  # type: ignore[arg-type]


def each_package(case: Case) -> Iterable[Hit]:
    for package in case.reading.packages:
        yield Hit(
            message=f"{package.name} is here.",
            subject=package.name,
            line=package.line,
            together="{count} are here: {subjects}.",
        )


EACH = rule(find=each_package)


def rows(number: int) -> tuple[object, ...]:
    return tuple(conda(f"p{at:02}", line=number - at) for at in range(number))


def policy(**fields: object) -> AuditPolicy:
    return AuditPolicy(**fields)  # type: ignore[arg-type]


def test_a_finding_carries_its_rule_its_file_and_what_the_hit_says():
    hit = Hit(message="it is so.", line=4, subject="numpy")

    (found,) = findings(rule("EL901", "some-name", hit), reading(file="a/conda-lock.yml"))

    assert (found.code, found.name, found.severity) == ("EL901", "some-name", Severity.ERROR)
    assert (found.file, found.line, found.subject) == ("a/conda-lock.yml", 4, "numpy")
    assert (found.message, found.remedy) == ("it is so.", "mend it.")


def test_a_hit_can_be_more_exact_than_its_rule():
    hit = Hit(message="it is so.", remedy="mend numpy.", severity=Severity.NOTE)

    (found,) = findings(rule("EL901", "", hit), reading())

    assert (found.severity, found.remedy) == (Severity.NOTE, "mend numpy.")


def test_findings_are_ordered_by_place_and_then_by_code():
    late = rule("EL902", "", Hit(message="c.", line=9), Hit(message="a.", line=1))
    early = rule("EL901", "", Hit(message="d.", line=9), Hit(message="b.", line=3))

    assert [item[-2:] for item in told((late, early), reading())] == ["a.", "b.", "d.", "c."]


def test_one_hit_found_twice_is_told_once():
    hit = Hit(message="it is so.")

    assert len(findings(rule("EL901", "", hit, hit), reading())) == 1


def test_three_of_one_cause_are_told_one_by_one():
    assert told(EACH, reading(*rows(3))) == [
        "error at 1 (p02): p02 is here.",
        "error at 2 (p01): p01 is here.",
        "error at 3 (p00): p00 is here.",
    ]


def test_four_of_one_cause_are_one_finding_in_the_order_of_their_lines():
    (found,) = findings(EACH, reading(*rows(4)))

    assert found.message == "4 are here: `p03`, `p02`, `p01` and `p00`."
    assert (found.line, found.subject) == (1, "")
    assert found.subjects == ("p03", "p02", "p01", "p00")


def test_a_great_many_of_one_cause_are_counted():
    (found,) = findings(EACH, reading(*rows(1200)))

    assert found.message == "1,200 are here: `p1199`, `p1198`, `p1197` and 1,197 more."
    assert len(found.subjects) == 1200


def test_several_of_one_cause_about_one_subject_are_one_finding():
    hits = [
        Hit(message=f"file {at} is bad.", subject="torch", line=at, together="{count}: {subjects}.")
        for at in (7, 5, 6, 8)
    ]

    assert told(rule("EL901", "", *hits), reading()) == [
        "error at 5 (torch): file 5 is bad. So it is with 3 more of `torch`."
    ]


def test_several_of_one_cause_in_a_line_without_a_subject_are_one_finding():
    hits = [Hit(message=f"`{at}` is bad.", line=5, together="{count}: {subjects}.") for at in "abc"]

    assert told(rule("EL901", "", *hits), reading()) == [
        "error at 5: `a` is bad. So it is with 2 more in this line."
    ]


def test_the_same_of_one_subject_at_other_lines_is_told_at_the_first():
    hits = [
        Hit(message="torch is bad.", subject="torch", line=at, together="{count}: {subjects}.")
        for at in (7, 5)
    ]

    assert told(rule("EL901", "", *hits), reading()) == ["error at 5 (torch): torch is bad."]


def test_many_hits_that_nothing_is_said_of_together_stay_apart():
    hits = [Hit(message=f"file {at} is bad.", subject="torch", line=at) for at in range(1, 7)]

    assert len(told(rule("EL901", "", *hits), reading())) == 6


def test_hits_of_another_severity_or_remedy_are_not_told_together():
    hits = [
        Hit(message=f"{name}.", subject=name, together="{count}.", severity=severity)
        for name, severity in zip("abcdef", [None, None, None, *[Severity.NOTE] * 3], strict=True)
    ]

    assert len(findings(rule("EL901", "", *hits), reading())) == 6


@pytest.mark.parametrize("key", ["EL901", "rule-el901"])
def test_a_policy_names_the_severity_by_code_or_by_name(key: str):
    given = policy(severities={key: Severity.NOTE})

    assert told(EACH, case(reading(conda("numpy")), policy=given)) == [
        "note (numpy): numpy is here."
    ]


@pytest.mark.parametrize("key", ["EL901", "rule-el901"])
def test_a_policy_switches_a_rule_off(key: str):
    given = policy(severities={key: None})

    outcome = judged(EACH, case(reading(conda("numpy")), policy=given))

    assert (outcome.findings, outcome.ignored, outcome.unlooked) == ((), (), ())


def test_a_rule_for_other_formats_is_not_run():
    wishes_only = rule("EL901", "", Hit(message="it is so."), kinds=WISHES)

    assert told(wishes_only, reading(kind=FileKind.CONDA_LOCK)) == []
    assert told(wishes_only, reading(kind=FileKind.DOCKERFILE)) == ["error: it is so."]
    assert not LOCKS & WISHES


def test_an_ignored_finding_is_kept_with_its_reason():
    given = policy(ignores=(Ignore(rule="EL901", reason="we know it", package="numpy"),))
    rows_of_two = reading(conda("numpy", line=1), conda("scipy", line=2))

    outcome = judged(EACH, case(rows_of_two, policy=given))

    assert [item.subject for item in outcome.findings] == ["scipy"]
    (passed,) = outcome.ignored
    assert (passed.finding.subject, passed.reason) == ("numpy", "we know it")


def test_an_ignored_package_is_taken_out_before_many_are_told_together():
    given = policy(ignores=(Ignore(rule="rule-el901", reason="known", package="p00"),))

    outcome = judged(EACH, case(reading(*rows(5)), policy=given))

    assert [item.message for item in outcome.findings] == [
        "4 are here: `p04`, `p03`, `p02` and `p01`."
    ]
    assert [item.finding.subject for item in outcome.ignored] == ["p00"]


@pytest.mark.parametrize(("expires", "holds"), [("2026-11-28", True), ("2026-11-27", False)])
def test_an_exception_holds_up_to_its_last_day(expires: str, *, holds: bool):
    given = policy(ignores=(Ignore(rule="EL901", reason="until June", expires=expires),))

    outcome = judge(case(reading(conda("numpy")), policy=given), (EACH,), TODAY)

    assert [item.reason for item in outcome.ignored] == [f"until June (until {expires})"] * holds
    assert len(outcome.findings) == (not holds)


@pytest.mark.parametrize(("pattern", "holds"), [("docker/*", True), ("src/*", False)])
def test_an_exception_can_be_for_some_files_alone(pattern: str, *, holds: bool):
    given = policy(ignores=(Ignore(rule="EL901", reason="an image", file=pattern),))
    found = reading(conda("numpy"), file="docker/conda-lock.yml")

    assert len(judged(EACH, case(found, policy=given)).ignored) == holds


@pytest.mark.parametrize("number", [1, 9])
def test_what_is_in_the_baseline_passes_whether_told_alone_or_together(number: int):
    found = reading(*rows(number))
    known = frozenset(item.identity for item in findings(EACH, found))

    outcome = judged(EACH, found, Ruling(today="2026-11-28", baseline=known))

    assert outcome.findings == ()
    assert [item.reason for item in outcome.ignored] == ["in the baseline"]


def test_lines_may_move_without_leaving_the_baseline():
    known = frozenset(item.identity for item in findings(EACH, reading(conda("numpy", line=3))))

    outcome = judged(
        EACH, reading(conda("numpy", line=80)), Ruling(today="2026-11-28", baseline=known)
    )

    assert [type(item) for item in outcome.ignored] == [Ignored]


def test_a_rule_that_could_not_look_says_so_and_finds_nothing():
    needing = rule("EL901", "", Hit(message="it is so."), needs=(Sight.STACK, Sight.RECEIPT))

    outcome = judged(needing, case(reading(), sights=seen(Sight.STACK)))

    assert outcome.findings == ()
    assert outcome.unlooked == (Unlooked(what="receipts", reason="it was not looked at"),)


def test_what_two_rules_could_not_see_is_told_once():
    blind = (rule("EL901", needs=(Sight.STACK,)), rule("EL902", needs=(Sight.STACK,)))

    assert [item.what for item in judged(blind, reading()).unlooked] == ["the stack"]


def test_a_rule_that_is_off_is_not_told_as_unlooked():
    off = policy(severities={"EL901": None})
    needing = rule("EL901", needs=(Sight.STACK,))

    assert judged(needing, case(reading(), policy=off)).unlooked == ()


def test_a_level_is_reached_only_with_all_before_it():
    deepest = seen(Sight.RESOLVE, Sight.REBUILD, Sight.PROOF)
    without_rebuild = seen(Sight.RESOLVE, Sight.PROOF)

    levels = [judged((), case(reading(), sights=item)).level for item in (deepest, without_rebuild)]

    assert levels == [AuditLevel.PROVE, AuditLevel.RESOLVE]
    assert judged((), reading()).level is AuditLevel.LOCK


def test_the_verdict_names_the_format_and_counts_the_rows():
    outcome = judged((), reading(conda("numpy"), kind=FileKind.PIXI, format_version="6"))

    assert (outcome.kind, outcome.packages) == ("pixi 6", 1)


def test_no_rule_can_show_a_secret():
    """Whatever a rule quotes, the engine takes the secrets out of it."""
    address = "https://user:hunter2hunter2@conda.example/x"
    hit = Hit(message=f"`{address}` is there.", subject=address, remedy=f"leave {address} out.")

    (found,) = findings(rule("EL901", "", hit), reading())

    hidden = "https://***@conda.example/x"
    assert (found.subject, found.message) == (hidden, f"`{hidden}` is there.")
    assert found.remedy == f"leave {hidden} out."
