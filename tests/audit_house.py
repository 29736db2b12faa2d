"""An audit's tools over a real folder, and what it says in lines."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from envlock.audit.engine import Ruling
from envlock.audit.rule import Rule
from envlock.audit.rules import all_rules
from envlock.cli.audit_wiring import make_audit_tools
from envlock.model.finding import AuditPolicy, AuditReport
from envlock.model.stack import AuditLevel
from envlock.workflows.audit import AuditRequest, audit
from envlock.workflows.audit_tools import AuditTools


def rules(*codes: str) -> Sequence[Rule]:
    """The rules whose codes begin so."""
    return tuple(rule for rule in all_rules() if rule.code.startswith(codes))


def tools(*codes: str) -> AuditTools:
    """The real tools, with the rules whose codes begin so."""
    options = Namespace(quiet=True, key=[], online=False, python=None, jobs=2, offline=True)
    return dataclasses.replace(make_audit_tools(options), rules=rules(*codes))


def audited(
    *paths: object,
    codes: Sequence[str] = ("EL5",),
    level: AuditLevel = AuditLevel.LOCK,
    policy: AuditPolicy | None = None,
    prefix: str | None = None,
    advisories: Sequence[str] = (),
    **more: Any,
) -> AuditReport:
    """What the rules whose codes begin so say of paths; `more` replaces tools."""
    request = AuditRequest(
        paths=tuple(map(str, paths)),
        ruling=Ruling(today="2026-11-28"),
        policy=policy or AuditPolicy(),
        level=level,
        prefix=prefix,
        advisories=tuple(advisories),
    )
    return audit(request, dataclasses.replace(tools(*codes), **more))


def lines(report: AuditReport) -> list[str]:
    """The findings as `EL501 gpu.cuda: message`."""
    return [
        f"{item.code}{f' {item.subject}' if item.subject else ''}: {item.message}"
        for item in report.findings
    ]
