"""An audit as Markdown: the whole text of a small report, and what no text may do to it."""

from __future__ import annotations

import pytest

from audit_reports import RULES, TAGS, found, judged, report, whole
from envlock.formats.audit_markdown import LONGEST, escape, format_audit_markdown
from envlock.model.finding import Unreadable

EXPECTED = """\
## ⚠️ envlock audit: incomplete

1 file could not be read; 2 errors, 2 warnings in 2 files. \
May pass: 1 in the baseline, 1 by the policy. Level reached: **lock**.

### What could not be read

- b.lock:1: expected text; is it a lock?

| | Rule | Place | What is there |
|---|---|---|---|
| error | EL101 missing-hash | api/uv.lock, line 3 | <code>numpy</code> has no hash. |
| error | EL101 missing-hash | api/uv.lock, line 9 | <code>six</code> has no hash. |
| warning | EL203 open-tag | a b/Dockerfile, line 1 | <code>base:latest</code> moves. |
| warning | EL203 open-tag | a b/Dockerfile, line 4 | <code>two:1</code> moves. |

### What to do

- **EL101 missing-hash** (2 findings): Nobody can tell whether the file is the one that was locked.
  - lock it again
- **EL203 open-tag** (2 findings): A tag moves.
  - name the image by its digest
  - pin it

### Policy

- pyproject.toml:3: x: EL101 ran out; remove it
- known.json knows 1 finding that does not occur any more

<details><summary>Not looked at: 1</summary>

- receipts: there is none

</details>
"""


def test_a_report_with_everything_as_a_whole():
    assert format_audit_markdown(whole(), RULES) == EXPECTED


def test_a_clean_report_is_short():
    assert format_audit_markdown(report(judged())) == (
        "## ✅ envlock audit: passed\n\n"
        "Nothing found in 1 file. Level reached: **lock**.\n\n"
        "<details><summary>Not looked at: 1</summary>\n\n"
        "- receipts: there is none\n\n"
        "</details>\n"
    )


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a | b", "a \\| b"),
        ("`a_b` and `c", "<code>a\\_b</code> and \\`c"),
        ("<img src=x>", "&lt;img src\\=x&gt;"),
        ("a\n\n# b", "a #<!-- --> b"),
        ("[x](y) ![z](w)", "\\[x\\]\\(y\\) \\!\\[z\\]\\(w\\)"),
        (
            "see https://x.example or WWW.x.example",
            "see https&#58;//x.example or WWW&#46;x.example",
        ),
        ("@someone, #12, $x$", "@<!-- -->someone, #<!-- -->12, &#36;x&#36;"),
        ("a\u202eb\x00", "a\\\\u202eb\\\\x00"),
        ("1.2.3-h0", "1.2.3-h0"),
    ],
)
def test_no_text_is_anything_but_text(text: str, escaped: str):
    assert escape(text) == escaped


def test_a_long_report_fits_into_a_comment_the_worst_first():
    many = [
        found(TAGS, line=line, subject=str(line), message="|" * 3000, remedy=f"{line} {'#' * 500}")
        for line in range(1, 300)
    ]

    unread = [Unreadable(file="a", problem="#" * 300, hints=()) for _ in range(100)]
    log = report(judged(*many, found(line=9999, subject="worst")), unreadable=tuple(unread))

    text = format_audit_markdown(log, RULES)

    assert "- and 99 more" in text
    assert len(text) < LONGEST
    rows = [line for line in text.splitlines() if line.startswith(("| error", "| warning"))]
    assert "line 9999" in rows[0]
    assert f"{300 - len(rows)} more findings, none worse: there is no room here." in text
    assert "There is no room for the rest: `envlock audit --explain RULE` tells it." in text
