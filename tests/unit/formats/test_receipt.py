"""The receipt as an in-toto Statement."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from envlock.errors import ReceiptError
from envlock.formats.canonical import digest_of, format_canonical
from envlock.formats.receipt import (
    LARGEST_RECEIPT_BYTES,
    format_receipt,
    read_receipt,
    stable_digest,
    without_varying,
)
from envlock.model.outcome import Failed, NotRun, Obligation, Passed
from envlock.model.receipt import HostLibrary, Receipt, Verdict, receipt_path
from receipts import (
    ALL_RECEIPTS,
    check,
    curve,
    digest,
    failed_receipt,
    foreign_receipt,
    incomplete_receipt,
    passed_receipt,
    subject,
    training_check,
)

Change = Callable[[dict[str, Any]], None]


def statement(receipt: Receipt | None = None) -> dict[str, Any]:
    return json.loads(format_receipt(receipt or passed_receipt()))


def written(document: Any) -> bytes:
    return f"{format_canonical(document)}\n".encode()


def refused(content: bytes) -> list[str]:
    with pytest.raises(ReceiptError) as caught:
        read_receipt(content, "a.receipt.json")
    return [str(fault).removeprefix("a.receipt.json: ") for fault in caught.value.faults]


def inside(document: dict[str, Any]) -> dict[str, Any]:
    return document["predicate"]["envlock"]["receipt"]


def test_the_receipt_of_a_lock_lies_beside_it():
    assert receipt_path("stacks/a.conda-lock.yml") == "stacks/a.receipt.json"


@pytest.mark.parametrize("make", ALL_RECEIPTS)
def test_a_receipt_is_read_as_it_was_written(make: Callable[[], Receipt]):
    content = format_receipt(make())

    receipt = read_receipt(content, "a")

    assert receipt == make()
    assert format_receipt(receipt) == content


def test_in_toto_reads_the_subject_and_the_result():
    document = statement(failed_receipt())

    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert document["subject"] == [
        {
            "name": "torch-cu121/lock",
            "digest": {"sha256": failed_receipt().subject.lock_sha256},
        },
        {"name": "torch-cu121/content", "digest": {"sha256": digest("content")}},
        {"name": "torch-cu121/tree", "digest": {"sha256": digest("tree")}},
    ]
    predicate = document["predicate"]
    assert predicate["result"] == "FAILED"
    assert predicate["passedTests"] == ["artifacts"]
    assert predicate["failedTests"] == ["pytorch.numbers.matmul.float32"]


def test_the_configuration_says_what_was_asked_and_names_the_pin():
    first, second = statement()["predicate"]["configuration"]

    asked = json.loads(b64decode(first["content"]))
    assert asked == {"level": "train", "device": "gpu", "data": "generated"}
    assert second == {"name": "index pin", "digest": {"sha256": digest("pin")}}


def test_a_check_that_was_not_run_counts_as_no_test_that_passed():
    predicate = statement(incomplete_receipt())["predicate"]

    assert predicate["result"] == "WARNED"
    assert predicate["passedTests"] == ["artifacts"]
    assert predicate["warnedTests"] == predicate["failedTests"] == []


def test_an_environment_that_envlock_did_not_build_is_named_by_what_was_found():
    (found,) = statement(foreign_receipt())["subject"]

    assert found["name"] == "my-container/found"
    other = statement(foreign_receipt(frameworks={"pytorch": "2.6.0"}))["subject"]
    assert other[0]["digest"] != found["digest"]


def test_a_whole_number_given_for_a_float_is_written_as_a_float():
    one = passed_receipt(seconds=3, checks=(check(Obligation.SPEED, "s", numbers={"n": 0}),))

    content = format_receipt(one)

    assert b'"n":0.0' in content
    assert b'"seconds":3.0' in content
    assert format_receipt(read_receipt(content, "a")) == content


def test_a_loss_that_is_no_number_is_null():
    diverged = msgspec.structs.replace(curve(), losses=(2.3, float("nan"), float("inf")))

    content = format_receipt(passed_receipt(curves=(diverged,)))

    assert b'"losses":[2.3,null,null]' in content
    losses = read_receipt(content, "a").curves[0].losses
    assert losses[1] != losses[1]
    assert format_receipt(read_receipt(content, "a")) == content


def test_a_path_that_is_no_text_is_written_with_escapes():
    libraries = (HostLibrary(path="/usr/lib/\udcff.so"),)

    content = format_receipt(passed_receipt(host_libraries=libraries))

    assert read_receipt(content, "a").host_libraries[0].path == "/usr/lib/\\udcff.so"


def test_no_home_folder_is_named():
    libraries = (HostLibrary(path="/home/alice/cuda/lib64/libcudart.so.12"),)
    said = Failed(said="/Users/bob/x.so is not of the store")
    checks = (check(Obligation.LIBRARIES, "libraries", said),)

    content = format_receipt(
        passed_receipt(host_libraries=libraries, checks=checks, verdict=Verdict.FAILED)
    )

    assert b"alice" not in content
    assert b"bob" not in content
    assert b"/home/~/cuda/lib64/libcudart.so.12" in content


def test_no_single_gpu_is_named():
    gpu = "GPU-6a1b2c3d-0000-1111-2222-333344445555"
    said = Failed(said=f"it trained on {gpu}, and the driver knows {gpu.upper()}, MIG{gpu[3:]}")
    checks = (check(Obligation.DEVICE, "device", said),)

    content = format_receipt(passed_receipt(checks=checks, verdict=Verdict.FAILED))

    assert b"it trained on GPU-***, and the driver knows GPU-***, MIG-***" in content
    read_receipt(content, "a")


def test_two_runs_compare_equal_but_for_time_and_speed():
    before = passed_receipt().checks
    later_check = training_check(Passed(said="1 example a second"), per_second=1.0)
    later = passed_receipt(
        verified_at="2026-11-25T11:11:11Z",
        seconds=99.0,
        checks=(*before[:2], later_check, *before[3:]),
    )

    assert format_receipt(later) != format_receipt(passed_receipt())
    assert format_receipt(without_varying(later)) == format_receipt(
        without_varying(passed_receipt())
    )
    assert stable_digest(later) == stable_digest(passed_receipt())


def test_the_reason_for_not_looking_may_tell_what_varies():
    before = passed_receipt().checks
    slow, slower = (
        passed_receipt(checks=(*before, check(Obligation.SPEED, "speed", said, varying=varying)))
        for said, varying in (
            (NotRun(reason="1 GB a second"), {"per_second": 1e9}),
            (NotRun(reason="2 GB a second"), {"per_second": 2e9}),
        )
    )

    assert stable_digest(slow) == stable_digest(slower)


def test_that_a_check_failed_is_part_of_the_stable_digest():
    before = passed_receipt().checks
    failed = training_check(Failed(said="it did not learn"))

    other = passed_receipt(checks=(*before[:2], failed, *before[3:]), verdict=Verdict.FAILED)

    assert stable_digest(other) != stable_digest(passed_receipt())


def test_what_does_not_vary_by_nature_is_part_of_the_stable_digest():
    other = passed_receipt(curves=(curve("other weights"),))

    assert stable_digest(other) != stable_digest(passed_receipt())


# --- what is not written --------------------------------------------------------------------------


def test_a_receipt_that_contradicts_itself_is_not_written():
    with pytest.raises(ReceiptError) as caught:
        format_receipt(failed_receipt(verdict=Verdict.PASSED, device="tpu"))

    assert str(caught.value) == (
        "predicate.envlock.receipt.device: expected gpu or cpu, found `tpu`\n"
        "predicate.envlock.receipt.verdict: altered: `passed` with 1 failed and 1 not run of 3 "
        "checks\n"
        "No receipt was written."
    )


# --- what is not read -----------------------------------------------------------------------------


def test_every_fault_is_reported_at_once_with_its_key():
    document = statement()
    receipt = inside(document)
    receipt["speed"] = 1
    receipt["host"]["cpus"] = "16"
    receipt["checks"][1]["outcome"]["type"] = "Perhaps"
    receipt["checks"][2]["numbers"]["accuracy"] = 1
    receipt["curves"][0]["losses"][0] = "low"
    del receipt["level"]

    assert refused(written(document)) == [
        "predicate.envlock.receipt.checks[1].outcome.type: expected one of Failed, NotRun, "
        "Passed, found `Perhaps`",
        "predicate.envlock.receipt.checks[2].numbers.accuracy: expected a finite number with its "
        "point, such as 1.0, found the number 1",
        "predicate.envlock.receipt.curves[0].losses[0]: expected a finite number with its point, "
        "such as 1.0, found `low`",
        "predicate.envlock.receipt.host.cpus: expected a whole number of at most 63 bits, found "
        "`16`",
        "predicate.envlock.receipt.speed: unknown key",
        "predicate.envlock.receipt.level: expected this key, found none",
    ]


def change_result(document: dict[str, Any]) -> None:
    document["predicate"]["result"] = "WARNED"


def change_lists(document: dict[str, Any]) -> None:
    document["predicate"]["passedTests"].pop()


def change_subject(document: dict[str, Any]) -> None:
    document["subject"][1]["digest"]["sha256"] = "0" * 64


def change_accuracy(document: dict[str, Any]) -> None:
    inside(document)["checks"][2]["numbers"]["accuracy"] = 0.99


def change_outcome(document: dict[str, Any]) -> None:
    outcome = {"type": "Failed", "said": "no"}
    inside(document)["checks"][0]["outcome"] = outcome


def add_key(document: dict[str, Any]) -> None:
    document["predicate"]["url"] = "https://example.com"


def change_version(document: dict[str, Any]) -> None:
    document["predicate"]["envlock"]["version"] = 2


def drop_ours(document: dict[str, Any]) -> None:
    del document["predicate"]["envlock"]


def drop_predicate(document: dict[str, Any]) -> None:
    document["predicate"] = []


def drop_lists(document: dict[str, Any]) -> None:
    del document["predicate"]["warnedTests"]


def drop_checks(document: dict[str, Any]) -> None:
    inside(document)["checks"] = []


def change_type(document: dict[str, Any]) -> None:
    document["predicateType"] = "https://slsa.dev/provenance/v1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_result, "predicate.result: altered: the receipt gives `PASSED`, found `WARNED`"),
        (
            change_lists,
            "predicate.passedTests: altered: the receipt gives an array of 3, found an array of 2",
        ),
        (
            change_subject,
            f"subject[1].digest.sha256: altered: the receipt gives `{digest('content')}`, found "
            f"`{'0' * 64}`",
        ),
        (
            change_outcome,
            "predicate.envlock.receipt.verdict: altered: `passed` with 1 failed and 1 not run of "
            "4 checks",
        ),
        (add_key, "predicate.url: unknown key"),
        (
            change_version,
            "predicate.envlock.version: written by a newer envlock: its form is 2, and this "
            "one reads 1",
        ),
        (drop_predicate, "predicate: expected an object, found an array of 0"),
        (drop_lists, "predicate.warnedTests: expected this key, found none"),
        (
            drop_checks,
            "predicate.envlock.receipt.checks: expected at least one check, found none",
        ),
        (drop_ours, "predicate.envlock: expected this key, found none"),
        (
            change_type,
            "predicateType: expected `https://in-toto.io/attestation/test-result/v0.1`, found "
            "`https://slsa.dev/provenance/v1`",
        ),
    ],
)
def test_a_statement_that_disagrees_with_itself_is_refused(change: Change, said: str):
    document = statement()
    change(document)

    assert refused(written(document)) == [said]


def test_a_changed_number_is_told_by_the_digest():
    document = statement()
    change_accuracy(document)

    (fault,) = refused(written(document))

    was = document["predicate"]["envlock"]["sha256"]
    now = digest_of(inside(document))
    assert fault == (f"predicate.envlock.sha256: altered: the receipt gives `{now}`, found `{was}`")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected JSON: Expecting value"),
        (b"\xff", "expected JSON in UTF-8, found other bytes"),
        (b"[" * 100_000, "expected JSON, found it nested too deeply"),
        (b'{"a":1,"a":2}', "expected JSON: the key 'a' stands twice in one object"),
        (b'{"a":NaN}', "expected JSON: NaN is no number of JSON"),
        (b"[]", "expected the object of an in-toto Statement, found an array of 0"),
        (b"null", "expected the object of an in-toto Statement, found null"),
        (b'{"_type":{}}', "_type: expected `https://in-toto.io/Statement/v1`, found an object"),
        (
            b" " * (LARGEST_RECEIPT_BYTES + 1),
            "expected at most 8,000,000 bytes, found 8,000,001",
        ),
    ],
)
def test_what_is_no_receipt_is_refused_with_its_reason(content: bytes, said: str):
    (fault,) = refused(content)

    assert fault.removeprefix("a.receipt.json:1: ") == said


def test_a_number_of_thousands_of_digits_is_refused():
    assert "expected JSON: Exceeds the limit" in refused(b"9" * 10_000)[0]


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 400])
def test_a_number_that_no_float_holds_is_refused(number: str):
    content = format_receipt(passed_receipt(seconds=12.5))

    (fault,) = refused(content.replace(b'"seconds":12.5', f'"seconds":{number}'.encode()))

    assert fault.startswith("predicate.envlock.receipt.seconds: expected a finite number")


def test_half_of_a_surrogate_pair_is_refused():
    content = format_receipt(passed_receipt())

    (fault,) = refused(content.replace(b'"kernel":"6.8.0"', b'"kernel":"\\ud800"'))

    assert fault == "predicate.envlock.receipt.host.kernel: expected a string, found another string"


def test_half_of_a_surrogate_pair_in_a_key_is_refused():
    content = format_receipt(passed_receipt())

    (fault,) = refused(content.replace(b'"numpy":"2.1.3"', b'"\\ud800":"2.1.3"'))

    assert fault == (
        "predicate.envlock.receipt.frameworks: expected keys that are text, found half characters"
    )


def test_another_spelling_of_the_same_values_is_refused():
    content = json.dumps(statement(), sort_keys=True).encode()

    assert refused(content) == [
        "altered: expected canonical JSON as envlock writes it, found another spelling"
    ]


def test_line_ends_that_git_changed_are_told():
    content = format_receipt(passed_receipt()).replace(b"\n", b"\r\n")

    with pytest.raises(ReceiptError) as caught:
        read_receipt(content, "a")

    assert caught.value.hints == (
        "git or an editor gave it the line ends of Windows: `* -text` in .gitattributes stops it",
    )


def test_a_receipt_of_a_newer_envlock_asks_for_that_and_says_nothing_of_altering():
    document = statement()
    document["predicate"]["envlock"] = {"version": 2, "receipt": {"new": 1}}

    with pytest.raises(ReceiptError) as caught:
        read_receipt(written(document), "a")

    assert [each.problem for each in caught.value.faults] == [
        "written by a newer envlock: its form is 2, and this one reads 1"
    ]
    assert caught.value.hints == ("update envlock: `pip install --upgrade envlock`",)


def test_a_receipt_by_hand_that_names_a_home_folder_is_refused():
    document = statement()
    inside(document)["host"]["kernel"] = "/home/alice"

    assert refused(written(document))


def test_digests_names_and_times_have_their_forms():
    document = statement()
    inside(document)["subject"] |= {"tree_sha256": "ab", "name": ""}
    inside(document)["verified_at"] = "today"
    inside(document)["curves"][0]["weights_sha256"] = "00"
    inside(document)["checks"][1]["name"] = "artifacts"

    assert refused(written(document)) == [
        "predicate.envlock.receipt.subject.name: expected a name, found none",
        "predicate.envlock.receipt.subject.tree_sha256: expected 64 hex digits, found `ab`",
        "predicate.envlock.receipt.curves[0].weights_sha256: expected 64 hex digits, found `00`",
        "predicate.envlock.receipt.verified_at: expected a time in UTC, found `today`",
        "predicate.envlock.receipt.checks[1].name: expected a name that no other check has, found "
        "`artifacts`",
    ]


def test_what_was_not_seen_to_train_cannot_say_that_it_passed():
    not_trained = (check(Obligation.TRAINING, "t", NotRun(reason="no NVIDIA driver")),)

    with pytest.raises(ReceiptError, match="verdict: altered: `passed` with 0 failed and 1 not"):
        format_receipt(passed_receipt(checks=not_trained))


def test_thousands_of_faults_are_cut():
    document = statement()
    inside(document)["host_libraries"] = [1] * 5000

    with pytest.raises(ReceiptError, match="and 4,900 faults more"):
        read_receipt(written(document), "a")


def test_every_altered_byte_of_an_unsigned_receipt_is_refused():
    content = format_receipt(incomplete_receipt(frameworks={}, subject=subject(pin_sha256="")))
    read_receipt(content, "a")

    for place in range(len(content)):
        for flip in (0x01, 0x20):
            altered = bytearray(content)
            altered[place] ^= flip
            with pytest.raises(ReceiptError):
                read_receipt(bytes(altered), "a")
