"""EL801 to EL803: environments that are installed, of the store and others, as they were or not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from audit_house import audited, lines
from envlock.backends.installed import DiskEnvironments
from envlock.backends.installed_sealed import StoreEnvironments
from envlock.cli.main import main
from envlock.formats.conda_lock import format_lock
from envlock.model.finding import AuditReport, Severity
from envlock.model.reading import Ecosystem, FileKind
from envlock.model.store import Environment
from envlock.workflows.audit_prefix import reading_of
from locks import locked, make_lock
from tiny_store import PYTHON, TinyStore, here, make_wheel, tiny_store

SITE = f"lib/python{PYTHON}/site-packages"
CODES = ("EL8",)


def plain() -> DiskEnvironments:
    return DiskEnvironments(lambda: here().value)


def told(report: AuditReport, folder: object) -> list[str]:
    """The findings, with the folder's name taken out."""
    assert report.unreadable == ()
    return [line.replace(str(folder), "PREFIX") for line in lines(report)]


# --- of the store ---------------------------------------------------------------------------------


class Sealed:
    """An environment of the store that somebody changes."""

    def __init__(self, tiny: TinyStore, environment: Environment) -> None:
        self.tiny = tiny
        self.path = Path(environment.path)
        self.environments = StoreEnvironments(plain(), tiny.store.layout, lambda: tiny.store)

    def write(self, path: str, content: bytes | None) -> None:
        """Write a file, or take it away, as somebody with the right to do so would."""
        place = self.path / path
        self._open(place.parent)
        place.unlink(missing_ok=True)
        if content is not None:
            place.write_bytes(content)

    def _open(self, folder: Path) -> None:
        if not folder.exists():
            self._open(folder.parent)
            folder.mkdir()
        folder.chmod(0o755)

    def said(self, *paths: object) -> list[str]:
        report = audited(*(paths or (self.path,)), codes=CODES, environments=self.environments)
        return told(report, self.path)


@pytest.fixture
def sealed() -> Iterator[Sealed]:
    with tiny_store() as tiny:
        yield Sealed(tiny, tiny.build("one", "alpha 1.0", "beta 2.0"))


def test_an_environment_of_the_store_is_clean_by_its_path_and_by_a_link_to_it(sealed: Sealed):
    link = sealed.tiny.folder / "result"
    link.symlink_to(sealed.path)

    assert sealed.said() == []
    assert sealed.said(link) == []


def test_an_environment_of_the_store_is_read_with_where_its_files_came_from(sealed: Sealed):
    reading = reading_of(sealed.environments.read(str(sealed.path)))

    assert (reading.kind, reading.format_version) == (FileKind.PREFIX, "by envlock")
    assert [(item.name, item.version, item.ecosystem) for item in reading.packages] == [
        ("alpha", "1.0", Ecosystem.PYPI),
        ("beta", "2.0", Ecosystem.PYPI),
    ]
    (origin,) = reading.packages[0].origins
    assert origin.address == sealed.tiny.wheel("alpha").as_uri()
    assert set(origin.hashes) == {"sha256"}


def test_an_edited_file_is_named_with_its_package(sealed: Sealed):
    sealed.write(f"{SITE}/alpha/__init__.py", b"VERSION = '6.6'\n")

    assert sealed.said() == [
        f"EL802 alpha: 1 file of alpha in PREFIX is not as installed: `{SITE}/alpha/__init__.py` "
        "has another content."
    ]


def test_a_file_that_is_gone_is_named_with_its_package(sealed: Sealed):
    sealed.write(f"{SITE}/beta/data.bin", None)

    assert sealed.said() == [
        f"EL802 beta: 1 file of beta in PREFIX is not as installed: `{SITE}/beta/data.bin` is gone."
    ]


def test_a_changed_record_is_found_by_the_seal(sealed: Sealed):
    record = f"{SITE}/alpha-1.0.dist-info/RECORD"
    before = (sealed.path / record).read_bytes()
    sealed.write(record, before.replace(b"sha256=", b"sha256=A", 1))

    (said,) = sealed.said()

    assert said == (
        f"EL802 alpha: 1 file of alpha in PREFIX is not as installed: `{record}` has another size."
    )


def test_files_of_nobody_are_named_by_their_folder(sealed: Sealed):
    sealed.write(f"{SITE}/evil/__init__.py", b"import os\n")
    sealed.write(f"{SITE}/evil/more.py", b"\n")
    sealed.write("share/notes.txt", b"\n")

    assert sealed.said() == [
        f"EL803 {SITE}/evil/: 2 files below PREFIX belong to no package: "
        f"`{SITE}/evil/__init__.py`, `{SITE}/evil/more.py`.",
        "EL803 share/: 1 file below PREFIX belongs to no package: `share/notes.txt`.",
    ]


def test_a_package_that_was_installed_on_top_is_named_and_one_that_went_is_missed(sealed: Sealed):
    info = f"{SITE}/gamma-3.0.dist-info"
    sealed.write(f"{info}/METADATA", b"Metadata-Version: 2.1\nName: gamma\nVersion: 3.0\n")
    sealed.write(f"{info}/RECORD", f"{info.rpartition('/')[2]}/RECORD,,\n".encode())
    sealed.write(f"{SITE}/beta-2.0.dist-info/METADATA", None)

    found = sealed.said()

    assert "EL801 gamma: gamma 3.0 is in PREFIX, and should not be there." in found
    assert "EL801 beta: beta 2.0 should be in PREFIX, and is missing." in found


def test_a_lost_manifest_is_told(sealed: Sealed):
    for path in sealed.tiny.store.layout.manifests.rglob("*.zst"):
        path.unlink()

    (said,) = sealed.said()

    assert said.startswith("EL803: A record in PREFIX cannot be read: ")
    assert said.endswith("it is gone.")


def test_a_folder_in_the_store_that_it_does_not_know_is_told(sealed: Sealed):
    strange = sealed.path.with_name("0" * 26 + "-strange")
    shutil.copytree(sealed.path, strange)

    (said,) = [line for line in sealed.said(strange) if "store" in line]

    assert said == (
        f"EL803: A record in {strange} cannot be read: {strange} lies in the store, and the store "
        "knows no such environment."
    )


def test_an_environment_is_held_against_any_lock(sealed: Sealed):
    lock = sealed.tiny.lock("other", "alpha 1.1", "delta 4.0")

    report = audited(lock, codes=CODES, environments=sealed.environments, prefix=str(sealed.path))

    assert told(report, sealed.path) == [
        "EL801 alpha: alpha in PREFIX has the version `1.0` and should have `1.1`.",
        "EL801 beta: beta 2.0 is in PREFIX, and should not be there.",
        "EL801 delta: delta 4.0 should be in PREFIX, and is missing.",
    ]
    assert (
        told(
            audited(
                sealed.tiny.lock("one", "alpha 1.0", "beta 2.0"),
                codes=CODES,
                environments=sealed.environments,
                prefix=str(sealed.path),
            ),
            sealed.path,
        )
        == []
    )


def test_a_lock_of_other_platforms_cannot_be_held_against_it(sealed: Sealed):
    lock = sealed.tiny.folder / "win.conda-lock.yml"
    lock.write_bytes(format_lock(make_lock(locked("numpy", platform="win-64"))))

    report = audited(lock, codes=CODES, environments=sealed.environments, prefix=str(sealed.path))

    (unlooked,) = [
        item for item in report.judged[0].unlooked if item.what == "an installed environment"
    ]
    assert unlooked.reason == (
        f"the lock has no packages for {here().value}, which {sealed.path} is of"
    )


# --- a conda environment that envlock did not build -----------------------------------------------


@pytest.fixture
def conda(tmp_path: Path) -> Path:
    """A prefix as conda leaves it: two packages, what conda writes itself, and pip's on top."""
    prefix = tmp_path / "env"
    files = {
        "lib/libz.so.1": b"zlib\n",
        "bin/tool": b"#!/opt/env/bin/python\n",
        f"{SITE}/six.py": b"six = 6\n",
        f"{SITE}/six-1.16.dist-info/METADATA": b"Name: six\nVersion: 1.16\n",
        f"{SITE}/six-1.16.dist-info/RECORD": b"six.py,sha256=wrong,1\n",
        f"{SITE}/__pycache__/six.cpython-311.pyc": b"bytecode",
        "conda-meta/history": b"==> now <==\n",
        f"{SITE}/beta.py": b"beta = 1\n",
        f"{SITE}/beta-2.0.dist-info/METADATA": b"Name: beta\nVersion: 2.0\n",
        f"{SITE}/beta-2.0.dist-info/INSTALLER": b"pip\n",
        f"{SITE}/beta-2.0.dist-info/RECORD": (
            b"beta.py,,\nbeta-2.0.dist-info/METADATA,,\nbeta-2.0.dist-info/INSTALLER,,\n"
            b"beta-2.0.dist-info/RECORD,,\n../../../../../../etc/passwd,,1\n"
        ),
    }
    for name, content in files.items():
        path = prefix / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (prefix / "lib" / "libz.so").symlink_to("libz.so.1")
    rows = {
        "zlib": [("lib/libz.so.1", ""), ("lib/libz.so", "softlink"), ("bin/tool", "prefix")],
        "six": [(name, "") for name in files if "/six" in name and "pyc" not in name]
        + [(f"{SITE}/__pycache__/six.cpython-312.pyc", "pyc_file")],
    }
    for name, listed in rows.items():
        record = {
            "name": name,
            "version": "1.16",
            "build": "h0_1",
            "subdir": "linux-64" if name == "zlib" else "noarch",
            "url": f"https://conda.example/forge/noarch/{name}-1.16-h0_1.conda",
            "sha256": "ab" * 32,
            "license": "MIT",
            "depends": ["python >=3.8"],
            "paths_data": {"paths": [_path_row(path, kind, files) for path, kind in listed]},
        }
        path = prefix / "conda-meta" / f"{name}-1.16-h0_1.json"
        path.write_text(json.dumps(record), "utf-8")
    return prefix


def _path_row(path: str, kind: str, files: Mapping[str, bytes]) -> dict[str, object]:
    digest = sha256(files.get(path, b"")).hexdigest()
    row: dict[str, object] = {"_path": path, "path_type": kind or "hardlink", "sha256": digest}
    if kind == "prefix":
        row |= {"path_type": "hardlink", "prefix_placeholder": "/opt/placeholder"}
        row |= {"sha256": "0" * 64, "size_in_bytes": 999, "sha256_in_prefix": digest}
    return row


def test_a_conda_environment_as_it_was_installed_has_no_finding(conda: Path):
    assert looked_at(conda) == []

    reading = reading_of(plain().read(str(conda)))
    assert reading.format_version == "conda"
    assert [(item.name, item.version, item.build, item.ecosystem) for item in reading.packages] == [
        ("six", "1.16", "h0_1", Ecosystem.CONDA),
        ("zlib", "1.16", "h0_1", Ecosystem.CONDA),
        ("beta", "2.0", "", Ecosystem.PYPI),
    ]
    (origin,) = reading.packages[0].origins
    assert origin.address == "https://conda.example/forge/noarch/six-1.16-h0_1.conda"
    assert origin.hashes == {"sha256": "ab" * 32}


@pytest.mark.parametrize(
    ("path", "problem", "owner"),
    [
        ("lib/libz.so.1", "has another content", "zlib"),
        ("bin/tool", "has another content", "zlib"),
        (f"{SITE}/six.py", "has another content", "six"),
    ],
)
def test_an_edited_file_of_a_conda_package_is_named(
    conda: Path, path: str, problem: str, owner: str
):
    (conda / path).write_bytes(b"edited")

    assert looked_at(conda) == [
        f"EL802 {owner}: 1 file of {owner} in PREFIX is not as installed: `{path}` {problem}."
    ]


def test_what_lies_in_a_conda_environment_and_is_of_nobody_is_named(conda: Path):
    (conda / "lib" / "libmine.so").write_bytes(b"")
    (conda / "lib" / "libz.so").unlink()

    assert looked_at(conda) == [
        "EL802 zlib: 1 file of zlib in PREFIX is not as installed: `lib/libz.so` is gone.",
        "EL803 lib/: 1 file below PREFIX belongs to no package: `lib/libmine.so`.",
    ]


def test_what_would_never_end_when_it_is_read_is_not_read(conda: Path):
    os.mkfifo(conda / "conda-meta" / "pipe.json")
    os.mkfifo(conda / "pipe")
    (conda / "lib" / "libz.so.1").unlink()
    (conda / "lib" / "libz.so.1").symlink_to("../pipe")

    assert looked_at(conda) == [
        "EL802 zlib: 1 file of zlib in PREFIX is not as installed: `lib/libz.so.1` is another kind "
        "of thing.",
        "EL803 pipe: 1 file below PREFIX belongs to no package: `pipe`.",
    ]


def test_a_record_of_conda_that_is_none_is_told(conda: Path):
    (conda / "conda-meta" / "zlib-1.16-h0_1.json").write_bytes(b"[]")

    assert (
        "EL803: A record in PREFIX cannot be read: conda-meta/zlib-1.16-h0_1.json: expected a "
        "package with `name` and `version`."
    ) in looked_at(conda)


def test_a_conda_environment_is_held_against_its_lock_with_build_and_hash(
    conda: Path, tmp_path: Path
):
    lock = tmp_path / "a.conda-lock.yml"
    rows = [locked("six", "1.16", "h0_0"), locked("zlib", "1.16", "h0_1"), locked("python", "3.11")]
    lock.write_bytes(format_lock(make_lock(*rows)))

    report = audited(lock, codes=CODES, environments=plain(), prefix=str(conda))

    assert told(report, conda) == [
        "EL801 beta: beta 2.0 is in PREFIX, and should not be there.",
        "EL801 python: python 3.11 should be in PREFIX, and is missing.",
        "EL801 six: six in PREFIX has the build `h0_1` and should have `h0_0`.",
        "EL801 zlib: zlib in PREFIX was installed from a file of sha256 abababababab…, and should "
        f"be that of {str(rows[1].sha256)[:12]}….",
    ]


# --- a venv ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv of Python's own, with a wheel that pip installed."""
    folder = tmp_path_factory.mktemp("venv")
    wheel = folder / "alpha-1.0-py3-none-any.whl"
    wheel.write_bytes(make_wheel("alpha"))
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    pip_install(venv, str(wheel))
    return venv


def pip_install(venv: Path, *words: str) -> None:
    pytest.importorskip("pip")
    pip = [sys.executable, "-m", "pip", "-q", "--python", str(venv / "bin" / "python")]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run(
        [*pip, "install", "--no-index", "--no-deps", *words], check=True, env=environment
    )


@pytest.fixture
def venv(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "venv"
    shutil.copytree(made, copy, symlinks=True)
    return copy


def looked_at(venv: Path, *, codes: Sequence[str] = CODES) -> list[str]:
    return told(audited(venv, codes=codes, environments=plain()), venv)


def test_a_venv_as_it_was_installed_has_no_finding_and_is_read_as_what_it_is(venv: Path):
    assert looked_at(venv) == []

    reading = reading_of(plain().read(str(venv)))
    assert (reading.kind, reading.format_version) == (FileKind.PREFIX, "venv")
    assert reading.python == ".".join(map(str, sys.version_info[:3]))
    assert [(item.name, item.version) for item in reading.packages] == [("alpha", "1.0")]
    (origin,) = reading.packages[0].origins
    assert origin.address.endswith("/alpha-1.0-py3-none-any.whl")
    assert set(origin.hashes) == {"sha256"}


def test_an_edited_a_lost_and_a_foreign_file_of_a_venv_are_each_named(venv: Path):
    (venv / SITE / "alpha" / "__init__.py").write_bytes(b"VERSION = '1.O'\n")
    (venv / SITE / "alpha" / "data.bin").unlink()
    (venv / SITE / "sitecustomize.py").write_bytes(b"import os\n")
    (venv / "bin" / "tool").write_bytes(b"#!/bin/sh\n")

    assert looked_at(venv) == [
        f"EL802 alpha: 2 files of alpha in PREFIX are not as installed: `{SITE}/alpha/__init__.py` "
        f"has another content, `{SITE}/alpha/data.bin` is gone.",
        "EL803 bin/: 1 file below PREFIX belongs to no package: `bin/tool`.",
        f"EL803 {SITE}/: 1 file below PREFIX belongs to no package: `{SITE}/sitecustomize.py`.",
    ]


def test_a_record_that_is_gone_leaves_files_of_nobody(venv: Path):
    (venv / SITE / "alpha-1.0.dist-info" / "RECORD").unlink()

    assert (
        "EL803 alpha: alpha in PREFIX has no list of its files: nobody can tell which are its."
        in looked_at(venv)
    )


def test_a_package_without_a_name_is_told_as_a_record_that_cannot_be_read(venv: Path):
    (venv / SITE / "alpha-1.0.dist-info" / "METADATA").write_bytes(b"\xff\xfe")

    assert (
        f"EL803: A record in PREFIX cannot be read: {SITE}/alpha-1.0.dist-info/METADATA: expected "
        "`Name` and `Version`."
    ) in looked_at(venv)


def test_a_package_that_pip_put_on_top_is_found_against_the_lock(venv: Path, tmp_path: Path):
    wheel = tmp_path / "beta-2.0-py3-none-any.whl"
    wheel.write_bytes(make_wheel("beta", "2.0"))
    pip_install(venv, str(wheel))
    requirements = tmp_path / "pylock.toml"
    requirements.write_text(
        'lock-version = "1.0"\ncreated-by = "hand"\n[[packages]]\nname = "Alpha"\n'
        'version = "1.0"\nwheels = [{ name = "alpha-1.0-py3-none-any.whl", '
        'url = "https://wheels.example/alpha-1.0-py3-none-any.whl", '
        f'hashes = {{ sha256 = "{"0" * 64}" }} }}]\n',
        "utf-8",
    )

    report = audited(requirements, codes=CODES, environments=plain(), prefix=str(venv))

    found = told(report, venv)
    assert found[0].startswith("EL801 alpha: alpha in PREFIX was installed from a file of sha256 ")
    assert found[0].endswith(f"…, and should be that of {'0' * 12}….")
    assert found[1:] == ["EL801 beta: beta 2.0 is in PREFIX, and should not be there."]
    assert [item.severity for item in report.findings] == [Severity.ERROR, Severity.WARNING]


def test_a_wish_list_is_held_against_it_without_what_its_packages_brought_along(
    venv: Path, tmp_path: Path
):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("Alpha==1.1\nomega==1.0\nopen>=2\n", "utf-8")

    report = audited(requirements, codes=CODES, environments=plain(), prefix=str(venv))

    assert told(report, venv) == [
        "EL801 alpha: alpha in PREFIX has the version `1.0` and should have `1.1`.",
        "EL801 omega: omega 1.0 should be in PREFIX, and is missing.",
    ]


def test_git_editable_and_local_installs_are_read_with_their_places(venv: Path):
    info = venv / SITE / "alpha-1.0.dist-info" / "direct_url.json"
    for text, kind, revision in (
        (
            '{"url": "https://git.example/a.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}',
            "git",
            "abc",
        ),
        ('{"url": "file:///src/a", "dir_info": {"editable": true}}', "folder", ""),
        (
            '{"url": "https://x.example/a-1.tar.gz", "archive_info": {"hash": "sha256=1"}}',
            "sdist",
            "",
        ),
    ):
        info.write_text(text, "utf-8")
        (package,) = reading_of(plain().read(str(venv))).packages
        (origin,) = package.origins
        assert (origin.kind, origin.revision) == (kind, revision)
        assert package.is_editable is (kind == "folder")


def test_the_command_audits_an_environment_with_all_the_rules(
    venv: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    home = tmp_path / "no-store"
    monkeypatch.setenv("ENVLOCK_HOME", str(home))

    main(["audit", str(venv)])

    said = capsys.readouterr().out
    assert "EL104" in said  # the wheel came from a folder of this machine
    assert "EL8" not in said
    assert not home.exists()


def test_a_folder_that_is_no_environment_is_refused(tmp_path: Path):
    lock = tmp_path / "a.conda-lock.yml"
    lock.write_bytes(format_lock(make_lock(locked("numpy"))))

    assert main(["audit", str(lock), "--prefix", str(tmp_path / "nope")]) == 2
    assert main(["audit", str(lock), "--prefix", str(tmp_path)]) == 2
