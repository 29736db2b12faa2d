from __future__ import annotations

import pytest

from envlock.compat.builds import (
    Build,
    CpuBuild,
    CudaBuild,
    UnknownBuild,
    read_build,
    runs_on,
    vendored_cudnn,
)
from envlock.model.platform import System
from envlock.model.version import CudaLine

# One real build for each distinct shape, from the channels and from published locks. The last word
# is what it says: a CUDA line, a slash and the cuDNN inside; `cuda` without a line; `cpu`; `?`.
SHAPES = """
cupy                     py310h1b77274_2                     conda-forge  linux  cuda
cupy-core                py310h8de46e0_2                     conda-forge  linux  cuda
faiss                    py311h5ca41dd_3_cpu                 conda-forge  win    cpu
faiss                    py311h5d610c5_4_cpu                 conda-forge  osx    cpu
faiss                    py311hd8a4de2_4_cpu                 conda-forge  linux  cpu
faiss                    py312hf23773a_0_cpu                 conda-forge  linux  cpu
faiss-cpu                h718b53a_4                          conda-forge  linux  cpu
faiss-cpu                he781eb1_4                          conda-forge  osx    cpu
faiss-cpu                hf9c7e24_3                          conda-forge  win    cpu
faiss-cpu                py27_1                              pytorch      linux  cpu
faiss-cpu                py27_cuda0.0_1                      pytorch      linux  cpu
faiss-cpu                py27_cuda8.0.61hc0154d9_1           pytorch      linux  cpu
faiss-cpu                py27_cuda9.0.176_1                  pytorch      linux  cpu
faiss-cpu                py27h6bb024c_1                      pytorch      linux  cpu
faiss-cpu                py3.6_h0236df7_0_cpu                pytorch      linux  cpu
faiss-cpu                py3.6_h2a577fa_1_cpu                pytorch      linux  cpu
faiss-gpu                py27_cuda10.0_1                     pytorch      linux  10.0
faiss-gpu                py3.6_h9d0e104_0_cuda10.1           pytorch      linux  10.1
faiss-gpu                py3.6_hf4b0e32_1_cuda10.1           pytorch      linux  10.1
faiss-gpu                py3.6_h080d439_1_cuda10.2           pytorch      linux  10.2
faiss-gpu                py3.6_hed44701_0_cuda10.2           pytorch      linux  10.2
faiss-gpu                py3.6_h293177f_1_cuda11.0           pytorch      linux  11.0
faiss-gpu                py3.6_h28a55e0_0_cuda11.3           pytorch      linux  11.3
faiss-gpu                py3.10_hc0239a3_0_cuda11.4          pytorch      linux  11.4
faiss-gpu                py27_cuda8.0.61_1                   pytorch      linux  8.0
faiss-gpu                py27_cuda8.0.61h8069bcb_1           pytorch      linux  8.0
faiss-gpu                py27_cuda8.0_1                      pytorch      linux  8.0
faiss-gpu                py27_cuda9.0.176_1                  pytorch      linux  9.0
faiss-gpu                py27_cuda9.0_1                      pytorch      linux  9.0
faiss-gpu                py27_cuda9.1.85_1                   pytorch      linux  9.1
faiss-gpu                py27_cuda9.2.148_1                  pytorch      linux  9.2
faiss-gpu                py27_cuda9.2_1                      pytorch      linux  9.2
faiss-gpu                py27h1a5d453_1                      pytorch      linux  cuda
flash-attn               py310h380b8dd_0                     conda-forge  linux  ?
jaxlib                   cuda118py311he1bf99d_200            conda-forge  linux  11.8
jaxlib                   cuda120py312h3995614_201            conda-forge  linux  12.0
jaxlib                   cuda126py310h5e1a0f3_200            conda-forge  linux  12.6
jaxlib                   cuda129_py311h6689f8c_200           conda-forge  linux  12.9
jaxlib                   cuda129py312h050a67a_200            conda-forge  linux  12.9
jaxlib                   cpu_py311h3ac22a7_0                 conda-forge  osx    cpu
jaxlib                   cpu_py311hceffaa2_0                 conda-forge  linux  cpu
libfaiss                 h335e8f1_4_cpu                      conda-forge  osx    cpu
libfaiss                 h72e5a87_0_cpu                      conda-forge  linux  cpu
libfaiss                 hba6d9cf_3_cpu                      conda-forge  win    cpu
libfaiss                 hf47d654_4_cpu                      conda-forge  linux  cpu
libfaiss                 hbf11de5_0_cuda10.1                 pytorch      linux  10.1
libfaiss                 hbf11de5_1_cuda10.1                 pytorch      linux  10.1
libfaiss                 h4fe19ad_0_cuda10.2                 pytorch      linux  10.2
libfaiss                 h4fe19ad_1_cuda10.2                 pytorch      linux  10.2
libfaiss                 h7f34bec_1_cuda11.0                 pytorch      linux  11.0
libfaiss                 hfc2d529_0_cuda11.3                 pytorch      linux  11.3
libfaiss                 h13c3c6d_0_cuda11.4                 pytorch      linux  11.4
libfaiss                 h2bc3f7f_0_cpu                      pytorch      linux  cpu
libfaiss                 h2bc3f7f_1_cpu                      pytorch      linux  cpu
libfaiss-avx2            h1234567_3_cpu                      conda-forge  win    cpu
libfaiss-avx2            h1234567_4_cpu                      conda-forge  linux  cpu
libfaiss-avx2            h1234567_4_cpu                      conda-forge  osx    cpu
libmagma                 ha7672b3_0                          conda-forge  linux  cuda
libmagma_sparse          h0af6554_0                          conda-forge  linux  cuda
libtensorflow_cc         cuda129h19f333e_252                 conda-forge  linux  12.9
libtensorflow_framework  cuda129h775b7a8_252                 conda-forge  linux  12.9
libtorch                 cuda118_h8db9d67_301                conda-forge  linux  11.8
libtorch                 cuda120_h2b0da52_301                conda-forge  linux  12.0
libtorch                 cuda126_generic_h0bb98d8_210        conda-forge  linux  12.6
libtorch                 cuda126_hd8d7199_303                conda-forge  linux  12.6
libtorch                 cuda126_mkl_haa0cf67_310            conda-forge  linux  12.6
libtorch                 cuda128_mkl_h0dfedc6_303            conda-forge  win    12.8
libtorch                 cuda129_generic_hfa03e03_201        conda-forge  linux  12.9
libtorch                 cuda129_mkl_hd6d2a1f_303            conda-forge  linux  12.9
libtorch                 cuda130_mkl_hfedd1fc_301            conda-forge  linux  13.0
libtorch                 cpu_generic_h0ec3652_4              conda-forge  linux  cpu
libtorch                 cpu_generic_h593a70c_0              conda-forge  osx    cpu
libtorch                 cpu_mkl_h0bc6d91_101                conda-forge  linux  cpu
libtorch                 cpu_mkl_h139a93d_103                conda-forge  osx    cpu
libtorch                 cpu_mkl_ha0e170c_104                conda-forge  win    cpu
libxgboost               cuda112h7a395e5_2                   conda-forge  linux  11.2
libxgboost               cuda118_h09a87be_1                  conda-forge  linux  11.8
libxgboost               cuda120_h75debf4_1                  conda-forge  linux  12.0
libxgboost               cuda129_h54c741a_0                  conda-forge  linux  12.9
libxgboost               cpu_h250267a_1                      conda-forge  osx    cpu
magma                    hc72dce7_4                          conda-forge  linux  cuda
py-xgboost               cuda112py310h898796e_2              conda-forge  linux  11.2
py-xgboost               cuda118_pyhedeaf28_1                conda-forge  linux  11.8
py-xgboost               cuda120_pyh206be00_4                conda-forge  linux  12.0
py-xgboost               cuda129_pyha75543c_0                conda-forge  linux  12.9
py-xgboost               cpu_pyhf5c67e3_1                    conda-forge  linux  cpu
pytorch                  cuda112py310h51fe464_202            conda-forge  linux  11.2
pytorch                  cuda118_py311h4ee7bbc_301           conda-forge  linux  11.8
pytorch                  cuda120_py312h26b3cf7_301           conda-forge  linux  12.0
pytorch                  cuda126_generic_py311_h1cc0e90_209  conda-forge  linux  12.6
pytorch                  cuda126_mkl_py310_h069c2fa_309      conda-forge  linux  12.6
pytorch                  cuda126_py311h6d738e8_304           conda-forge  linux  12.6
pytorch                  cuda128_mkl_py311_h2eca7bd_305      conda-forge  win    12.8
pytorch                  cuda129_generic_py310_h340c4bc_201  conda-forge  linux  12.9
pytorch                  cuda129_mkl_py311_h333e2d5_303      conda-forge  linux  12.9
pytorch                  cuda130_mkl_py313_h06a2bf6_301      conda-forge  linux  13.0
pytorch                  cpu_generic_py311_h1662354_1        conda-forge  osx    cpu
pytorch                  cpu_generic_py311_h36b4074_10       conda-forge  linux  cpu
pytorch                  cpu_generic_py311h255d53b_4         conda-forge  linux  cpu
pytorch                  cpu_generic_py311h8ecd042_1         conda-forge  osx    cpu
pytorch                  cpu_mkl_py311_h1c4f899_103          conda-forge  osx    cpu
pytorch                  cpu_mkl_py311_h30d5c41_100          conda-forge  linux  cpu
pytorch                  cpu_mkl_py311_h550c066_100          conda-forge  win    cpu
pytorch                  cpu_mkl_py311h4c611e5_101           conda-forge  linux  cpu
pytorch                  cpu_mkl_py312h0c6306f_101           conda-forge  osx    cpu
pytorch                  py3.5_cuda10.1.243_cudnn7.6.3_0     pytorch      linux  10.1/7.6.3
pytorch                  py3.6_cuda10.1_cudnn7.6.3_0         pytorch      linux  10.1/7.6.3
pytorch                  py3.5_cuda10.2.89_cudnn7.6.5_0      pytorch      linux  10.2/7.6.5
pytorch                  py3.6_cuda10.2_cudnn7.6.5_0         pytorch      linux  10.2/7.6.5
pytorch                  py3.6_cuda11.0.221_cudnn8.0.3_0     pytorch      linux  11.0/8.0.3
pytorch                  py3.6_cuda11.0.221_cudnn8.0.5_0     pytorch      linux  11.0/8.0.5
pytorch                  py3.6_cuda11.1_cudnn8.0.5_0         pytorch      linux  11.1/8.0.5
pytorch                  py3.6_cuda11.3_cudnn8.2.0_0         pytorch      linux  11.3/8.2.0
pytorch                  py3.10_cuda11.3_cudnn8.3.2_0        pytorch      linux  11.3/8.3.2
pytorch                  py3.10_cuda11.5_cudnn8.3.2_0        pytorch      linux  11.5/8.3.2
pytorch                  py3.10_cuda11.6_cudnn8.3.2_0        pytorch      linux  11.6/8.3.2
pytorch                  py3.10_cuda11.7_cudnn8.5.0_0        pytorch      linux  11.7/8.5.0
pytorch                  py3.11_cuda11.8_cudnn8_0            pytorch      win    11.8/8
pytorch                  py3.10_cuda11.8_cudnn8.7.0_0        pytorch      linux  11.8/8.7.0
pytorch                  py3.12_cuda11.8_cudnn9_0            pytorch      win    11.8/9
pytorch                  py3.12_cuda11.8_cudnn9.1.0_0        pytorch      linux  11.8/9.1.0
pytorch                  py3.11_cuda12.1_cudnn8_0            pytorch      win    12.1/8
pytorch                  py3.10_cuda12.1_cudnn8.9.2_0        pytorch      linux  12.1/8.9.2
pytorch                  py3.11_cuda12.1_cudnn9.1.0_0        pytorch      linux  12.1/9.1.0
pytorch                  py3.12_cuda12.4_cudnn9_0            pytorch      win    12.4/9
pytorch                  py3.12_cuda12.4_cudnn9.1.0_0        pytorch      linux  12.4/9.1.0
pytorch                  py3.5_cuda9.2.148_cudnn7.6.3_0      pytorch      linux  9.2/7.6.3
pytorch                  py3.11_0                            pytorch      osx    cpu
pytorch                  py3.6_cpu_0                         pytorch      linux  cpu
pytorch                  py3.8_cpu_0                         pytorch      win    cpu
pytorch-cpu              cpu_generic_h2c3ef0c_3              conda-forge  linux  cpu
pytorch-cpu              cpu_generic_hcc7c195_1              conda-forge  osx    cpu
pytorch-cpu              cpu_generic_py311h9d11763_4         conda-forge  linux  cpu
pytorch-cpu              cpu_generic_py313_h510b526_0        conda-forge  osx    cpu
pytorch-cpu              cpu_mkl_hd61e0f4_101                conda-forge  linux  cpu
pytorch-cpu              cpu_mkl_hf38594e_102                conda-forge  win    cpu
pytorch-cpu              py27_cpu_1                          pytorch      linux  cpu
pytorch-cpu              py27_cpuha5077bf_4                  pytorch      linux  cpu
pytorch-gpu              cuda112py310h68407e5_202            conda-forge  linux  11.2
pytorch-gpu              cuda118py311h9433a6d_301            conda-forge  linux  11.8
pytorch-gpu              cuda126_generic_hbf71451_209        conda-forge  linux  12.6
pytorch-gpu              cuda126_mkl_ha999a5f_309            conda-forge  linux  12.6
pytorch-gpu              cuda126ha999a5f_305                 conda-forge  linux  12.6
pytorch-gpu              cuda128_mkl_hc88b545_303            conda-forge  win    12.8
pytorch-gpu              cuda129_generic_h8ef9432_201        conda-forge  linux  12.9
pytorch-gpu              cuda129_mkl_h0d04637_301            conda-forge  linux  12.9
pytorch-gpu              cuda130_generic_h63a1e35_203        conda-forge  linux  13.0
pytorch-mutex            cpu                                 pytorch      linux  cpu
pytorch-mutex            cuda                                pytorch      linux  cuda
tensorflow               cuda120py312h02ad488_202            conda-forge  linux  12.0
tensorflow               cuda129py312ha3fd0c4_252            conda-forge  linux  12.9
tensorflow-base          cuda120py312h8a249fc_202            conda-forge  linux  12.0
tensorflow-base          cuda129py312h59614e2_252            conda-forge  linux  12.9
tensorflow-estimator     cuda120py312hfa0f5ef_202            conda-forge  linux  12.0
tensorflow-estimator     cuda129py312h813c257_252            conda-forge  linux  12.9
torchaudio               cuda129_py312h1e512de_0             conda-forge  linux  12.9
torchaudio               py36_cu102                          pytorch      linux  10.2
torchaudio               py36_cu111                          pytorch      linux  11.1
torchaudio               py36_cu113                          pytorch      linux  11.3
torchaudio               py310_cu115                         pytorch      linux  11.5
torchaudio               py310_cu116                         pytorch      linux  11.6
torchaudio               py310_cu117                         pytorch      linux  11.7
torchaudio               py310_cu118                         pytorch      linux  11.8
torchaudio               py310_cu121                         pytorch      linux  12.1
torchaudio               py35                                pytorch      linux  ?
torchaudio               py36_cpu                            pytorch      linux  cpu
torchtriton              py310                               pytorch      linux  cuda
torchvision              cuda112py310haa5f812_1              conda-forge  linux  11.2
torchvision              cuda118py311hc969a9e_0              conda-forge  linux  11.8
torchvision              cuda120py311h6416cd9_2              conda-forge  linux  12.0
torchvision              cuda126_py313_h7b3c7c1_0            conda-forge  linux  12.6
torchvision              cuda129_py312_h69a17e1_3            conda-forge  linux  12.9
torchvision              cpu_py311hb3472de_3                 conda-forge  osx    cpu
torchvision              cpu_py313_h2f72641_0                conda-forge  linux  cpu
torchvision              cpu_py313_h49053cb_2                conda-forge  osx    cpu
torchvision              cpu_py314_hc1634d4_0                conda-forge  win    cpu
torchvision              cuda_py313_h6be0d2c_2               conda-forge  linux  cuda
torchvision              py35_cu101                          pytorch      linux  10.1
torchvision              py36_cu102                          pytorch      linux  10.2
torchvision              py36_cu110                          pytorch      linux  11.0
torchvision              py36_cu111                          pytorch      linux  11.1
torchvision              py36_cu113                          pytorch      linux  11.3
torchvision              py310_cu115                         pytorch      linux  11.5
torchvision              py310_cu116                         pytorch      linux  11.6
torchvision              py310_cu117                         pytorch      linux  11.7
torchvision              py310_cu118                         pytorch      linux  11.8
torchvision              py310_cu121                         pytorch      linux  12.1
torchvision              py312_cu124                         pytorch      linux  12.4
torchvision              py35_cu92                           pytorch      linux  9.2
torchvision              py311_cpu                           pytorch      osx    cpu
torchvision              py36_cpu                            pytorch      linux  cpu
torchvision              py38_cpu                            pytorch      win    cpu
triton                   cuda126py310h382487b_5              conda-forge  linux  12.6
triton                   cuda129py310hc5d9a74_2              conda-forge  linux  12.9
triton                   cuda130py313h01fa122_1              conda-forge  linux  13.0
xgboost                  cuda112py310h898796e_2              conda-forge  linux  11.2
xgboost                  cuda118_pyh5ebfdf7_1                conda-forge  linux  11.8
xgboost                  cuda120_pyh993ee4f_4                conda-forge  linux  12.0
xgboost                  cuda129_pyh5c66634_0                conda-forge  linux  12.9
xgboost                  cpu_pyhc1a9e11_1                    conda-forge  linux  cpu
libarrow                 hbdff5fc_0_cuda                     conda-forge  linux  cuda
libhwloc                 nocuda_h15da153_1008                conda-forge  win    cpu
viskores                 cuda13.0_hd6b4012_                  conda-forge  linux  13.0
"""


def expected_build(word: str) -> Build:
    match word:
        case "cpu":
            return CpuBuild()
        case "?":
            return UnknownBuild()
        case "cuda":
            return CudaBuild(line=None)
    line, _, cudnn = word.partition("/")
    return CudaBuild(line=CudaLine.parse(line), cudnn=cudnn or None)


@pytest.mark.parametrize("row", SHAPES.strip().splitlines(), ids=lambda row: " ".join(row.split()))
def test_a_real_build_says_what_it_was_built_for(row: str):
    name, build, channel, system, says = row.split()

    assert read_build(name, build, channel, System(system)) == expected_build(says)


@pytest.mark.parametrize(
    ("build", "line"),
    [
        ("py36_cu92", "9.2"),
        ("py39_cu102", "10.2"),
        ("py311_cu121", "12.1"),
        ("cuda1210_py314h1234567_0", "12.10"),
        ("py3.5_cuda10.1.243_cudnn7.6.3_0", "10.1"),
        ("gpu_cuda118py311h1234567_0", "11.8"),
        ("py39cuda112h460e57a_1_cuda", "11.2"),
    ],
)
def test_the_tags_digits_are_a_line(build: str, line: str):
    assert read_build("pytorch", build, "conda-forge", System.LINUX) == CudaBuild(
        line=CudaLine.parse(line)
    )


@pytest.mark.parametrize("build", ["cuda12_py312h1234567_0", "cu9_0", "gpu_0", "h1234567_8_cuda"])
def test_a_build_can_say_cuda_without_a_line(build: str):
    assert read_build("anything", build, "conda-forge", System.LINUX) == CudaBuild(line=None)


@pytest.mark.parametrize("build", ["py311h1234567_0", "cudnn9_0", "accuda12_0", "0", ""])
def test_a_build_can_say_nothing(build: str):
    assert read_build("anything", build, "conda-forge", System.LINUX) == UnknownBuild()


def test_without_a_tag_a_macos_build_is_a_cpu_build():
    assert read_build("pytorch", "py3.11_0", "pytorch", System.MACOS) == CpuBuild()
    assert read_build("pytorch", "py3.11_0", "pytorch", System.LINUX) == UnknownBuild()


@pytest.mark.parametrize("channel", ["pytorch", "https://channels.example/pytorch-nightly"])
def test_a_cudnn_in_the_build_is_believed_of_pytorchs_channels(channel: str):
    build = read_build("pytorch", "py3.11_cuda12.1_cudnn9.1.0_0", channel, System.LINUX)

    assert build == CudaBuild(line=CudaLine(12, 1), cudnn="9.1.0")


def test_a_cudnn_in_the_build_is_not_believed_of_others():
    build = read_build("pytorch", "py3.11_cuda12.1_cudnn9.1.0_0", "someone", System.LINUX)

    assert build == CudaBuild(line=CudaLine(12, 1), cudnn=None)


@pytest.mark.parametrize(
    ("name", "build", "cudnn"),
    [
        ("pytorch", "py3.11_cuda12.1_cudnn9.1.0_0", "9.1.0"),
        ("pytorch", "py3.8_cuda11.8_cudnn8.7.0_0", "8.7.0"),
        ("pytorch", "py3.12_cuda12.1_cudnn8_0", "8"),
        ("pytorch", "py3.11_cpu_0", None),
        ("pytorch", "cuda129_mkl_py313_h1234567_300", None),
        ("torchvision", "py311_cu121", None),
        ("tensorflow", "py3.9_cuda11.2_cudnn8.1_0", None),
    ],
)
def test_the_vendored_cudnn_is_the_one_that_a_pytorch_build_names(
    name: str, build: str, cudnn: str | None
):
    assert vendored_cudnn(name, build) == cudnn


@pytest.mark.parametrize(
    ("build_line", "line", "runs"),
    [
        ("12.1", "12.1", True),
        ("12.0", "12.4", True),
        ("12.8", "12.9", True),
        ("12.4", "12.1", False),
        ("11.8", "12.1", False),
        ("13.0", "12.9", False),
    ],
)
def test_a_build_runs_with_its_own_minor_and_newer_ones(build_line: str, line: str, runs: bool):
    assert runs_on(CudaLine.parse(build_line), CudaLine.parse(line)) is runs
