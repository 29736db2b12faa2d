"""What a project tells its audits, and every fault of what it tells at once."""

from __future__ import annotations

import pytest

from envlock.errors import InputFileError
from envlock.formats.audit_policy import read_policy, require_policy
from envlock.model.finding import AuditPolicy, Ignore, Severity
from envlock.model.stack import AuditLevel

RULES = {
    "EL101": "EL101",
    "missing-hash": "EL101",
    "EL102": "EL102",
    "weak-hash": "EL102",
}
WHOLE = """\
level = "resolve"
fail-on = "error"
severity = { EL101 = "note", weak-hash = "off" }
licenses = { allow = ["MIT", "Apache-2.0"], deny = ["AGPL-3.0-only"] }
ignore = [
  { rule = "EL101", reason = "our mirror  has none", package = "zlib", file = "a/*" },
  { rule = "weak-hash", reason = "until the move", expires = "2027-01-31" },
]
"""


def policy_of(text: str, file: str = "stacks/a.toml") -> AuditPolicy | None:
    return read_policy(text.encode(), file, RULES)


def told(text: str, file: str = "stacks/a.toml") -> tuple[list[str], tuple[str, ...]]:
    with pytest.raises(InputFileError) as caught:
        policy_of(text, file)
    return str(caught.value).split("\n"), caught.value.hints


def test_every_key_reaches_the_policy():
    assert policy_of(f"[audit]\n{WHOLE}") == AuditPolicy(
        file="stacks/a.toml",
        level=AuditLevel.RESOLVE,
        fail_on=Severity.ERROR,
        severities={"EL101": Severity.NOTE, "weak-hash": None},
        ignores=(
            Ignore(
                rule="EL101",
                reason="our mirror has none",
                package="zlib",
                file="a/*",
                where="stacks/a.toml:7: audit.ignore[0]",
            ),
            Ignore(
                rule="weak-hash",
                reason="until the move",
                expires="2027-01-31",
                where="stacks/a.toml:8: audit.ignore[1]",
            ),
        ),
        allowed_licenses=("MIT", "Apache-2.0"),
        denied_licenses=("AGPL-3.0-only",),
    )


def test_a_pyproject_says_it_of_its_machines_too():
    more = 'driver = "535"\nglibc = "2.28"\ncompute = ["8.0"]\n'

    found = policy_of(f"[tool.envlock.audit]\n{WHOLE}{more}", "api/pyproject.toml")

    assert found is not None
    assert (found.driver, found.glibc, found.compute) == ("535", "2.28", ("8.0",))
    assert found.ignores[1].where == "api/pyproject.toml:8: tool.envlock.audit.ignore[1]"


def test_a_day_may_be_written_without_quotes():
    text = '[[audit.ignore]]\nrule = "EL101"\nreason = "x"\nexpires = 2027-01-31\n'

    found = policy_of(text)

    assert found is not None
    assert found.ignores[0].expires == "2027-01-31"


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ('[stack]\nname = "audit"\n', "a.toml"),
        ('[project]\nname = "x"\n', "pyproject.toml"),
        ("[tool.other]\naudit = 1\n", "pyproject.toml"),
        ('[tool.envlock]\n[project]\nname = "audit"\n', "pyproject.toml"),
        ("this is no TOML, and no word of ours is in it", "pyproject.toml"),
    ],
)
def test_a_file_without_the_table_says_nothing(text: str, file: str):
    assert policy_of(text, file) is None


def test_a_file_that_was_named_for_it_must_say_something():
    with pytest.raises(InputFileError) as caught:
        require_policy(b'[stack]\nname = "a"\n', "p.toml", RULES)

    assert str(caught.value) == (
        "p.toml: expected a policy, found neither [audit] nor [tool.envlock.audit]"
    )


def test_a_bare_code_is_told_that_it_needs_a_reason_and_how_to_write_one():
    assert told('[audit]\nignore = ["EL101"]\n') == (
        ["stacks/a.toml:2: audit.ignore[0]: expected a table, found the string `EL101`"],
        (
            "an exception needs a reason: write `[[audit.ignore]]` with "
            '`rule = "EL101"` and `reason = "why it may pass"`',
        ),
    )


def test_a_lone_code_is_told_so_too():
    assert told('[tool.envlock.audit]\nignore = "EL101"\n', "pyproject.toml") == (
        [
            "pyproject.toml:2: tool.envlock.audit.ignore: expected an array of tables, found the "
            "string `EL101`"
        ],
        (
            "an exception needs a reason: write `[[tool.envlock.audit.ignore]]` with "
            '`rule = "EL101"` and `reason = "why it may pass"`',
        ),
    )


def test_every_fault_is_told_at_once_with_its_line():
    text = """\
[audit]
levle = "lock"
fail-on = "fatal"
[audit.severity]
EL101 = "off"
missing-hash = "error"
el102 = "off"
QQ999 = "of"
[audit.licenses]
deny = ["MIT", "MIT"]
[[audit.ignore]]
rule = "mising-hash"
reason = "  "
expires = "2027-02-30"
[[audit.ignore]]
rule = "QQ999"
"""

    assert told(text) == (
        [
            "stacks/a.toml:2: audit.levle: unknown key",
            "stacks/a.toml:3: audit.fail-on: expected `error`, `warning` or `note`, found `fatal`",
            "stacks/a.toml:6: audit.severity.missing-hash: `EL101` is the same rule, and has a "
            "severity already",
            "stacks/a.toml:7: audit.severity.el102: there is no rule `el102`",
            "stacks/a.toml:8: audit.severity.QQ999: expected `error`, `warning`, `note` or `off`, "
            "found `of`",
            "stacks/a.toml:10: audit.licenses.deny[1]: `MIT` is named twice, first as "
            "`audit.licenses.deny[0]`",
            "stacks/a.toml:12: audit.ignore[0].rule: there is no rule `mising-hash`",
            "stacks/a.toml:13: audit.ignore[0].reason: expected a reason: one line of text that "
            "is not blank, found `  `",
            "stacks/a.toml:14: audit.ignore[0].expires: expected a day such as 2027-01-31, found "
            "`2027-02-30`",
            "stacks/a.toml:15: audit.ignore[1].reason: this key is missing",
            "stacks/a.toml:16: audit.ignore[1].rule: there is no rule `QQ999`",
        ],
        (
            "did you mean `audit.level`?",
            "keep one of the two",
            "did you mean `EL102`?",
            "did you mean `off`?",
            "did you mean `missing-hash`?",
            'add `reason = "why it may pass"` to [audit.ignore[1]]',
            "`envlock audit --rules` lists them",
        ),
    )


def test_a_moment_is_no_day():
    text = '[[audit.ignore]]\nrule = "EL101"\nreason = "x"\nexpires = 2027-01-31T00:00:00Z\n'

    assert told(text)[0] == [
        "stacks/a.toml:4: audit.ignore[0].expires: expected a day such as 2027-01-31, found the "
        "date or time 2027-01-31 00:00:00+00:00"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("audit = 5", "1: audit: expected a table, found another value"),
        ("[tool]\nenvlock = 5  # audit", "2: tool.envlock: expected a table, found another value"),
        ("[tool.envlock.audits]", "1: tool.envlock.audits: unknown key"),
    ],
)  # fmt: skip
def test_a_table_in_another_shape_is_no_policy_that_is_silently_left_out(text: str, problem: str):
    file = "pyproject.toml" if "tool" in text else "a.toml"

    assert told(text, file)[0] == [f"{file}:{problem}"]


def test_the_rest_of_a_stack_may_be_at_fault():
    found = policy_of('[stack]\nname = 5\n[audit]\nfail-on = "note"\n')

    assert found is not None
    assert found.fail_on is Severity.NOTE
