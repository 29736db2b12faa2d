"""EL208: environments that are bent after they were solved."""

from __future__ import annotations

from envlock.audit.rules.patched_environment import RULE
from envlock.model.reading import FileKind
from readings import command, reading, told, wish


def test_a_library_path_is_told():
    found = reading(
        command("LD_LIBRARY_PATH=/usr/local/cuda/lib64:$LD_LIBRARY_PATH", "ENV", line=2),
        command("export LD_PRELOAD=/opt/x.so", line=3),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning at 2 (LD_LIBRARY_PATH=/usr/local/cuda/lib64:$LD_LIBRARY_PATH): "
        "`LD_LIBRARY_PATH=/usr/local/cuda/lib64:$LD_LIBRARY_PATH` sets `LD_LIBRARY_PATH`: the "
        "programs then load other libraries than those of the environment, CUDA's first of all.",
        "warning at 3 (export LD_PRELOAD=/opt/x.so): `export LD_PRELOAD=/opt/x.so` sets "
        "`LD_PRELOAD`: the programs then load other libraries than those of the environment, "
        "CUDA's first of all.",
    ]


def test_a_library_under_another_name_is_told():
    found = reading(
        command(
            "ln -s /usr/local/cuda/lib64/libcusolver.so.11 /usr/local/cuda/lib64/libcusolver.so.10",
            line=2,
        ),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning at 2 (ln -s /usr/local/cuda/lib64/libcusolver.so.11 /usr/local/cu…): `ln -s "
        "/usr/local/cuda/lib64/libcusolver.so.11 /usr/local/cuda/lib64/libcusolver…` gives one "
        "version of a library the name of another: it loads, and may then compute something "
        "else.",
    ]


def test_an_edited_package_is_told():
    found = reading(
        command("sed -i 's/np.int/int/' /opt/conda/lib/python3.11/site-packages/x/y.py", line=2),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning at 2 (sed -i 's/np.int/int/' /opt/conda/lib/python3.11/site-packa…): `sed -i "
        "'s/np.int/int/' /opt/conda/lib/python3.11/site-packages/x/y.py` edits an installed "
        "package: no lock and no hash knows about it.",
    ]


def test_forced_installs_are_told():
    found = reading(
        command("pip install --force-reinstall torch", line=2),
        command("pip install --no-deps xformers", line=3),
        command("pip3 install --ignore-installed PyYAML", line=4),
        command("python3 -m pip install --break-system-packages numpy", line=5),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning at 2 (pip install --force-reinstall torch): `pip install --force-reinstall "
        "torch` puts packages over those that are there, with all that they need "
        "(`--force-reinstall`).",
        "warning at 3 (pip install --no-deps xformers): `pip install --no-deps xformers` leaves "
        "out what the package says it needs: whether it works is chance (`--no-deps`).",
        "warning at 4 (pip3 install --ignore-installed PyYAML): `pip3 install "
        "--ignore-installed PyYAML` puts a second copy over the one that is there "
        "(`--ignore-installed`).",
        "warning at 5 (python3 -m pip install --break-system-packages numpy): `python3 -m pip "
        "install --break-system-packages numpy` changes the Python that the system itself uses "
        "(`--break-system-packages`).",
    ]


def test_a_whole_list_without_dependencies_is_right():
    found = reading(
        command("pip install --no-deps --require-hashes -r requirements.lock", line=2),
        command("pip install --no-deps -e .", line=3),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == []


def test_conda_after_pip_is_told_once():
    found = reading(
        command("pip install torch", line=2),
        command("conda install -y numpy", line=3),
        command("conda install -y scipy", line=4),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning at 3 (conda install -y numpy): `conda install -y numpy` installs with conda "
        "after pip did (line 2): conda does not see pip's packages, and overwrites what they "
        "share.",
    ]


def test_conda_before_pip_another_stage_and_another_environment_are_fine():
    found = reading(
        command("conda install -y numpy", line=1),
        command("pip install torch", line=2),
        command("base", "FROM", line=2),
        command("conda install -y numpy", line=2),
        command("conda create -n other python=3.11", line=3),
        command("echo LD", line=4),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == []


def test_uv_and_conda_env_are_seen_as_well():
    found = reading(
        command("uv pip install --force-reinstall torch", line=2),
        command("conda env update -f environment.yml", line=3),
        command('["broken', line=4),
        command("uv", line=5),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning at 2 (uv pip install --force-reinstall torch): `uv pip install "
        "--force-reinstall torch` puts packages over those that are there, with all that they "
        "need (`--force-reinstall`).",
        "warning at 3 (conda env update -f environment.yml): `conda env update -f "
        "environment.yml` installs with conda after pip did (line 2): conda does not see pip's "
        "packages, and overwrites what they share.",
    ]


def test_upgrades_of_everything_are_told():
    found = reading(
        command("apt-get -y upgrade", line=2),
        command("conda update -y --all", line=3),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning at 2 (apt-get -y upgrade): `apt-get -y upgrade` brings all of the system to "
        "the state of the day.",
        "warning at 3 (conda update -y --all): `conda update -y --all` brings all packages to "
        "the state of the day.",
    ]


def test_names_that_are_only_signposts_are_told():
    found = reading(
        wish("tensorflow-gpu", line=2), wish("sklearn", line=3), kind=FileKind.REQUIREMENTS
    )

    assert told(RULE, found) == [
        "error at 2 (tensorflow-gpu): `tensorflow-gpu` is only a signpost on PyPI: the newest "
        "one fails to install and says to take `tensorflow`.",
        "error at 3 (sklearn): `sklearn` is only a signpost on PyPI: the newest one fails to "
        "install and says to take `scikit-learn`.",
    ]


def test_old_versions_that_are_real_are_fine():
    found = reading(
        wish("tensorflow-gpu==2.4.0"),
        wish("scikit-learn"),
        wish("torch"),
        kind=FileKind.REQUIREMENTS,
    )

    assert told(RULE, found) == []
