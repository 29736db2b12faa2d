from __future__ import annotations

from envlock.formats.conda_lock import format_lock
from envlock.formats.repairs import has_conflict, repair_hashes, repair_order, repair_text
from envlock.model.reading import FileKind
from envlock.model.repair import KnownFile, Repair
from locks import locked, make_lock

OURS = format_lock(
    make_lock(locked("numpy", "2.1.0", needs=["python"]), locked("python", "3.12.4"))
)
MD5, SHA = "0" * 31 + "a", "b" * 64
PLACE = "https://conda.example/ml/linux-64/numpy-2.1.0-py312_0.conda"
KNOWN = {
    "numpy-2.1.0-py312_0.conda": (
        KnownFile(address=PLACE, md5=MD5, sha256=SHA, pin="91fa85cf946a31f7"),
    )
}
ADDED = "added the SHA-256 of numpy-2.1.0-py312_0.conda, from the pin 91fa85cf946a"

LOCK = f"""\
version: 1
metadata:
  platforms: [linux-64]   # by hand
package:
# the first
- name: numpy
  version: "2.1.0"
  manager: conda
  platform: linux-64
  dependencies:
    python: '>=3.12'
  url: {PLACE}
  hash:
    md5: {MD5}   # weak
  category: main
- name: tool
  manager: pip
  url: {PLACE}
  hash:
    md5: {MD5}
"""


def test_a_missing_sha256_is_added_below_the_md5_and_every_other_byte_stays():
    repaired = repair_hashes(LOCK.encode(), FileKind.CONDA_LOCK, KNOWN)

    line = f"    md5: {MD5}   # weak\n"
    assert repaired.content.decode() == LOCK.replace(line, f"{line}    sha256: {SHA}\n")
    assert repaired.repairs == (Repair(done=ADDED, line=14),)
    again = repair_hashes(repaired.content, FileKind.CONDA_LOCK, KNOWN)
    assert (again.content, again.repairs) == (repaired.content, ())


def test_another_md5_gets_no_hash():
    other = LOCK.replace(f"md5: {MD5}   # weak", f"md5: {'c' * 32}")

    repaired = repair_hashes(other.encode(), FileKind.CONDA_LOCK, KNOWN)

    assert (repaired.content, repaired.repairs) == (other.encode(), ())


def test_a_row_without_any_digest_is_told_by_its_address():
    bare = f"packages:\n- conda: {PLACE}\n  depends:\n  - python\n"

    repaired = repair_hashes(bare.encode(), FileKind.PIXI, KNOWN)

    assert repaired.content.decode() == (
        f"packages:\n- conda: {PLACE}\n  sha256: {SHA}\n  depends:\n  - python\n"
    )
    elsewhere = bare.replace("conda.example/ml", "mirror.example/ml").encode()
    assert repair_hashes(elsewhere, FileKind.PIXI, KNOWN).repairs == ()


def test_pixi_has_the_sha256_above_the_md5_in_both_of_its_forms():
    older = f"""\
environments:
  default:
    packages:
      linux-64:
      - conda: {PLACE}
packages:
- kind: conda
  name: numpy
  url: {PLACE}
  md5: {MD5}
- kind: pypi
  url: {PLACE}
  md5: {MD5}
"""

    repaired = repair_hashes(older.encode(), FileKind.PIXI, KNOWN)

    assert repaired.content.decode() == older.replace(
        f"  url: {PLACE}\n  md5: {MD5}\n- kind: pypi",
        f"  url: {PLACE}\n  sha256: {SHA}\n  md5: {MD5}\n- kind: pypi",
    )


def test_a_list_has_one_digest_and_the_stronger_takes_its_place():
    text = f"# platform: linux-64\n@EXPLICIT\n{PLACE}#{MD5}\n{PLACE}\n{PLACE}#{'c' * 32}\n"

    repaired = repair_hashes(text.encode(), FileKind.EXPLICIT, KNOWN)

    assert repaired.content.decode() == (
        f"# platform: linux-64\n@EXPLICIT\n{PLACE}#sha256:{SHA}\n{PLACE}#sha256:{SHA}\n"
        f"{PLACE}#{'c' * 32}\n"
    )
    assert repaired.repairs == (
        Repair(done=ADDED.replace("added the", "put for its MD5 the"), line=3),
        Repair(done=ADDED, line=4),
    )


def test_line_ends_and_a_byte_order_mark_are_put_right_together():
    repaired = repair_text(b"\xef\xbb\xbfa: 1\r\nb: 2\nc: 3\r\n")

    assert repaired.content == b"a: 1\nb: 2\nc: 3\n"
    assert repaired.repairs == (
        Repair(done="removed the byte-order mark", line=1),
        Repair(done="turned 2 line ends from CRLF to LF"),
    )


def test_a_lock_of_ours_goes_back_to_the_order_that_its_digests_name():
    whole = OURS
    head, body = whole.split(b"package:\n")
    rows = body.split(b"- name: ")
    shuffled = head + b"package:\n" + b"- name: ".join([rows[0], *reversed(rows[1:])])
    assert shuffled != whole

    repaired = repair_order(shuffled, "a.conda-lock.yml")

    assert repaired.content == whole
    assert repaired.repairs == (Repair(done="put it back in the order that its digests name"),)
    assert repair_order(whole, "a.conda-lock.yml").repairs == ()


def test_a_lock_of_ours_that_was_altered_is_never_sealed_anew():
    altered = OURS.replace(b"version: '2.1.0'", b"version: '2.1.9'")

    assert altered != OURS
    assert repair_order(altered, "a.conda-lock.yml").content == altered
    assert repair_hashes(altered, FileKind.CONDA_LOCK, KNOWN).content == altered


def test_the_marks_of_a_merge_are_seen_with_either_line_end():
    assert has_conflict(b"a\n<<<<<<< HEAD\nb\n")
    assert has_conflict(b"a\r\n>>>>>>> theirs\r\n")
    assert not has_conflict(b"# <<<<<<< in a comment\n=======\n")
