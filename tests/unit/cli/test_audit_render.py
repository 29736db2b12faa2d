"""An audit as a person reads it on a terminal."""

from __future__ import annotations

from audit_reports import HASHES, found, judged, report
from envlock.cli.audit_render import Paint, render, render_rule
from envlock.model.finding import AuditReport, Ignored, Judged, Unlooked


def text(shown: AuditReport, *, is_quiet: bool = False) -> str:
    return "\n".join(render(shown, is_quiet=is_quiet, paint=Paint(is_on=False)))


def blind(file: str, *reasons: tuple[str, str]) -> Judged:
    return Judged(
        file=file,
        kind="uv 1",
        packages=2,
        unlooked=tuple(Unlooked(what=what, reason=reason) for what, reason in reasons),
    )


def test_files_with_nothing_to_tell_of_are_named_with_what_they_were_read_as():
    passed = (Ignored(finding=found(subject="old"), reason="our mirror has none"),)
    shown = report(
        judged(found(line=3, subject="numpy")),
        judged(file="a/uv.lock"),
        judged(file="b/uv.lock"),
        judged(file="c/uv.lock", ignored=passed),
    )

    assert (
        "\n\nNothing found in a/uv.lock (uv 1, 12 packages) and b/uv.lock (uv 1, 12 packages).\n\n"
    ) in text(shown)
    assert "Nothing found" not in text(shown, is_quiet=True)


def test_of_many_such_files_five_are_named():
    shown = report(*(judged(file=f"{number}/uv.lock") for number in range(7)))

    assert text(shown).startswith(
        "Nothing found in 0/uv.lock (uv 1, 12 packages), 1/uv.lock (uv 1, 12 packages), 2/uv.lock "
        "(uv 1, 12\n"
        "  packages), 3/uv.lock (uv 1, 12 packages), 4/uv.lock (uv 1, 12 packages) and 2 more.\n"
    )


def test_what_was_not_looked_at_names_the_option_that_looks_and_a_reason_once():
    machine = ("the fleet's driver", "nobody said it: `--driver 535`")
    shown = report(
        blind(
            "a.conda-lock.yml",
            machine,
            ("a licence policy", "there is none"),
            ("a second solve", "`--level resolve` does it"),
            ("a second build", "`--level build` does it"),
            ("a second verification", "`--level prove` does it"),
        ),
        blind(
            "uv.lock",
            machine,
            ("a second build", "only after a second solve"),
            ("a second verification", "only after a second solve"),
        ),
    )

    assert text(shown).endswith(
        "Not looked at: the fleet's driver (`--driver 535`); a licence policy (there is none; in 1 "
        "file); a\n"
        "  second solve, a second build and a second verification (`--level` looks deeper; in 1 "
        "file); a\n"
        "  second build and a second verification (only after a second solve; in 1 file)."
    )


def test_a_rule_says_that_a_finding_may_be_worse_or_milder():
    assert list(render_rule(HASHES, Paint(is_on=False)))[:4] == [
        "EL101 missing-hash (error): files without a hash",
        "",
        "Nobody can tell whether the file is the one that was locked.",
        "A finding whose case is worse or milder than usual says another severity.",
    ]
