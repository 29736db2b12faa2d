"""A name is not enough: what may come from the host comes from where a host keeps it."""

from __future__ import annotations

import pytest

from envlock.model.probe import LoadedLibrary
from envlock.model.verifying import Place
from envlock.verify.libraries import Role, place_libraries

PREFIX = "/store/abc-torch"
INTEL = "/usr/lib/x86_64-linux-gnu"
ARM = "/usr/lib/aarch64-linux-gnu"


def role(path: str, *, is_hermetic: bool = True) -> Role:
    place = Place(
        name="torch",
        python=f"{PREFIX}/bin/python",
        prefixes=(PREFIX,),
        is_built=True,
        is_hermetic=is_hermetic,
        interpreter_prefixes=("/opt/python",),
    )
    (placed,) = place_libraries([LoadedLibrary(path=path)], place)
    return placed.role


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{PREFIX}/lib/libtorch.so", Role.ENVIRONMENT),
        ("/lib64/ld-linux-x86-64.so.2", Role.LOADER),
        (f"{INTEL}/ld-2.31.so", Role.LOADER),
        (f"{INTEL}/libc.so.6", Role.GLIBC),
        ("/lib/x86_64-linux-gnu/libpthread-2.31.so", Role.GLIBC),
        ("/nix/store/0a1b-glibc-2.38/lib/libm.so.6", Role.GLIBC),
        ("/cvmfs/software.eessi.io/compat/lib64/libc.so.6", Role.GLIBC),
        ("/usr/lib64/libnss_files.so.2", Role.NSS),
        (f"{INTEL}/libcuda.so.535.183.06", Role.DRIVER),
        (f"{INTEL}/libnvidia-ptxjitcompiler.so.535.183.06", Role.DRIVER),
        ("/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1/libcuda.so.1.1", Role.DRIVER),
        ("/usr/lib/wsl/lib/libdxcore.so", Role.DRIVER),
        ("/usr/local/nvidia/lib64/libcuda.so.535.183.06", Role.DRIVER),
        ("/usr/local/cuda-12.4/compat/libcuda.so.550.54.15", Role.DRIVER),
        ("/nix/store/0a1b-nvidia-x11-550/lib/libcuda.so.550.54.15", Role.DRIVER),
        ("/run/opengl-driver/lib/libcuda.so.1", Role.DRIVER),
        ("/.singularity.d/libs/libcuda.so.1", Role.DRIVER),
        (f"{ARM}/tegra/libnvrm_gpu.so", Role.DRIVER),
    ],
)
def test_what_may_be_there_is_told_by_its_name_and_its_place(path: str, expected: Role):
    assert role(path) is expected


@pytest.mark.parametrize("is_hermetic", [True, False])
@pytest.mark.parametrize(
    "path",
    [
        "/tmp/evil/libc.so.6",  # noqa: S108 - a name that is judged
        "/home/me/lib/ld-linux-x86-64.so.2",
        "/home/me/libnss_files.so.2",
        "/tmp/libcuda.so.1",  # noqa: S108 - a name that is judged
        "/home/me/libnvidia-foo.so",
        "/usr/local/lib/libcuda.so.1",
        "/usr/local/cuda/lib64/libcudart.so.12",
        "/opt/usr/lib/libcuda.so.1",
        "/usr/library/libcuda.so.1",
        "/usr/lib/../../home/me/libc.so.6",
        f"{PREFIX}-other/lib/libtorch.so",
    ],
)
def test_a_name_alone_makes_nothing_the_hosts(path: str, is_hermetic: bool):
    assert role(path, is_hermetic=is_hermetic) is Role.FOREIGN


@pytest.mark.parametrize(
    "path", [f"{PREFIX}/lib/libtorch.so", f"{INTEL}/libc.so.6", f"{INTEL}/libcuda.so.535.183.06"]
)
def test_what_was_replaced_since_it_was_loaded_is_nobodys(path: str):
    assert role(f"{path} (deleted)") is Role.FOREIGN


def test_a_driver_that_the_environment_brings_is_the_environments():
    assert role(f"{PREFIX}/cuda-compat/libcuda.so.550.54.15") is Role.ENVIRONMENT
