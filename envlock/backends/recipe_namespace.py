"""The program that walls itself in and then becomes a build: Linux's namespaces, no other tool.

Run as `python -I recipe_namespace.py PLAN`, where PLAN is a JSON file. It imports nothing of
envlock. What a build sees: a root of its own, in which what it may read is bound read-only and one
folder to write to; an empty `/tmp`; no network; none of the machine's processes; no capability.
bubblewrap does the same where it is installed; this is for machines without it.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from typing import Any

_NEW = 0x10000000 | 0x00020000 | 0x40000000 | 0x20000000 | 0x08000000 | 0x04000000
"""CLONE_NEWUSER, NEWNS, NEWNET, NEWPID, NEWIPC, NEWUTS."""
_BIND, _RECURSIVE, _PRIVATE = 4096, 16384, 1 << 18
_NO_SUID, _NO_DEVICES = 2, 4
_READ_ONLY, _REMOUNT = 1, 32
_MOUNT_SETATTR = 442
_AT_RECURSIVE = 0x8000
_DEATH_SIGNAL, _NO_NEW_PRIVILEGES, _DROP_CAPABILITY = 1, 38, 24
_LAST_CAPABILITY = 63
_SET_FLAGS, _IS_UP = 0x8914, 1
_SOMEBODY = 1000
"""Who a build is, also where root runs it: `tar` gives files to nobody else then."""
CANNOT = 125
"""The exit status of a machine that has no such walls."""


class _Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user")]


_libc = ctypes.CDLL(None, use_errno=True)


def _check(status: int, what: str) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _mount(source: str, target: str, kind: str | None = None, flags: int = 0) -> None:
    names = [None if name is None else os.fsencode(name) for name in (source, target, kind)]
    _check(_libc.mount(*names, flags, None), f"mount {target}")


def _make_read_only(target: str) -> None:
    attributes = _Attributes(set=_READ_ONLY)
    _check(
        _libc.syscall(
            _MOUNT_SETATTR,
            -100,
            os.fsencode(target),
            _AT_RECURSIVE,
            ctypes.byref(attributes),
            ctypes.sizeof(attributes),
        ),
        f"read-only {target}",
    )


def _enter() -> None:
    user, group = os.getuid(), os.getgid()
    _check(_libc.unshare(_NEW), "unshare")
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{_SOMEBODY} {user} 1"),
        ("gid_map", f"{_SOMEBODY} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(content)


def _raise_loopback() -> None:
    """Let a build talk to itself, as bubblewrap does: the network of its own has nobody else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SET_FLAGS, struct.pack("16sH22x", b"lo", _IS_UP))


def _bind(root: str, path: str, *, read_only: bool = True) -> None:
    target = root + path
    if os.path.islink(path):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "a", encoding="ascii").close()
    _mount(path, target, flags=_BIND | _RECURSIVE)
    if read_only:
        _make_read_only(target)


def _build_root(plan: dict[str, Any]) -> None:
    root, work = plan["root"], plan["work"]
    _mount("none", "/", flags=_RECURSIVE | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NO_SUID | _NO_DEVICES)
    os.mkdir(f"{root}/tmp")
    _mount("tmpfs", f"{root}/tmp", "tmpfs", _NO_SUID | _NO_DEVICES)
    for path in plan["reads"]:
        _bind(root, path)
    for path in plan["hidden"]:
        if os.path.isdir(root + path):
            _mount("tmpfs", root + path, "tmpfs", _NO_SUID | _NO_DEVICES | _READ_ONLY)
    for name in ("null", "zero", "full", "random", "urandom"):
        _bind(root, f"/dev/{name}", read_only=False)
    os.mkdir(f"{root}/dev/shm")
    _mount("tmpfs", f"{root}/dev/shm", "tmpfs", _NO_SUID | _NO_DEVICES)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{root}/dev/{name}")
    os.mkdir(f"{root}/proc")
    try:
        _mount("proc", f"{root}/proc", "proc", _NO_SUID | _NO_DEVICES)
    except OSError:  # a container that hides parts of its own
        _mount("/proc", f"{root}/proc", flags=_BIND | _RECURSIVE)
    os.mkdir(root + plan["inside"])
    _mount(work, root + plan["inside"], flags=_BIND)
    _mount("tmpfs", root, "tmpfs", _REMOUNT | _READ_ONLY | _BIND | _NO_SUID | _NO_DEVICES)
    os.chroot(root)
    os.chdir(plan["inside"])


def _give_up_rights() -> None:
    for capability in range(_LAST_CAPABILITY + 1):
        _libc.prctl(_DROP_CAPABILITY, capability, 0, 0, 0)
    _check(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")


def _as_first_process(plan: dict[str, Any]) -> None:
    _libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    try:
        _raise_loopback()
        _build_root(plan)
        _give_up_rights()
    except OSError as error:
        print(f"no walls: {error.strerror or error}", file=sys.stderr, flush=True)
        os._exit(CANNOT)
    os.execve(plan["command"][0], plan["command"], plan["environment"])


def main(path: str) -> int:
    """Wall this process in and run the plan's command; returns its exit status."""
    with open(path, encoding="utf-8") as file:
        plan = json.load(file)
    _libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    try:
        _enter()
    except OSError as error:
        print(f"no walls: {error.strerror or error}", file=sys.stderr)
        return CANNOT
    child = os.fork()
    if child == 0:
        _as_first_process(plan)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
