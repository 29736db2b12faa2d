"""What a bisection tells a person: the answer, its evidence, and what it took."""

from __future__ import annotations

from collections.abc import Callable

from envlock.backends.rattler_specs import RattlerSpecs
from envlock.cli.bisect_render import describe, render
from envlock.model.bisect import Grade, Graded, Trial
from envlock.model.lock import LockedPackage
from envlock.solve.coupling import find_links, find_steps
from envlock.solve.culprits import Moved, find_culprits
from envlock.solve.moves import find_way
from envlock.workflows.bisect import Bisection, Tried
from locks import locked, make_lock

LABELS = ("good.yml", "bad.yml")


def bisected(
    look: Callable[[Moved], Grade],
    good: list[LockedPackage] | None = None,
    bad: list[LockedPackage] | None = None,
) -> Bisection:
    names = "abcd"
    before = make_lock(*(good or [locked(name) for name in names]))
    after = make_lock(*(bad or [locked(name, "2.0") for name in names]))
    way = find_way(before, after, "linux-64")
    links = find_links(way, RattlerSpecs())
    steps = find_steps([move.name for move in way.moves], links)
    tried: list[Tried] = []

    def keep(moved: Moved) -> Grade:
        grade = look(moved)
        label = "env-" + ("".join(sorted(moved)) or "none")
        trial = Trial(label=label, graded=Graded(grade=grade, said=f"it is {grade}"))
        tried.append(Tried(moved=moved, trial=trial, is_recalled=not tried, is_new=bool(tried)))
        return grade

    search = find_culprits(steps, keep)
    return Bisection(
        way=way, links=links, steps=steps, search=search, tried=tuple(tried), notes="/notes"
    )


def bad_with(*names: str) -> Callable[[Moved], Grade]:
    return lambda moved: Grade.BAD if moved.issuperset(names) else Grade.GOOD


def told(found: Bisection) -> str:
    return "\n".join(render(found, LABELS))


def test_one_package_with_its_pair_of_environments():
    assert told(bisected(bad_with("c"))) == (
        "good.yml -> bad.yml on linux-64\n"
        "4 packages differ, 4 steps between them\n"
        "\n"
        "c 1.0 0 -> 2.0 0 makes the difference\n"
        "\n"
        "two environments that differ in c alone:\n"
        "  without  good  it is good  env-ab\n"
        "  with     bad   it is bad   env-abc\n"
        "\n"
        "on top of the good lock that alone is enough:\n"
        "  bad  it is bad  env-c\n"
        "\n"
        "5 environments: 4 built, 1 known from before\n"
        "found after 4, 1 more to see that it is enough; log2 of 4 steps + 2 is 4\n"
        "notes: /notes"
    )


def test_two_that_are_bad_only_together():
    text = told(bisected(bad_with("b", "d")))

    assert (
        "these 2 make the difference together, and none of them alone:\n"
        "  b 1.0 0 -> 2.0 0\n"
        "  d 1.0 0 -> 2.0 0\n"
    ) in text
    assert "two environments that differ in d alone:" in text
    assert "two environments that differ in b alone:" in text


def test_two_that_can_only_be_changed_together_and_why():
    good = [locked("a", needs=["b <2"]), locked("b"), locked("c")]
    bad = [locked("a", "2.0", needs=["b >=2"]), locked("b", "2.0"), locked("c", "2.0")]

    text = told(bisected(bad_with("a"), good, bad))

    assert "3 packages differ, 2 steps between them, 1 of several packages" in text
    assert "these 2 make the difference; they can only be changed together:" in text
    assert "two environments that differ in a and 1 more alone:" in text
    assert "together, since a 2.0 needs b >=2, found 1.0 0" in text


def test_what_a_package_needs_is_told_beside_it():
    bad = [locked("a", "2.0", needs=["b >=2"]), *[locked(name, "2.0") for name in "bcd"]]

    text = told(bisected(bad_with("a"), None, bad))

    assert "a 1.0 0 -> 2.0 0 makes the difference" in text
    assert "on top of the good lock that is enough, with what it needs: b\n" in text


def test_a_remainder_names_what_could_not_be_told():
    def look(moved: Moved) -> Grade:
        return Grade.SKIPPED if ("b" in moved) != ("c" in moved) else bad_with("b")(moved)

    text = told(bisected(look))

    assert (
        "one or more of these 2 make the difference, and no more can be told:\n"
        "  b 1.0 0 -> 2.0 0\n"
        "  c 1.0 0 -> 2.0 0\n"
    ) in text
    assert "2 environments between them could not be told:\n  it is skipped  env-ab\n" in text


def test_ends_that_are_not_what_was_said():
    assert "good.yml is not good: it is bad\n  looked at in env-none" in told(
        bisected(lambda _: Grade.BAD)
    )
    assert "bad.yml is not bad: it is good\n  looked at in env-abcd" in told(
        bisected(lambda _: Grade.GOOD)
    )


def test_programs_get_all_of_it():
    data = describe(bisected(bad_with("c")), LABELS)

    assert data["answer"] == "found"
    assert data["enough"] == ["c"]
    assert (data["tries"], data["tries_to_find"], data["most_tries_for_one"]) == (5, 4, 4)
    assert [each["grade"] for each in data["environments"]] == [  # type: ignore[attr-defined]
        *("good", "bad", "good", "bad", "bad")
    ]
