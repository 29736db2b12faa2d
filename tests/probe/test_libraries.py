from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from envlock.probe import libraries

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux maps /proc/self/maps")


@linux_only
def test_our_own_process_has_a_c_library_with_its_name_and_build():
    found = libraries.list_libraries()

    (libc,) = [each for each in found if each["soname"].startswith("libc.so")]
    assert Path(libc["path"]).is_absolute()
    assert len(libc["build_id"]) >= 16
    assert bytes.fromhex(libc["build_id"])


@linux_only
def test_the_program_itself_is_no_library_of_it():
    paths = [each["path"] for each in libraries.list_libraries()]

    assert os.path.realpath(sys.executable) not in paths
    assert paths == sorted(set(paths))


@linux_only
def test_what_is_read_is_what_readelf_reads():
    readelf = shutil.which("readelf")
    if readelf is None:
        pytest.skip("readelf is not installed: binutils brings it")
    checked = 0
    for each in libraries.list_libraries()[:20]:
        shown = subprocess.run(
            [readelf, "-n", "-d", each["path"]], capture_output=True, text=True, check=True
        ).stdout
        build_ids = [line.split()[-1] for line in shown.splitlines() if "Build ID:" in line]
        sonames = [line.split("[")[1][:-1] for line in shown.splitlines() if "(SONAME)" in line]
        assert [each["build_id"]] == (build_ids or [""])
        assert [each["soname"]] == (sonames or [""])
        checked += 1
    assert checked > 5


def test_only_code_from_files_counts_and_a_deleted_file_keeps_its_mark():
    maps = """\
7f00-7f01 r--p 00000000 08:01 1 /lib/libz.so.1
7f01-7f02 r-xp 00001000 08:01 1 /lib/libz.so.1
7f02-7f03 r-xp 00000000 08:01 2 /opt/with space/libb.so (deleted)
7f03-7f04 r--p 00000000 08:01 3 /usr/share/locale/C.utf8
7f04-7f05 r-xp 00000000 00:00 0 [vdso]
7f05-7f06 rwxp 00000000 00:00 0
"""

    assert libraries.mapped_files(maps) == ["/lib/libz.so.1", "/opt/with space/libb.so (deleted)"]


def test_an_elf_file_of_the_other_byte_order_and_width_is_read_too():
    note = struct.pack(">III", 4, 4, 3) + b"GNU\0" + bytes.fromhex("cafe0102")
    head = b"\x7fELF\x01\x02\x01".ljust(28, b"\0") + struct.pack(">I", 64)
    head = head.ljust(42, b"\0") + struct.pack(">HH", 32, 1)
    segment = struct.pack(">IIIIIIII", 4, 96, 0, 0, len(note), len(note), 4, 4)

    assert libraries.read_elf(io.BytesIO(head.ljust(64, b"\0") + segment + note)) == (
        "cafe0102",
        "",
    )


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n".ljust(100), b"\x7fELF\x09".ljust(99)])
def test_what_is_no_elf_file_is_said_to_be_none(content: bytes):
    with pytest.raises(ValueError, match="no ELF file"):
        libraries.read_elf(io.BytesIO(content))


def test_a_table_of_absurd_size_is_not_read():
    head = bytearray(b"\x7fELF\x02\x01".ljust(64, b"\0"))
    struct.pack_into("<HH", head, 54, 0xFFFF, 0xFFFF)

    with pytest.raises(ValueError, match="an ELF table of"):
        libraries.read_elf(io.BytesIO(bytes(head)))


def test_a_library_is_found_by_the_start_of_its_name(tmp_path: Path):
    loaded = [{"path": "/a/libcudart.so.12"}, {"path": "/b/libcuda.so.1"}]

    assert libraries.find_library(loaded, "libcuda.so") == "/b/libcuda.so.1"
    assert libraries.find_library(loaded, "libnccl.so") == ""
