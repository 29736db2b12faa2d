"""Hostile packages, one function each: what is wrong with it, who met it first, what is said of it.

`says` is what the error says after "is refused: "; where it ends in "…" a library's own words
follow, which differ from one version of Python to the next.

`CANARY` stands where links and names lead: a folder outside that the tests watch.
"""

from __future__ import annotations

import bz2
import json
import os
import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import zstandard

from archive_bytes import (
    BLOCK,
    DEFLATED,
    DESCRIBED,
    TAR_END,
    UTF8,
    Member,
    conda_bz2,
    conda_from,
    conda_index,
    conda_info,
    conda_zip,
    deflate,
    link_row,
    long_name,
    make_zip,
    noise,
    path_row,
    pax,
    pax_record,
    record_line,
    tar_files,
    tar_member,
    unicode_path_extra,
    wheel,
    wheel_files,
    wheel_members,
    zip64_extra,
    zstd,
)

CANARY = f"{tempfile.gettempdir()}/envlock-canary-{os.getpid()}"
_STEMS = {".conda": "evil-1.0-0", ".tar.bz2": "evil-1.0-0", ".whl": "evil-1.0-py3-none-any"}


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """One package that must be refused."""

    name: str
    ending: str
    source: str
    """An advisory, a specification, or what the case is about."""
    says: str
    make: Callable[[], bytes]

    @property
    def file_name(self) -> str:
        return f"{_STEMS[self.ending]}{self.ending}"


HOSTILE: list[Hostile] = []


def hostile(
    ending: str, source: str, says: str
) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Register a package."""

    def register(make: Callable[[], bytes]) -> Callable[[], bytes]:
        name = make.__name__.strip("_")
        case = Hostile(name=name, ending=ending, source=source, says=says, make=make)
        HOSTILE.append(case)
        return make

    return register


def both(
    source: str, says: str
) -> Callable[[Callable[[], tuple[bytes, list[dict[str, object]]]]], None]:
    """Register members of a tar archive as a package of either format."""

    def register(make: Callable[[], tuple[bytes, list[dict[str, object]]]]) -> None:
        name = make.__name__.strip("_")
        for ending, pack in ((".conda", conda_zip), (".tar.bz2", conda_bz2)):

            def build(pack: Callable[..., bytes] = pack) -> bytes:
                members, rows = make()
                return pack(members, rows)

            HOSTILE.append(Hostile(name=name, ending=ending, source=source, says=says, make=build))

    return register


# --- tar: names and links -------------------------------------------------------------------------

Built = tuple[bytes, list[dict[str, object]]]


@both("CVE-2007-4559, pip 731", "`../escaped` leads out of its folder or names none")
def _dots_lead_out() -> Built:
    return tar_member("../escaped", b"x"), []


@both(
    "CVE-2026-19672 of CPython: out and in again",
    "`lib/../../tree/x` leads out of its folder or names none",
)
def _dots_lead_out_and_in_again() -> Built:
    return tar_member("lib/../../tree/x", b"x"), []


@both("CVE-2007-4559", f"`{CANARY}/x` is an absolute path or one of Windows")
def _an_absolute_path() -> Built:
    return tar_member(f"{CANARY}/x", b"x"), []


@both("node-tar CVE-2026-31802", "`C:../x` is an absolute path or one of Windows")
def _a_path_relative_to_a_drive() -> Built:
    return tar_member("C:../x", b"x"), []


@both("pip on Windows", "`..\\x` is an absolute path or one of Windows")
def _backslashes() -> Built:
    return tar_member("..\\x", b"x"), []


@both("ustar's prefix field", "`../x` leads out of its folder or names none")
def _dots_in_the_prefix_field() -> Built:
    return tar_member("x", b"x", prefix=b".."), []


@both(
    "CPython tarfile: the prefix field of GNU's format holds times",
    "it is damaged: \"'lib/x' has a prefix, which its format has not\"",
)
def _a_prefix_in_a_format_without_one() -> Built:
    return tar_member("x", b"x", prefix=b"lib", magic=b"ustar  \0"), []


@both("CVE-2025-4517: PAX path", "`../../escaped` leads out of its folder or names none")
def _dots_in_an_extended_path() -> Built:
    return pax(path="../../escaped") + tar_member("fair", b"x"), []


@both("GNU long name", "`../escaped` leads out of its folder or names none")
def _dots_in_a_long_name() -> Built:
    return long_name("../escaped") + tar_member("fair", b"x"), []


@both("astral-tokio-tar: long names cut at a NUL", "it is damaged: 'a long name has a NUL in it'")
def _a_nul_in_a_long_name() -> Built:
    return long_name(b"fair\0../escaped") + tar_member("fair", b"x"), []


@both("CVE-2025-8869 of pip", f"`link` is a link to `{CANARY}/x`, an absolute path")
def _a_link_to_an_absolute_path() -> Built:
    return tar_member("link", kind=b"2", link=f"{CANARY}/x"), []


@both("CVE-2025-8869 of pip", "`lib/link` is a link that leads out, to `../../x`")
def _a_link_that_leads_out() -> Built:
    return tar_member("lib/link", kind=b"2", link="../../x"), []


@both("PAX linkpath", "`lib/link` is a link that leads out, to `../../x`")
def _an_extended_target_that_leads_out() -> Built:
    return pax(linkpath="../../x") + tar_member("lib/link", kind=b"2", link="fair"), []


@both("CVE-2025-4330: a link through a link", "`b` is a link that leads out, to `a/../..`")
def _a_link_that_leads_out_through_another() -> Built:
    members = tar_member("lib/x", b"x") + tar_member("a", kind=b"2", link="lib")
    return members + tar_member("b", kind=b"2", link="a/../.."), []


@both(
    "CVE-2025-4138: the target is judged before its link is there",
    "`deep/b` is a link that leads out, to `a/../x`",
)
def _a_link_that_leads_out_once_the_next_is_there() -> Built:
    return (
        tar_member("deep/b", kind=b"2", link="a/../x") + tar_member("deep/a", kind=b"2", link=".."),
        [],
    )


@both("pip PR 14127: a file through a link", "`link` goes through `link`, which is a link")
def _a_file_through_a_link() -> Built:
    return tar_member("link", kind=b"2", link=".") + tar_member("link/x", b"x"), []


@both("RUSTSEC-2026-0067: a folder where a link is", "`link` goes through `link`, which is a link")
def _a_folder_over_a_link() -> Built:
    return tar_member("link", kind=b"2", link="lib") + tar_member("link", kind=b"5"), []


@both("a file through a file", "`x` goes through `x`, which is a file")
def _a_folder_that_is_a_file() -> Built:
    return tar_member("x", b"x") + tar_member("x/y", b"y"), []


@both("a link over a file", "`x` is in it twice")
def _a_file_and_then_a_link_of_its_name() -> Built:
    return tar_member("x", b"x") + tar_member("x", kind=b"2", link="y"), []


@both("the second of two files wins, or the first", "`x` is in it twice")
def _a_file_twice() -> Built:
    return tar_member("x", b"fair") + tar_member("./x", b"evil"), []


@both("ELOOP", "`a` is a link that leads round in a circle")
def _links_in_a_circle() -> Built:
    return tar_member("a", kind=b"2", link="b") + tar_member("b", kind=b"2", link="a"), []


@both(
    "CVE-2025-4517: longer than PATH_MAX",
    f"`link` is a link to a path that is too long, `{'d/' * 40}…`",
)
def _a_target_longer_than_any_path() -> Built:
    return pax(linkpath="d/" * 3000 + "../" * 3001) + tar_member("link", kind=b"2", link="x"), []


@both("a link to nothing", "`link` is a link to ``, an absolute path")
def _a_link_to_an_empty_path() -> Built:
    return tar_member("link", kind=b"2"), []


@both(
    "CVE-2026-24842 of node-tar: a hard link to outside",
    "`../outside` leads out of its folder or names none",
)
def _a_hard_link_to_outside() -> Built:
    return tar_member("x", kind=b"1", link="../outside"), []


@both("a hard link to an absolute path", f"`{CANARY}/x` is an absolute path or one of Windows")
def _a_hard_link_to_an_absolute_path() -> Built:
    return tar_member("x", kind=b"1", link=f"{CANARY}/x"), []


@both(
    "CVE-2025-4330: a hard link to a symbolic link",
    "`x` is a hard link to `link`, which is no file before it",
)
def _a_hard_link_to_a_symbolic_link() -> Built:
    return tar_member("link", kind=b"2", link="lib") + tar_member("x", kind=b"1", link="link"), []


@both(
    "a hard link to what comes later", "`x` is a hard link to `later`, which is no file before it"
)
def _a_hard_link_to_a_later_file() -> Built:
    return tar_member("x", kind=b"1", link="later") + tar_member("later", b"x"), []


@both("a device", "`null` is a device, a pipe or a sparse file")
def _a_character_device() -> Built:
    return tar_member("null", kind=b"3"), []


@both("a device", "`disk` is a device, a pipe or a sparse file")
def _a_block_device() -> Built:
    return tar_member("disk", kind=b"4"), []


@both("a pipe blocks whoever opens it", "`pipe` is a device, a pipe or a sparse file")
def _a_pipe() -> Built:
    return tar_member("pipe", kind=b"6"), []


@both("vendors' own types", "`x` is a device, a pipe or a sparse file")
def _an_unknown_type() -> Built:
    return tar_member("x", kind=b"Z"), []


@both("not UTF-8", "a name is not UTF-8: 'caf\\udce9'")
def _a_name_in_latin_1() -> Built:
    return tar_member(b"caf\xe9", b"x"), []


@both("terminals act on them", "a name has a control character: 'a\\x1b[2J'")
def _a_control_character() -> Built:
    return tar_member("a\x1b[2J", b"x"), []


@both("a list of names has another length", "a name has a control character: 'a\\u2028b'")
def _a_separator_of_lines() -> Built:
    return tar_member("a\u2028b", b"x"), []


@both(
    "git CVE-2014-9390: Unicode forms", "'cafe\\u0301' and 'caf\\xe9' are one name in two spellings"
)
def _one_name_in_two_forms_of_unicode() -> Built:
    return tar_member("caf\u00e9", b"fair") + tar_member("cafe\u0301", b"evil"), []


@both(
    "git CVE-2014-9390: Unicode forms of a folder",
    "'cafe\\u0301' and 'caf\\xe9' are one name in two spellings",
)
def _one_folder_in_two_forms_of_unicode() -> Built:
    return tar_member("caf\u00e9/a", b"") + tar_member("cafe\u0301/b", b""), []


@both("longer than any file system's", f"`{'n' * 80}…` is too long or too deep")
def _a_name_that_is_too_long() -> Built:
    return long_name("n" * 300) + tar_member("n", b"x"), []


@both("folders without end", f"`{'d/' * 40}…` is too long or too deep")
def _a_path_that_is_too_deep() -> Built:
    return pax(path="d/" * 100 + "x") + tar_member("x", b"x"), []


# --- tar: one thing for one reader and another for the next ---------------------------------------


@both("CVE-2025-62518, TARmageddon", "`x` has two sizes")
def _a_size_of_zero_overruled() -> Built:
    inner = tar_member("smuggled", b"evil")
    return pax(size=str(len(inner))) + tar_member("x", inner, size=0), []


@both("CVE-2026-33055: a size that is not zero overruled", "`x` has two sizes")
def _a_size_overruled() -> Built:
    inner = tar_member("smuggled", b"evil")
    return pax(size=str(len(inner))) + tar_member("x", inner, size=BLOCK), []


@both("GHSA-3cv2-h65g-fgmm", "it is damaged: 'two extended headers claim one member'")
def _an_extended_header_before_a_long_name() -> Built:
    return pax(path="one") + long_name("other") + tar_member("x", b"x"), []


@both("GHSA-3cv2-h65g-fgmm", "it is damaged: 'two extended headers claim one member'")
def _a_long_name_before_an_extended_header() -> Built:
    return long_name("other") + pax(path="one") + tar_member("x", b"x"), []


@both(
    "the first of two wins, or the second", "it is damaged: 'two extended headers claim one member'"
)
def _two_extended_headers() -> Built:
    return pax(path="one") + pax(path="other") + tar_member("x", b"x"), []


@both(
    "the first of two wins, or the second",
    "it is damaged: \"an extended header has b'path' twice, or must not have it\"",
)
def _a_record_twice_in_an_extended_header() -> Built:
    records = (pax_record("path", "one"), pax_record("path", "other"))
    return pax(*records) + tar_member("x", b"x"), []


@both(
    "RUSTSEC-2025-0136: malformed records are passed over",
    "it is damaged: 'an extended header is malformed'",
)
def _a_malformed_extended_header() -> Built:
    return pax(b"9 path=one\nxx", pax_record("path", "two")) + tar_member("x", b"x"), []


@both("RUSTSEC-2025-0136", "it is damaged: 'an extended header is malformed'")
def _a_record_longer_than_its_header() -> Built:
    return pax(b"99 path=one\n") + tar_member("x", b"x"), []


@both(
    "tar-rs passes over what tarfile applies",
    "it is damaged: 'a global header would change every member after it'",
)
def _a_global_header() -> Built:
    return pax(kind=b"g", path="everywhere") + tar_member("x", b"x"), []


@both(
    "GNU sparse files, in the words of PAX",
    "it is damaged: \"an extended header has b'GNU.sparse.size' twice, or must not have it\"",
)
def _an_extended_sparse_size() -> Built:
    return pax(pax_record("GNU.sparse.size", "99999")) + tar_member("x", b"x"), []


@both(
    "bytes that are no text",
    "it is damaged: \"an extended header has b'hdrcharset' twice, or must not have it\"",
)
def _another_encoding_for_names() -> Built:
    return pax(pax_record("hdrcharset", "BINARY"), pax_record("path", b"\xff")) + tar_member(
        "x"
    ), []


@both("GNU's sparse files", "it is damaged: \"'x' is no file and has 512 bytes\"")
def _a_sparse_file() -> Built:
    return tar_member("x", bytes(BLOCK), kind=b"S", magic=b"ustar  \0"), []


@both(
    "CPython tarfile: a folder with content",
    "it is damaged: \"'lib' is no file and has 1,024 bytes\"",
)
def _a_folder_that_hides_a_member() -> Built:
    return tar_member("lib", tar_member("smuggled", b"evil"), kind=b"5"), []


@both(
    "CPython tarfile: an old file whose name ends in a slash",
    "it is damaged: \"'lib' is no file and has 1,024 bytes\"",
)
def _an_old_file_that_is_a_folder() -> Built:
    return tar_member("lib/", tar_member("smuggled", b"evil"), kind=b"\0"), []


@both("a link with content", "it is damaged: \"'x' is no file and has 1,024 bytes\"")
def _a_link_that_hides_a_member() -> Built:
    return tar_member("x", tar_member("smuggled", b"evil"), kind=b"2", link="y"), []


@both("CVE-2025-8194: negative sizes", "`x` has -1,024 bytes")
def _a_negative_size() -> Built:
    return tar_member("x", b"", size=b"\xff" * 10 + b"\xfc\x00"), []


@both("CVE-2025-8194: negative sizes", "it is damaged: 'an extended header has -1,024 bytes'")
def _an_extended_header_of_negative_size() -> Built:
    return tar_member("x", b"", kind=b"x", size=b"\xff" * 10 + b"\xfc\x00"), []


@both("a negative size in an extended header", "`x` has two sizes")
def _a_negative_extended_size() -> Built:
    return pax(size="-1024") + tar_member("x", b"x"), []


@both(
    "CPython PR 151498: headers are read whole",
    "it is damaged: 'an extended header has 8,589,934,591 bytes'",
)
def _an_extended_header_that_claims_gigabytes() -> Built:
    return tar_member("x", b"", kind=b"x", size=0o77777777777), []


@both("CPython PR 151498", "it is damaged: 'an extended header has 8,589,934,591 bytes'")
def _a_long_name_that_claims_gigabytes() -> Built:
    return tar_member("x", b"", kind=b"L", size=0o77777777777, magic=b"ustar  \0"), []


@both(
    "tarfile takes a bad header for the end",
    "it is damaged: 'its tar archive breaks off or has a bad header: bad checksum'",
)
def _a_bad_header_in_the_midst() -> Built:
    broken = bytearray(tar_member("x", b"x"))
    broken[0] ^= 1
    return tar_member("a", b"") + bytes(broken) + tar_member("b", b""), []


@both("a second archive after the first", "something follows the end of the tar archive in it")
def _members_after_the_end() -> Built:
    return TAR_END + tar_member("smuggled", b"evil"), []


@both(
    "one zero block is the end for some readers",
    "something follows the end of the tar archive in it",
)
def _members_after_one_block_of_zeros() -> Built:
    return bytes(BLOCK) + tar_member("smuggled", b"evil"), []


@hostile(
    ".tar.bz2",
    "cut off between two members",
    "it is damaged: 'its tar archive breaks off or has a bad header: empty header'",
)
def _a_tar_without_an_end() -> bytes:
    return conda_bz2(tar_member("x", b"x"), end=b"")


@hostile(".tar.bz2", "cut off within a member", "it is damaged: 'its bzip2 stream breaks off'")
def _a_bzip2_that_is_cut_off() -> bytes:
    return conda_bz2(tar_member("x", bytes(range(256)) * 400))[:-20]


@hostile(".tar.bz2", "bz2 passes over what follows", "it is damaged: Invalid data stream")
def _bytes_after_the_bzip2_stream() -> bytes:
    return conda_bz2(tar_member("x", b"x")) + b"evil"


@hostile(
    ".tar.bz2", "two streams, two archives", "something follows the end of the tar archive in it"
)
def _a_second_bzip2_stream() -> bytes:
    return conda_bz2(tar_member("x", b"x")) + bz2.compress(tar_member("y", b"y") + TAR_END)


@hostile(".tar.bz2", "another format than it says", "it is damaged: Invalid data stream")
def _a_wheel_that_is_called_a_conda_package() -> bytes:
    return wheel({"evil.py": b""})


# --- zip: one thing for one reader and another for the next ---------------------------------------


def _wheel_with(*more: Member) -> list[Member]:
    return [*wheel_members({"evil.py": b"fair"}), *more]


@hostile(
    ".whl", "CVE-2025-54368: two names", "`fair.py` has another name before its content: b'evil.py'"
)
def _a_name_for_each_reader() -> bytes:
    return make_zip(_wheel_with(Member(name=b"fair.py", local={"name": b"evil.py"})))


@hostile(".whl", "CVE-2025-54368: two sizes", "`x` has two sizes or two checksums")
def _a_size_for_each_reader() -> bytes:
    return make_zip(_wheel_with(Member(name=b"x", content=b"fairevil", local={"size": 4})))


@hostile(".whl", "CVE-2025-54368: two packed sizes", "`x` has two sizes or two checksums")
def _a_packed_size_for_each_reader() -> bytes:
    return make_zip(_wheel_with(Member(name=b"x", content=b"fairevil", local={"packed_size": 4})))


@hostile(".whl", "CVE-2025-54368: two checksums", "`x` has two sizes or two checksums")
def _a_checksum_for_each_reader() -> bytes:
    return make_zip(_wheel_with(Member(name=b"x", content=b"fair", local={"crc": 7})))


@hostile(".whl", "CVE-2025-54368: two methods", "`x` is packed in two ways")
def _a_method_for_each_reader() -> bytes:
    packed = deflate(b"fair")
    return make_zip(
        _wheel_with(
            Member(name=b"x", content=b"fair", packed=packed, method=8, local={"method": 0})
        )
    )


@hostile(".whl", "CVE-2025-54368: two flags", "`x` is packed in two ways")
def _flags_for_each_reader() -> bytes:
    return make_zip(_wheel_with(Member(name=b"x", content=b"fair", local={"flags": UTF8 | 1})))


@hostile(
    ".whl",
    "CVE-2025-54368: a member that the directory lacks",
    "`evil.py` overlaps another member, or something lies before it",
)
def _a_member_that_is_not_listed() -> bytes:
    hidden = Member(name=b"evil.py", content=b"evil", is_listed=False)
    return make_zip([hidden, *_wheel_with()])


@hostile(
    ".whl",
    "CVE-2025-54368: a member that the directory lacks, at the end",
    "something lies between its last member and its directory",
)
def _a_last_member_that_is_not_listed() -> bytes:
    return make_zip(_wheel_with(Member(name=b"hidden.py", content=b"evil", is_listed=False)))


@hostile(
    ".whl",
    "CVE-2025-54368: the directory lists what is not there",
    "`ghost.py` has another name before its content: b'…",
)
def _a_listed_member_that_is_not_there() -> bytes:
    return make_zip(_wheel_with(Member(name=b"ghost.py", content=b"x" * 90, is_there=False)))


@hostile(".whl", "CVE-2025-54368: one name twice", "`evil.py` is in it twice")
def _a_member_twice() -> bytes:
    return make_zip(_wheel_with(Member(name=b"evil.py", content=b"evil")))


@hostile(
    ".whl",
    "CVE-2024-0450: overlapping members",
    "`twin.py` overlaps another member, or something lies before it",
)
def _two_names_for_one_member() -> bytes:
    return make_zip(
        _wheel_with(Member(name=b"twin.py", content=b"fair", is_there=False, central={"offset": 0}))
    )


@hostile(
    ".whl",
    "CVE-2024-0450: quoted overlap, a bomb without repetition",
    "`inner` overlaps another member, or something lies before it",
)
def _a_member_within_another() -> bytes:
    inner = make_zip([Member(name=b"inner", content=b"x")])[: 30 + 5 + 1]
    outer = Member(name=b"outer", content=inner)
    place = 30 + 5
    twin = Member(name=b"inner", content=b"x", is_there=False, central={"offset": place})
    return make_zip([outer, twin])


@hostile(
    ".whl",
    "bytes that only one reader sees",
    "`evil-1.0.dist-info/METADATA` overlaps another member, or something lies before it",
)
def _bytes_between_members() -> bytes:
    members = wheel_members({"evil.py": b""})
    gap = Member(name=members[0].name, content=members[0].content, method=DEFLATED, after=b"gap!")
    return make_zip([gap, *members[1:]])


@hostile(
    ".whl", "CVE-2026-3219: zip and tar in one file", "its directory is not where its end says"
)
def _an_archive_of_another_kind_in_front() -> bytes:
    return make_zip(_wheel_with(), before=tar_member("evil", b"evil") + TAR_END)


@hostile(
    ".whl",
    "prepended data, offsets put right",
    "`evil.py` overlaps another member, or something lies before it",
)
def _bytes_in_front() -> bytes:
    return make_zip(_wheel_with(), before=b"#!/bin/sh\n", moves_offsets=True)


@hostile(
    ".whl",
    "CVE-2025-54368: bytes after the end",
    "it is no zip archive, or something follows its end",
)
def _bytes_after_the_end() -> bytes:
    return make_zip(_wheel_with(), after=b"evil")


@hostile(
    ".whl",
    "two archives one after the other",
    "`evil.py` overlaps another member, or something lies before it",
)
def _two_archives() -> bytes:
    first = make_zip(_wheel_with())
    return make_zip(_wheel_with(), before=first, moves_offsets=True)


@hostile(".whl", "an end within the comment", "it is no zip archive, or something follows its end")
def _an_end_within_the_comment() -> bytes:
    other = make_zip(_wheel_with(Member(name=b"evil2.py", content=b"evil")))
    return make_zip(_wheel_with(), comment=other + b"!")


@hostile(
    ".whl", "a comment that ends in an empty archive", "its directory is not where its end says"
)
def _a_comment_that_is_an_empty_archive() -> bytes:
    return make_zip(_wheel_with(), comment=make_zip([]))


@hostile(
    ".whl", "a comment longer than the file", "it is no zip archive, or something follows its end"
)
def _a_comment_that_is_not_there() -> bytes:
    return make_zip(_wheel_with(), end={"comment_size": 10})


@hostile(".whl", "guarddog 780: an empty directory", "its directory is not where its end says")
def _a_directory_of_no_size() -> bytes:
    return make_zip(_wheel_with(), end={"size": 0})


@hostile(".whl", "the end counts, the directory has", "it names 2 members at its end and has 4")
def _an_end_that_counts_fewer() -> bytes:
    return make_zip(_wheel_with(), end={"count": 2})


@hostile(".whl", "the end counts, the directory has", "it names 9 members at its end and has 4")
def _an_end_that_counts_more() -> bytes:
    return make_zip(_wheel_with(), end={"count": 9})


@hostile(".whl", "archives of several disks", "it is one of several disks")
def _one_of_several_disks() -> bytes:
    return make_zip(_wheel_with(), end={"disk": 1})


@hostile(
    ".whl",
    "CVE-2025-8291: the locator is not followed",
    "its zip64 end is not where its locator says",
)
def _a_locator_that_points_elsewhere() -> bytes:
    return make_zip(_wheel_with(), zip64={"place": 0})


@hostile(".whl", "CVE-2025-8291: two ends disagree", "its two ends disagree")
def _two_ends_that_disagree() -> bytes:
    return make_zip(_wheel_with(), zip64={"count": 3})


@hostile(".whl", "two sizes in zip64's own field", "`x` has two sizes or two checksums")
def _a_zip64_size_for_one_reader() -> bytes:
    ones = {"packed_size": 0xFFFFFFFF, "size": 0xFFFFFFFF}
    return make_zip(
        _wheel_with(Member(name=b"x", content=b"fair", local=ones, extra=zip64_extra(9, 9)))
    )


@hostile(".whl", "two zip64 fields", "'x' has malformed extra fields")
def _two_zip64_fields() -> bytes:
    extra = zip64_extra(4, 4) + zip64_extra(9, 9)
    return make_zip(_wheel_with(Member(name=b"x", content=b"fair", extra=extra)))


@hostile(
    ".whl", "a zip64 field that lacks what it should hold", "it is damaged: 'pop from empty list'"
)
def _a_zip64_field_that_is_empty() -> bytes:
    ones = {"packed_size": 0xFFFFFFFF, "size": 0xFFFFFFFF}
    return make_zip(
        _wheel_with(Member(name=b"x", content=b"fair", local=ones, extra=zip64_extra()))
    )


@hostile(".whl", "extra bytes", "'x' has malformed extra fields")
def _an_extra_field_longer_than_its_room() -> bytes:
    return make_zip(_wheel_with(Member(name=b"x", extra=struct.pack("<2H", 0x5455, 99))))


@hostile(".whl", "Info-ZIP's second name", "'fair.py' has a second name: b'../evil.py'")
def _a_second_name_in_an_extra_field() -> bytes:
    extra = unicode_path_extra(b"fair.py", b"../evil.py")
    return make_zip(_wheel_with(Member(name=b"fair.py", extra=extra)))


@hostile(
    ".whl", "Info-ZIP's second name, in the directory", "'fair.py' has a second name: b'other.py'"
)
def _a_second_name_in_the_directory() -> bytes:
    extra = unicode_path_extra(b"fair.py", b"other.py")
    return make_zip(_wheel_with(Member(name=b"fair.py", central_extra=extra)))


@hostile(
    ".whl",
    "uv PR 15136: data descriptors",
    "`x` has other sizes or another checksum after its content",
)
def _sizes_after_the_content_that_lie() -> bytes:
    lie = struct.pack("<4s3I", b"PK\7\x08", zlib.crc32(b"fair"), 4, 9)
    return make_zip(
        [Member(name=b"x", content=b"fair", flags=UTF8 | DESCRIBED, descriptor=lie), *_wheel_with()]
    )


@hostile(
    ".whl",
    "uv PR 15136: data descriptors",
    "`x` has other sizes or another checksum after its content",
)
def _sizes_that_should_follow_and_do_not() -> bytes:
    return make_zip(
        [Member(name=b"x", content=b"fair", flags=UTF8 | DESCRIBED, descriptor=b""), *_wheel_with()]
    )


@hostile(".whl", "file_size is less than what is packed", "`x` has more than the 4 bytes it names")
def _more_content_than_it_names() -> bytes:
    packed = deflate(b"fair and evil")
    return make_zip(_wheel_with(Member(name=b"x", content=b"fair", packed=packed, method=8)))


@hostile(".whl", "file_size is more than what is packed", "`x` has 4 bytes less than it names")
def _less_content_than_it_names() -> bytes:
    packed = deflate(b"fair")
    crc = {"crc": zlib.crc32(b"fair")}
    return make_zip(
        _wheel_with(
            Member(name=b"x", content=b"fairfair", packed=packed, method=8, local=crc, central=crc)
        )
    )


@hostile(
    ".whl", "bytes after the packed content", "`x` ends before its packed content does, or after it"
)
def _bytes_after_the_packed_content() -> bytes:
    packed = deflate(b"fair") + b"evil"
    return make_zip(_wheel_with(Member(name=b"x", content=b"fair", packed=packed, method=8)))


@hostile(
    ".whl", "the checksum is not held against the content", "`x` has another checksum than it names"
)
def _a_wrong_checksum() -> bytes:
    crc = {"crc": 7}
    return make_zip(_wheel_with(Member(name=b"x", content=b"fair", local=crc, central=crc)))


@hostile(".whl", "no deflate stream at all", "it is damaged: 'Error -3 while decompressing data…")
def _content_that_is_not_packed() -> bytes:
    return make_zip(_wheel_with(Member(name=b"x", content=b"x", packed=b"\xff\xff", method=8)))


@hostile(".whl", "a stored member of two sizes", "`x` is not packed and has two sizes")
def _a_stored_member_of_two_sizes() -> bytes:
    return make_zip(_wheel_with(Member(name=b"x", content=b"fair", packed=b"fairevil")))


@hostile(
    ".whl",
    "encrypted for scanners only (GodFather)",
    "`x` is encrypted or packed in a way no package may be",
)
def _a_member_that_says_it_is_encrypted() -> bytes:
    return make_zip(_wheel_with(Member(name=b"x", content=b"fair", flags=UTF8 | 1)))


@hostile(
    ".whl", "methods that few readers know", "`x` is encrypted or packed in a way no package may be"
)
def _an_unusual_method() -> bytes:
    return make_zip(
        _wheel_with(Member(name=b"x", content=b"", packed=bz2.compress(b""), method=12))
    )


@hostile(
    ".whl",
    "CVE-2024-8088: names that end in many slashes",
    "`a//b` leads out of its folder or names none",
)
def _a_folder_of_many_slashes() -> bytes:
    return make_zip(_wheel_with(Member(name=b"a//b")))


@hostile(".whl", "a folder with content", "`folder/` is a folder and has content")
def _a_folder_with_content() -> bytes:
    return make_zip(_wheel_with(Member(name=b"folder/", content=b"evil", mode=0)))


@hostile(
    ".whl",
    "MS-DOS says folder, the name says file",
    "`x` is a folder for one reader and a file for another",
)
def _a_file_that_ms_dos_calls_a_folder() -> bytes:
    return make_zip(_wheel_with(Member(name=b"x", attributes=0x10, mode=0)))


@hostile(
    ".whl",
    "pip, uv: zipfile cuts names at a NUL",
    "a name has a control character: 'fair.py\\x00.txt'",
)
def _a_nul_in_a_name() -> bytes:
    return make_zip(_wheel_with(Member(name=b"fair.py\0.txt")))


@hostile(
    ".whl",
    "zipfile turns backslashes on Windows",
    "`..\\evil.py` is an absolute path or one of Windows",
)
def _a_backslash_in_a_name() -> bytes:
    return make_zip(_wheel_with(Member(name=b"..\\evil.py")))


@hostile(
    ".whl",
    "names in the code page of MS-DOS",
    "a name in it is in no known encoding: 'caf\\u0398.py'",
)
def _a_name_without_an_encoding() -> bytes:
    return make_zip(_wheel_with(Member(name=b"caf\xe9.py", flags=0)))


@hostile(".whl", "a name that claims UTF-8", "it is damaged: \"'utf-8' codec can't decode…")
def _a_name_that_is_not_utf8() -> bytes:
    return make_zip(_wheel_with(Member(name=b"caf\xe9.py")))


@hostile(".whl", "CVE-2026-1703 of pip", "`../evil.py` leads out of its folder or names none")
def _dots_in_a_wheel() -> bytes:
    return make_zip(_wheel_with(Member(name=b"../evil.py")))


@hostile(".whl", "pip 730", f"`{CANARY}/x` is an absolute path or one of Windows")
def _an_absolute_path_in_a_wheel() -> bytes:
    return make_zip(_wheel_with(Member(name=f"{CANARY}/x".encode())))


@hostile(
    ".whl",
    "a symbolic link in a wheel",
    "`link` is a link or a device, which no zip archive here may have",
)
def _a_link_in_a_wheel() -> bytes:
    return make_zip(_wheel_with(Member(name=b"link", content=CANARY.encode(), mode=0o120777)))


@hostile(
    ".whl",
    "a device in a wheel",
    "`null` is a link or a device, which no zip archive here may have",
)
def _a_device_in_a_wheel() -> bytes:
    return make_zip(_wheel_with(Member(name=b"null", mode=0o020666)))


@hostile(".whl", "not a zip archive", "it is no zip archive")
def _an_empty_file() -> bytes:
    return b""


@hostile(".whl", "an archive of nothing", "expected one .dist-info folder, found 0")
def _an_empty_archive() -> bytes:
    return make_zip([])


_INFO = zstd(tar_files(conda_info([])) + TAR_END)
_PKG = zstd(TAR_END)

# --- bombs ----------------------------------------------------------------------------------------


def _zeros(size: int) -> bytes:
    """Return a zstd frame of a few kilobytes that unpacks to so many zeros: runs of 128 KiB."""
    run = struct.pack("<I", (1 << 17) << 3 | 1 << 1)[:3] + b"\0"
    head = struct.pack("<I", zstandard.MAGIC_NUMBER) + b"\0" + bytes([7 << 3])
    return head + run * (size >> 17) + struct.pack("<I", 1)[:3]


@hostile(".conda", "a zstd bomb: 100 GB of zeros from 3 MB", "`x` has 34,359,738,369 bytes")
def _a_file_that_claims_what_no_disk_has() -> bytes:
    info = zstd(tar_files(conda_info([])) + TAR_END)
    bomb = zstd(tar_member("x", b"", size=struct.pack(">BxxxQ", 0x80, (32 << 30) + 1)))
    return make_zip(conda_from(info, bomb + _zeros(1 << 30)))


@hostile(
    ".conda",
    "a zstd bomb: more than 200 times its size",
    "it unpacks to 21,474,836,684 bytes, of at most 67,108,864 for an archive of its size",
)
def _a_zstd_bomb() -> bytes:
    info = zstd(tar_files(conda_info([])) + TAR_END)
    head = tar_member("x", b"", size=struct.pack(">BxxxQ", 0x80, 20 << 30))
    return make_zip(conda_from(info, zstd(head) + _zeros(1 << 30)))


@hostile(
    ".conda",
    "a zstd bomb after the end of the tar",
    "something follows the end of the tar archive in it",
)
def _zeros_without_end_after_the_end() -> bytes:
    info = zstd(tar_files(conda_info([])) + TAR_END)
    return make_zip(conda_from(info, zstd(TAR_END) + _zeros(100 << 30)))


@hostile(
    ".conda",
    "zstd with a window of 2 GB",
    "it is damaged: 'zstd decompress error: Frame requires too much memory for decoding'",
)
def _a_zstd_window_of_gigabytes() -> bytes:
    info = zstd(tar_files(conda_info([])) + TAR_END)
    frame = struct.pack("<I", zstandard.MAGIC_NUMBER) + b"\0" + bytes([21 << 3])
    return make_zip(conda_from(info, frame + struct.pack("<I", 1)[:3]))


@hostile(
    ".conda",
    "a bomb of hard links",
    "it unpacks to 67,829,979 bytes, of at most 67,108,864 for an archive of its size",
)
def _hard_links_that_multiply_a_file() -> bytes:
    members = tar_member("t0", bytes(1_043_535))
    return conda_zip(
        members + b"".join(tar_member(f"t{n}", kind=b"1", link="t0") for n in range(1, 90))
    )


@hostile(
    ".tar.bz2",
    "a bzip2 bomb: 1 kB to 1 GB",
    "it unpacks to 1,073,742,028 bytes, of at most 67,108,864 for an archive of its size",
)
def _a_bzip2_bomb() -> bytes:
    return conda_bz2(tar_member("x", b"", size=1 << 30) + bytes(1 << 24))


@hostile(
    ".whl",
    "a deflate bomb of a thousandfold",
    "it unpacks to 83,886,439 bytes, of at most 67,108,864 for an archive of its size",
)
def _a_deflate_bomb() -> bytes:
    packed = deflate(bytes(20 << 20))
    crc = {"size": 20 << 20, "crc": zlib.crc32(bytes(20 << 20))}
    bombs = [
        Member(name=b"%d" % n, packed=packed, method=8, local=crc, central=crc) for n in range(4)
    ]
    return make_zip(_wheel_with(*bombs))


@hostile(
    ".whl",
    "a member that claims more than there is",
    "it unpacks to 4,294,967,653 bytes, of at most 67,108,864 for an archive of its size",
)
def _a_member_that_claims_gigabytes() -> bytes:
    size = {"size": 0xFFFFFFFE}
    return make_zip(
        _wheel_with(Member(name=b"x", packed=deflate(b"x"), method=8, local=size, central=size))
    )


@hostile(
    ".whl",
    "a directory of more members than there may be",
    "it has more than 400,000 entries, or too long ones",
)
def _an_end_that_counts_millions() -> bytes:
    return make_zip(_wheel_with(), zip64={"count": 5_000_000}, end={"count": 0xFFFF})


@both("a bomb of inodes", "it has more than 20,000 entries, too many for its size")
def _empty_files_without_end() -> Built:
    return b"".join(tar_member(f"{n}", b"") for n in range(20_100)), []


@hostile(
    ".conda",
    "a bomb of JSON: 1 GB in memory",
    "`info/paths.json` is far longer than what it is about",
)
def _a_list_of_millions_of_nothing() -> bytes:
    rows = b'{"paths": [' + b"{}," * 16_000_000 + b"{}]}"
    info = zstd(tar_files({**conda_info([]), "info/paths.json": rows}) + TAR_END)
    return make_zip(conda_from(info, _PKG))


# --- .conda ---------------------------------------------------------------------------------------


@hostile(".conda", "extra members", "`evil.txt` does not belong into a .conda file")
def _a_member_that_does_not_belong() -> bytes:
    return make_zip([*conda_from(_INFO, _PKG), Member(name=b"evil.txt")])


@hostile(
    ".conda",
    "two halves of one kind",
    "`info-other-1.0-0.tar.zst` does not belong into a .conda file",
)
def _two_info_halves() -> bytes:
    return make_zip(
        [*conda_from(_INFO, _PKG), Member(name=b"info-other-1.0-0.tar.zst", content=_INFO)]
    )


@hostile(".conda", "two halves of one name", "it has two parts called `info`")
def _the_info_half_twice() -> bytes:
    members = conda_from(_INFO, _PKG)
    return make_zip([*members, members[2]])


@hostile(
    ".conda",
    "conda looks for the file's name",
    "`pkg-other-1.0-0.tar.zst` does not belong into a .conda file",
)
def _halves_of_another_package() -> bytes:
    return make_zip(conda_from(_INFO, _PKG, stem="other-1.0-0"))


@hostile(".conda", "a half is lacking", "it has no part called `pkg`")
def _no_second_half() -> bytes:
    members = conda_from(_INFO, _PKG)
    return make_zip([members[0], members[2]])


@hostile(
    ".conda",
    "a version of the format that nobody knows",
    "expected version 2 of the .conda format, found 3",
)
def _another_version_of_the_format() -> bytes:
    return make_zip(conda_from(_INFO, _PKG, metadata=b'{"conda_pkg_format_version": 3}'))


@hostile(
    ".conda", "JSON that is none", "it is damaged: 'Expecting value: line 1 column 1 (char 0)'"
)
def _metadata_that_is_no_json() -> bytes:
    return make_zip(conda_from(_INFO, _PKG, metadata=b"evil"))


@hostile(
    ".conda", "the info half writes beside info/", "`bin/evil` lies in the wrong half of it, `info`"
)
def _a_program_in_the_info_half() -> bytes:
    info = zstd(tar_files({**conda_info([]), "bin/evil": b"x"}) + TAR_END)
    return make_zip(conda_from(info, _PKG))


@hostile(
    ".conda",
    "the other half writes into info/",
    "`./info/link.json` lies in the wrong half of it, `pkg`",
)
def _a_second_link_json_in_the_other_half() -> bytes:
    return make_zip(conda_from(_INFO, zstd(tar_member("./info/link.json", b"{}") + TAR_END)))


@hostile(
    ".conda", "frames one after the other", "something follows the end of the tar archive in it"
)
def _a_second_zstd_frame() -> bytes:
    return make_zip(conda_from(_INFO, _PKG + zstd(tar_member("x", b"x") + TAR_END)))


@hostile(
    ".conda",
    "bytes after the frame",
    "it is damaged: 'zstd decompress error: Unknown frame descriptor'",
)
def _bytes_after_the_zstd_frame() -> bytes:
    return make_zip(conda_from(_INFO, _PKG + b"evil"))


@hostile(".conda", "a frame that is cut off", "`x` has …")
def _a_zstd_frame_that_is_cut_off() -> bytes:
    frame = zstandard.ZstdCompressor(level=1).compress(tar_member("x", noise(400_000)))
    return make_zip(conda_from(_INFO, frame[:300_000]))


@hostile(
    ".conda", "zip within zip", "it is damaged: 'zstd decompress error: Unknown frame descriptor'"
)
def _a_zip_where_zstd_should_be() -> bytes:
    return make_zip(conda_from(_INFO, make_zip([])))


# --- what rattler reads ---------------------------------------------------------------------------


def _linked(link: object) -> bytes:
    return conda_zip(b"", link=link, index=conda_index(noarch="python", subdir="noarch"))


def _entry(*points: object) -> bytes:
    return _linked(
        {"noarch": {"type": "python", "entry_points": list(points)}, "package_metadata_version": 1}
    )


@hostile(
    ".conda",
    "CVE-2026-47425 of rattler",
    "`info/link.json` has an entry point that is none: '../../evil = m:f'",
)
def _an_entry_point_that_leads_out() -> bytes:
    return _entry("../../evil = m:f")


@hostile(
    ".conda",
    "CVE-2026-47425 of rattler",
    f"`info/link.json` has an entry point that is none: '{CANARY}/x = m:f'",
)
def _an_entry_point_with_an_absolute_path() -> bytes:
    return _entry(f"{CANARY}/x = m:f")


@hostile(
    ".conda",
    "CVE-2026-47425: code in the launcher",
    "`info/link.json` has an entry point that is none: 'evil = m:f; import os'",
)
def _code_in_an_entry_point() -> bytes:
    return _entry("evil = m:f; import os")


@hostile(
    ".conda",
    "CVE-2026-47425: a second line in the launcher",
    "`info/link.json` has an entry point that is none: 'evil = m:f\\nimport os'",
)
def _a_line_in_an_entry_point() -> bytes:
    return _entry("evil = m:f\nimport os")


@hostile(
    ".conda",
    "CVE-2026-47425: clobbers bin/python",
    "`info/link.json` has an entry point that it may not: 'python3.11 = m:f'",
)
def _an_entry_point_called_python() -> bytes:
    return _entry("python3.11 = m:f")


@hostile(
    ".conda",
    "one of two launchers",
    "`info/link.json` has an entry point that it may not: 'a = m:g'",
)
def _an_entry_point_twice() -> bytes:
    return _entry("a = m:f", "a = m:g")


@hostile(
    ".conda", "a hidden launcher", "`info/link.json` has an entry point that is none: '.. = m:f'"
)
def _an_entry_point_called_dots() -> bytes:
    return _entry(".. = m:f")


@hostile(
    ".conda",
    "an entry point that is no text",
    "`info/link.json` has an entry point that is none: {'a': 1}",
)
def _an_entry_point_that_is_no_text() -> bytes:
    return _entry({"a": 1})


@hostile(
    ".conda",
    "entry points that are no list",
    "it is damaged: '`info/link.json` has entry points that are no list'",
)
def _entry_points_that_are_no_list() -> bytes:
    return _linked({"noarch": {"type": "python", "entry_points": "a = m:f"}})


@hostile(
    ".conda",
    "CEP 17: where noarch packages go",
    "`info/index.json` has a folder for packages that is none: '../../escaped'",
)
def _a_folder_for_packages_that_leads_out() -> bytes:
    return conda_zip(b"", index=conda_index(python_site_packages_path="../../escaped"))


@hostile(
    ".conda",
    "CEP 17: where noarch packages go",
    f"`info/index.json` has a folder for packages that is none: '{CANARY}'",
)
def _an_absolute_folder_for_packages() -> bytes:
    return conda_zip(b"", index=conda_index(python_site_packages_path=CANARY))


@hostile(
    ".conda",
    "CEP 17: where noarch packages go",
    "`info/index.json` has a folder for packages that is none: 'lib/./x'",
)
def _a_folder_for_packages_with_a_dot() -> bytes:
    return conda_zip(b"", index=conda_index(python_site_packages_path="lib/./x"))


@hostile(
    ".conda",
    "GHSA of rattler's cache: names in paths",
    "`info/index.json` has a build that is none: '../../evil'",
)
def _a_build_that_leads_out() -> bytes:
    return conda_zip(b"", index=conda_index(build="../../evil"))


@hostile(".conda", "names in paths", "`info/index.json` has a build that is none: '..'")
def _a_build_of_dots() -> bytes:
    return conda_zip(b"", index=conda_index(build=".."))


@hostile(".conda", "names in paths", "`info/index.json` has a version that is none: '1/../../x'")
def _a_version_that_leads_out() -> bytes:
    return conda_zip(b"", index=conda_index(version="1/../../x"))


@hostile(".conda", "names in paths", "`info/index.json` has a name that is none: '../evil'")
def _a_name_that_leads_out() -> bytes:
    return conda_zip(b"", index=conda_index("../evil"))


@hostile(".conda", "a number where a name should be", "`info/index.json` does not say its build")
def _a_build_that_is_a_number() -> bytes:
    return conda_zip(b"", index=conda_index(build=0))


def _raw_conda(files: dict[str, bytes]) -> bytes:
    kept = {**conda_info([]), **files}
    return make_zip(conda_from(zstd(tar_files(kept) + TAR_END), _PKG))


@hostile(
    ".conda",
    "the first of two names wins, or the second",
    "it is damaged: 'an object of JSON has a name twice'",
)
def _an_index_with_a_name_twice() -> bytes:
    text = json.dumps(conda_index())[:-1] + ', "build": "0"}'
    return _raw_conda({"info/index.json": text.encode()})


@hostile(
    ".conda", "JSON in UTF-16, which Python takes", "it is damaged: \"'utf-8' codec can't decode…"
)
def _an_index_in_utf_16() -> bytes:
    return _raw_conda({"info/index.json": json.dumps(conda_index()).encode("utf-16")})


@hostile(".conda", "JSON as deep as the stack", "it is damaged: 'maximum recursion depth exceeded…")
def _an_index_that_is_too_deep() -> bytes:
    return _raw_conda({"info/index.json": b'{"a":' * 5_000})


@hostile(".conda", "JSON that is a list", "`info/index.json` is no JSON object")
def _an_index_that_is_a_list() -> bytes:
    return _raw_conda({"info/index.json": b"[]"})


@hostile(".conda", "a number without end", "it is damaged: 'Exceeds the limit (4300 digits)…")
def _an_index_with_an_endless_number() -> bytes:
    return _raw_conda({"info/index.json": b'{"build_number": ' + b"9" * 5000 + b"}"})


def _rows(*rows: object) -> bytes:
    return conda_zip(tar_member("x", b"fair"), rows)  # type: ignore[arg-type]


@hostile(
    ".conda",
    "paths.json names what is not there",
    "`info/paths.json` names 'lib/absent', which is not in it",
)
def _a_path_that_is_absent() -> bytes:
    return _rows(path_row("lib/absent", b""))


@hostile(
    ".conda",
    "paths.json leads out",
    "`info/paths.json` names '../../../etc/passwd', which is not in it",
)
def _a_path_that_leads_out() -> bytes:
    return _rows(path_row("../../../etc/passwd", b""))


@hostile(
    ".conda",
    "paths.json with an absolute path",
    f"`info/paths.json` names '{CANARY}/x', which is not in it",
)
def _a_path_that_is_absolute() -> bytes:
    return _rows(path_row(f"{CANARY}/x", b""))


@hostile(
    ".conda",
    "paths.json goes a long way round",
    "`info/paths.json` names 'lib/../x', which is not in it",
)
def _a_path_with_dots_in_the_midst() -> bytes:
    return _rows(path_row("lib/../x", b"fair"))


@hostile(".conda", "a path twice", "`info/paths.json` names `x` twice")
def _a_path_twice() -> bytes:
    return _rows(path_row("x", b"fair"), path_row("x", b"fair"))


@hostile(".conda", "a row that is none", "`info/paths.json` has a row without a path")
def _a_path_that_is_a_number() -> bytes:
    return _rows({"_path": 1, "path_type": "hardlink"})


@hostile(
    ".conda",
    "paths.json lies about the content",
    "`x` is not the file that `info/paths.json` names",
)
def _a_digest_of_another_file() -> bytes:
    return _rows(path_row("x", b"fair", sha256="0" * 64))


@hostile(
    ".conda", "paths.json lies about the size", "`x` has another size than `info/paths.json` names"
)
def _a_size_of_another_file() -> bytes:
    return _rows(path_row("x", b"fair", size_in_bytes=5))


@hostile(".conda", "paths.json lies about the kind", "`x` is a file, not 'softlink'")
def _a_link_that_is_a_file() -> bytes:
    return _rows(link_row("x"))


@hostile(".conda", "paths.json lies about the kind", "`link` is a link, not 'hardlink'")
def _a_file_that_is_a_link() -> bytes:
    return conda_zip(tar_member("link", kind=b"2", link="x"), [path_row("link", b"")])


@hostile(".conda", "a kind that nobody knows", "`x` is a file, not 'device'")
def _a_kind_that_is_none() -> bytes:
    return _rows(path_row("x", b"fair", path_type="device"))


@hostile(
    ".conda", "a flag that is no flag: rattler gives up", "`x` may or may not be linked: 'maybe'"
)
def _a_flag_that_is_a_word() -> bytes:
    return _rows(path_row("x", b"fair", no_link="maybe"))


def _prefixed(placeholder: object, mode: object = "text") -> bytes:
    row = path_row("x", b"fair", file_mode=mode)
    return _rows({**row, "prefix_placeholder": placeholder})


@hostile(".conda", "a placeholder that is everywhere", "`x` has a prefix that is none: ''")
def _an_empty_placeholder() -> bytes:
    return _prefixed("")


@hostile(
    ".conda",
    "a placeholder that makes a file a hundred times as long",
    "`x` has a prefix that is none: 'a'",
)
def _a_placeholder_of_one_letter() -> bytes:
    return _prefixed("a")


@hostile(
    ".conda",
    "a placeholder that makes a file a hundred times as long",
    "`x` has a prefix that is none: '/'",
)
def _a_placeholder_that_is_the_root() -> bytes:
    return _prefixed("/")


@hostile(".conda", "a placeholder across lines", "`x` has a prefix that is none: '/opt/a\\n/opt/b'")
def _a_line_in_a_placeholder() -> bytes:
    return _prefixed("/opt/a\n/opt/b")


@hostile(".conda", "a placeholder with a NUL", "`x` has a prefix that is none: '/opt/a\\x00/opt/b'")
def _a_nul_in_a_placeholder() -> bytes:
    return _prefixed("/opt/a\0/opt/b")


@hostile(".conda", "a placeholder that is no text", "`x` has a prefix that is none: 7")
def _a_placeholder_that_is_a_number() -> bytes:
    return _prefixed(7)


@hostile(".conda", "a mode that nobody knows", "`x` is rewritten as 'evil', not as text or binary")
def _a_mode_that_is_none() -> bytes:
    return _prefixed("/opt/placeholder", "evil")


@hostile(".conda", "a link that is rewritten", "`link` is a link and cannot be rewritten")
def _a_placeholder_in_a_link() -> bytes:
    row = {**link_row("link"), "prefix_placeholder": "/opt/placeholder", "file_mode": "text"}
    return conda_zip(tar_member("link", kind=b"2", link="x"), [row])


@hostile(".tar.bz2", "the older lists", "`info/files` names '../x', which is not in it")
def _an_old_list_that_leads_out() -> bytes:
    files = {"info/index.json": json.dumps(conda_index()).encode(), "info/files": b"../x\n"}
    return bz2.compress(tar_files(files) + TAR_END)


@hostile(".tar.bz2", "the older lists", "`x` has a prefix that is none: '/'")
def _an_old_placeholder_that_is_the_root() -> bytes:
    files = {
        "info/index.json": json.dumps(conda_index()).encode(),
        "info/files": b"x\n",
        "info/has_prefix": b'"/" text "x"\n',
        "x": b"/",
    }
    return bz2.compress(tar_files(files) + TAR_END)


@hostile(
    ".tar.bz2", "nothing says what it holds", "it has neither `info/paths.json` nor `info/files`"
)
def _a_package_without_a_list() -> bytes:
    return bz2.compress(
        tar_files({"info/index.json": json.dumps(conda_index()).encode()}) + TAR_END
    )


@hostile(".tar.bz2", "nothing says what it is", "it has no `info/index.json`")
def _a_package_without_an_index() -> bytes:
    return bz2.compress(tar_member("x", b"x") + TAR_END)


# --- what is not a package's to bring -------------------------------------------------------------


def _conda_file(path: str, **index: object) -> bytes:
    rows = [path_row(path, b"evil")]
    return conda_zip(tar_member(path, b"evil"), rows, index=conda_index(**index))


@hostile(".conda", "says what is installed", "`conda-meta/other-1.0-0.json` is not its to bring")
def _a_record_of_another_package() -> bytes:
    return _conda_file("conda-meta/other-1.0-0.json")


@hostile(".conda", "tells Python where its home is", "`pyvenv.cfg` is not its to bring")
def _another_home_for_python() -> bytes:
    return _conda_file("pyvenv.cfg")


@hostile(".conda", "takes Python's place", "`bin/python3.11` is not its to bring")
def _another_python() -> bytes:
    return _conda_file("bin/python3.11")


@hostile(
    ".conda", "takes Python's place where names have no case", "`BIN/Python3` is not its to bring"
)
def _another_python_in_capitals() -> bytes:
    return _conda_file("BIN/Python3")


@hostile(".conda", "python-scripts/ becomes bin/", "`python-scripts/python` is not its to bring")
def _another_python_from_a_noarch_package() -> bytes:
    return _conda_file("python-scripts/python", noarch="python")


@hostile(
    ".conda", "is loaded before the standard library", "`lib/python311.zip` is not its to bring"
)
def _another_standard_library() -> bytes:
    return _conda_file("lib/python311.zip")


@hostile(
    ".conda",
    "is loaded instead of a module",
    "`lib/python3.11/json.cpython-311-x86_64-linux-gnu.so` is not its to bring",
)
def _a_module_of_the_standard_library() -> bytes:
    return _conda_file("lib/python3.11/json.cpython-311-x86_64-linux-gnu.so")


@hostile(
    ".conda",
    "a noarch package outside of site-packages",
    "`lib/python3.11/os.py` is not its to bring",
)
def _a_noarch_package_outside_of_its_place() -> bytes:
    return _conda_file("lib/python3.11/os.py", noarch="python")


@hostile(".conda", "is loaded into every program", "`lib/libc.so.6` is not its to bring")
def _another_c_library() -> bytes:
    return _conda_file("lib/libc.so.6")


@hostile(".conda", "takes the place of everything below it", "`bin` is not its to bring")
def _a_link_in_place_of_bin() -> bytes:
    return conda_zip(tar_member("bin", kind=b"2", link="opt"), [link_row("bin")])


@hostile(
    ".conda",
    "takes the place of everything below it",
    "`lib/python3.11/site-packages` is not its to bring",
)
def _a_link_in_place_of_site_packages() -> bytes:
    path = "lib/python3.11/site-packages"
    return conda_zip(tar_member(path, kind=b"2", link="../x"), [link_row(path)])


# --- wheels ---------------------------------------------------------------------------------------


@hostile(".whl", "RECORD lies", "`evil.py` is not the file that RECORD names")
def _a_file_that_is_not_what_record_says() -> bytes:
    files = wheel_files({"evil.py": b"fair"})
    return make_zip(
        [Member(name=p.encode(), content=c) for p, c in {**files, "evil.py": b"evil"}.items()]
    )


@hostile(".whl", "PyPI since February 2026: rows are lacking", "RECORD does not name `hidden.py`")
def _a_file_that_record_does_not_name() -> bytes:
    return make_zip(_wheel_with(Member(name=b"hidden.py", content=b"evil")))


@hostile(".whl", "RECORD names what is not there", "RECORD names `ghost.py`, which is not in it")
def _a_row_for_an_absent_file() -> bytes:
    return wheel({"evil.py": b""}, more_record=[record_line("ghost.py", b"")])


@hostile(
    ".whl",
    "RECORD leads out: uninstalling removes it",
    "RECORD names `../../../etc/passwd`, which is not in it",
)
def _a_row_that_leads_out() -> bytes:
    return wheel({"evil.py": b""}, more_record=["../../../etc/passwd,,"])


@hostile(".whl", "RECORD with an absolute path", f"RECORD names `{CANARY}/x`, which is not in it")
def _a_row_with_an_absolute_path() -> bytes:
    return wheel({"evil.py": b""}, more_record=[f"{CANARY}/x,,"])


@hostile(".whl", "one of two rows", "RECORD names `evil.py` twice")
def _a_row_twice() -> bytes:
    return wheel({"evil.py": b""}, more_record=[record_line("evil.py", b"other")])


@hostile(".whl", "digests that can be forged", "RECORD has no strong digest of `evil.py`")
def _a_row_with_an_md5() -> bytes:
    return wheel({"evil.py": b""}, record=["evil.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,0"])


@hostile(".whl", "no digest at all", "RECORD has no strong digest of `evil.py`")
def _a_row_without_a_digest() -> bytes:
    return wheel({"evil.py": b""}, record=["evil.py,,"])


@hostile(
    ".whl", "csv has limits of its own", "it is damaged: 'field larger than field limit (131072)'"
)
def _a_row_without_end() -> bytes:
    return wheel({"evil.py": b""}, record=["x" * 200_000 + ",,"])


@hostile(".whl", "a row of two columns", "RECORD cannot be read: …")
def _a_row_of_two_columns() -> bytes:
    return wheel({"evil.py": b""}, record=["evil.py,"])


@hostile(".whl", "no RECORD", "it has no `evil-1.0.dist-info/RECORD`")
def _a_wheel_without_a_record() -> bytes:
    return make_zip(wheel_members({"evil.py": b""})[:-1])


@hostile(".whl", "two distributions in one", "expected one .dist-info folder, found 2")
def _two_dist_infos() -> bytes:
    return wheel({"other-1.0.dist-info/METADATA": b"Name: other\nVersion: 1.0\n"})


@hostile(
    ".whl",
    "two distributions in one, by a scheme",
    "`evil-1.0.data/purelib/other-1.0.dist-info/METADATA` is not its to bring",
)
def _a_second_dist_info_by_a_scheme() -> bytes:
    return wheel({"evil-1.0.data/purelib/other-1.0.dist-info/METADATA": b"Name: other\n"})


@hostile(
    ".whl", "another name within", "`evil-1.0.dist-info/METADATA` names the distribution 'other'"
)
def _metadata_of_another_distribution() -> bytes:
    return wheel({}, metadata=b"Name: other\nVersion: 1.0\n")


@hostile(".whl", "another version within", "`evil-1.0.dist-info/METADATA` names the version '2.0'")
def _metadata_of_another_version() -> bytes:
    return wheel({}, metadata=b"Name: evil\nVersion: 2.0\n")


@hostile(
    ".whl",
    "the first of two names wins, or the second",
    "`evil-1.0.dist-info/METADATA` says twice what its Name is",
)
def _metadata_with_two_names() -> bytes:
    return wheel({}, metadata=b"Name: evil\nName: other\nVersion: 1.0\n")


@hostile(".whl", "a header that is no text", "it is damaged: \"'utf-8' codec can't decode…")
def _metadata_that_is_no_text() -> bytes:
    return wheel({}, metadata=b"Name: \xff\nVersion: 1.0\n")


@hostile(
    ".whl",
    "a folder of another name",
    "`other-1.0.dist-info` is of another distribution than its name says",
)
def _a_dist_info_of_another_distribution() -> bytes:
    return wheel({}, name="other")


@hostile(".whl", "two folders of data", "it has 2 .data folders")
def _two_data_folders() -> bytes:
    return wheel({"evil-1.0.data/data/x": b"", "other-1.0.data/data/x": b""})


@hostile(".whl", "a scheme that nobody knows", "`evil-1.0.data/root/x` belongs to no known scheme")
def _an_unknown_scheme() -> bytes:
    return wheel({"evil-1.0.data/root/x": b""})


@hostile(".whl", "data leads out", "`evil-1.0.data/../x` leads out of its folder or names none")
def _a_scheme_of_dots() -> bytes:
    return wheel({"evil-1.0.data/../x": b""})


@hostile(
    ".whl",
    "data leads out",
    "`evil-1.0.data/data/../../../x` leads out of its folder or names none",
)
def _data_that_leads_out() -> bytes:
    return wheel({"evil-1.0.data/data/../../../x": b""})


@hostile(".whl", "takes Python's place", "`evil-1.0.data/scripts/python` is not its to bring")
def _a_script_called_python() -> bytes:
    return wheel({"evil-1.0.data/scripts/python": b"#!python\n"})


@hostile(".whl", "takes Python's place", "`evil-1.0.data/data/bin/python3` is not its to bring")
def _data_called_python() -> bytes:
    return wheel({"evil-1.0.data/data/bin/python3": b""})


@hostile(
    ".whl",
    "is loaded when the environment is built",
    "`evil-1.0.data/data/lib/python3.11/encodings/utf_8.py` is not its to bring",
)
def _data_in_the_standard_library() -> bytes:
    return wheel({"evil-1.0.data/data/lib/python3.11/encodings/utf_8.py": b""})


@hostile(
    ".whl", "tells Python where its home is", "`evil-1.0.data/data/pyvenv.cfg` is not its to bring"
)
def _data_that_is_pyvenv_cfg() -> bytes:
    return wheel({"evil-1.0.data/data/pyvenv.cfg": b"home = /evil\n"})


@hostile(
    ".whl",
    "says what is installed",
    "`evil-1.0.data/data/conda-meta/x-1-0.json` is not its to bring",
)
def _data_in_conda_meta() -> bytes:
    return wheel({"evil-1.0.data/data/conda-meta/x-1-0.json": b"{}"})


def _points(text: str) -> bytes:
    return wheel({"evil-1.0.dist-info/entry_points.txt": text.encode()})


@hostile(".whl", "CVE-2026-8643 of pip", "an entry point is none: '../../evil' = 'm:f'")
def _an_entry_point_of_a_wheel_that_leads_out() -> bytes:
    return _points("[console_scripts]\n../../evil = m:f\n")


@hostile(".whl", "CVE-2026-8643 of pip", f"an entry point is none: '{CANARY}/x' = 'm:f'")
def _an_absolute_entry_point_of_a_wheel() -> bytes:
    return _points(f"[gui_scripts]\n{CANARY}/x = m:f\n")


@hostile(".whl", "code in the launcher", "an entry point is none: 'evil' = 'm:f; import os'")
def _code_in_an_entry_point_of_a_wheel() -> bytes:
    return _points("[console_scripts]\nevil = m:f; import os\n")


@hostile(
    ".whl", "a second line in the launcher", "an entry point is none: 'evil' = 'm:f\\nimport os'"
)
def _a_line_in_an_entry_point_of_a_wheel() -> bytes:
    return _points("[console_scripts]\nevil = m:f\n  import os\n")


@hostile(".whl", "takes Python's place", "an entry point is none: 'python' = 'm:f'")
def _an_entry_point_of_a_wheel_called_python() -> bytes:
    return _points("[console_scripts]\npython = m:f\n")


@hostile(".whl", "lines that are none", "its entry points cannot be read: …")
def _entry_points_that_are_none() -> bytes:
    return _points("evil\n")


@hostile(
    ".whl",
    "another version of the format",
    "expected version 1 of the wheel format in `evil-1.0.dist-info/WHEEL`",
)
def _another_version_of_wheels() -> bytes:
    files = wheel_files({})
    files["evil-1.0.dist-info/WHEEL"] = b"Wheel-Version: 9.0\n"
    return make_zip([Member(name=p.encode(), content=c) for p, c in files.items()])
