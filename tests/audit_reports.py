"""Reports of audits for the tests of their forms: one of everything, and hostile ones."""

from __future__ import annotations

from envlock.model.finding import (
    IN_BASELINE,
    AuditReport,
    BaselineUse,
    Finding,
    Ignored,
    Judged,
    Known,
    Notice,
    RuleText,
    Severity,
    Unlooked,
    Unreadable,
)
from envlock.model.stack import AuditLevel

HASHES = RuleText(
    code="EL101",
    name="missing-hash",
    title="files without a hash",
    reason="Nobody can tell whether the file is the one that was locked.",
    remedy="lock it again",
    severity=Severity.ERROR,
)
TAGS = RuleText(
    code="EL203",
    name="open-tag",
    title="images by a tag",
    reason="A tag moves.",
    remedy="name the image by its digest",
    severity=Severity.WARNING,
)
RECEIPTS = RuleText(
    code="EL701",
    name="missing-receipt",
    title="locks without a receipt",
    reason="Nobody has seen it train.",
    remedy="run `envlock verify`",
    severity=Severity.NOTE,
)
RULES = (HASHES, TAGS, RECEIPTS)


def found(
    rule: RuleText = HASHES,
    *,
    file: str = "api/uv.lock",
    line: int = 0,
    subject: str = "",
    **more: str,
) -> Finding:
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=rule.severity,
        file=file,
        line=line,
        subject=subject,
        message=more.get("message", f"`{subject or 'it'}` has no hash."),
        remedy=more.get("remedy", rule.remedy),
    )


def judged(*findings: Finding, file: str = "api/uv.lock", **more: object) -> Judged:
    """A file that all rules but the one about receipts looked at."""
    return Judged(
        file=file,
        kind="uv 1",
        packages=12,
        findings=findings,
        applied=("EL101", "EL203"),
        unapplied={"EL701": "not looked at: receipts (there is none)"},
        unlooked=(Unlooked(what="receipts", reason="there is none"),),
        **more,  # type: ignore[arg-type]
    )


def report(*files: Judged, **more: object) -> AuditReport:
    return AuditReport(judged=files, asked=AuditLevel.LOCK, **more)  # type: ignore[arg-type]


def whole() -> AuditReport:
    """One of everything."""
    lock = judged(
        found(line=3, subject="numpy"),
        found(line=9, subject="six"),
        ignored=(
            Ignored(finding=found(line=20, subject="old"), reason="our mirror has none"),
            Ignored(finding=found(line=30, subject="known"), reason=IN_BASELINE),
        ),
    )
    file = "a b/Dockerfile"
    docker = judged(
        found(TAGS, file=file, line=1, subject="base", message="`base:latest` moves."),
        found(TAGS, file=file, line=4, subject="two", message="`two:1` moves.", remedy="pin it"),
        file=file,
        fail_on=Severity.ERROR,
    )
    return report(
        lock,
        docker,
        unreadable=(
            Unreadable(file="b.lock", problem="b.lock:1: expected text", hints=("is it a lock?",)),
        ),
        notices=(Notice(where="pyproject.toml:3: x", said="EL101 ran out", remedy="remove it"),),
        baseline=BaselineUse(
            file="known.json",
            known=1,
            gone=(Known(rule="EL101", file="api/uv.lock", subject="gone", message="it is gone"),),
        ),
    )


def saying(text: str) -> AuditReport:
    """A report that holds a foreign text wherever one can stand."""
    one = found(file=text, line=2, subject=text, message=text, remedy=text)
    return report(
        Judged(
            file=text,
            kind=text,
            packages=1,
            findings=(one,),
            ignored=(Ignored(finding=one, reason=text), Ignored(finding=one, reason=IN_BASELINE)),
            unlooked=(Unlooked(what=text, reason=text),),
            applied=("EL101",),
            unapplied={"EL701": text},
        ),
        unreadable=(Unreadable(file=text, problem=text, hints=(text,)),),
        notices=(Notice(where=text, said=text, remedy=text),),
        baseline=BaselineUse(
            file=text, known=1, gone=(Known(rule="EL101", file=text, subject=text, message=text),)
        ),
    )
