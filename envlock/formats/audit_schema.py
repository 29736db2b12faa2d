"""What `[audit]` of a stack, and `[tool.envlock]` of a pyproject.toml, may hold."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from envlock.formats.stack_values import (
    UNIQUE,
    Compute,
    Driver,
    Glibc,
    License,
    Line,
    Reason,
    RuleWord,
)
from envlock.model.finding import Severity
from envlock.model.stack import AuditLevel


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What every table of the file has in common: fixed keys, with dashes."""


class RuleSeverity(StrEnum):
    """How much the findings of a rule matter to a project."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    OFF = "off"


class IgnoreTable(_Table, frozen=True, kw_only=True):
    """One exception: findings that may pass, and why."""

    rule: RuleWord
    reason: Reason
    package: Annotated[Line, Meta(description="Only findings about this package.")] = ""
    file: Annotated[
        Line, Meta(description="Only findings in files that this pattern fits, such as `docker/*`.")
    ] = ""
    expires: (
        Annotated[
            date, Meta(description="The last day on which it holds.", examples=["2027-01-31"])
        ]
        | UnsetType
    ) = UNSET


class LicensesTable(_Table, frozen=True, kw_only=True):
    """Which licences the packages of an environment may have."""

    allow: Annotated[
        list[License],
        Meta(
            description="Empty allows all that is not denied.",
            extra_json_schema={"uniqueItems": True},
        ),
    ] = []
    deny: Annotated[list[License], UNIQUE] = []


class AuditTable(_Table, frozen=True, kw_only=True):
    """What `envlock audit` does when the command line does not say."""

    level: AuditLevel | UnsetType = UNSET
    fail_on: (
        Annotated[Severity, Meta(description="Findings as bad as this, or worse, fail the audit.")]
        | UnsetType
    ) = UNSET
    severity: dict[RuleWord, RuleSeverity] = {}
    ignore: list[IgnoreTable] = []
    licenses: LicensesTable = LicensesTable()


class ProjectAuditTable(AuditTable, frozen=True, kw_only=True):
    """`[tool.envlock.audit]` of a pyproject.toml, which has no `[fleet]` and no `[gpu]`."""

    driver: Driver | UnsetType = UNSET
    glibc: Glibc | UnsetType = UNSET
    compute: Annotated[list[Compute], UNIQUE] = []


class ProjectTable(_Table, frozen=True, kw_only=True):
    """`[tool.envlock]` of a pyproject.toml."""

    audit: ProjectAuditTable = ProjectAuditTable()
