"""What channels hold, over HTTP and from disk. Everything happens on 127.0.0.1."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import zstandard

from envlock.backends.rattler_channels import RattlerIndex
from envlock.errors import EnvlockError, WorldError
from envlock.model.platform import Platform
from envlock.ports.index import ChannelSource, Reach
from integration.asking import (
    FOLDERS,
    LINUX,
    SECONDS,
    URL,
    ask,
    digest,
    names,
    record,
    write_folder,
)
from integration.channel_server import (
    Fault,
    Folders,
    Form,
    HostedChannel,
    serve,
)

pytestmark = pytest.mark.usefixtures("no_credentials_and_no_proxy")


def test_the_versions_that_a_spec_admits_are_found_with_all_they_depend_on(
    tmp_path: Path, scratch: Path
) -> None:
    found = ask(write_folder(tmp_path / "tiny", FOLDERS), scratch)

    assert names(found) == [
        "libz-1.2-0.tar.bz2",
        "libz-1.3-0.conda",
        "numpy-2.0-0.conda",
        "python-3.11.9-0.conda",
    ]
    assert names(found, "noarch") == ["pip-24.0-0.conda"]
    assert found[URL, "linux-64"]["libz-1.2-0.tar.bz2"] == record(
        "libz", "1.2", constrains=["zlib 1.2.*"], license="Zlib"
    )


def test_a_spec_that_admits_nothing_brings_what_there_is_instead(
    tmp_path: Path, scratch: Path
) -> None:
    reach = Reach(platform=Platform.LINUX_64, specs=("python 3.13.*",))

    found = ask(write_folder(tmp_path / "tiny", FOLDERS), scratch, reaches=[reach])

    assert names(found) == ["python-3.11.9-0.conda", "python-3.12.1-0.conda"]


def test_reaches_of_two_stacks_do_not_narrow_each_other(tmp_path: Path, scratch: Path) -> None:
    wide = Reach(platform=Platform.LINUX_64, specs=("python",))

    found = ask(write_folder(tmp_path / "tiny", FOLDERS), scratch, reaches=[LINUX, wide])

    assert "only-for-312-1-0.conda" in names(found)


def test_a_reach_starts_from_what_another_has_found_already(tmp_path: Path, scratch: Path) -> None:
    reaches = [
        Reach(platform=Platform.LINUX_64, specs=("only-for-312",)),
        Reach(platform=Platform.LINUX_64, specs=("python 3.12.*",)),
    ]

    found = ask(write_folder(tmp_path / "tiny", FOLDERS), scratch, reaches=reaches)

    assert names(found) == ["only-for-312-1-0.conda", "python-3.12.1-0.conda"]


@pytest.mark.parametrize("form", Form)
def test_every_form_of_a_channel_gives_the_same_pin_as_its_folder(
    form: Form, tmp_path: Path, scratch: Path
) -> None:
    from_disk = ask(write_folder(tmp_path / "tiny", FOLDERS), scratch)
    channel = HostedChannel(folders=FOLDERS, forms=frozenset({form}))

    with serve(channel) as location:
        live = ask(location, scratch)

    assert live == from_disk
    assert digest(live) == digest(from_disk)
    assert channel.agents == {"envlock/0.1.0"}


def test_a_sharded_channel_is_asked_only_for_the_shards_that_are_needed(scratch: Path) -> None:
    channel = HostedChannel(folders=FOLDERS, forms=frozenset(Form))

    with serve(channel) as location:
        ask(location, scratch)

    shards = [path for path in channel.requests if "/shards/" in path]
    assert len(shards) == len({"python", "libz", "numpy", "pip"})
    assert set(channel.requests.values()) == {1}
    assert not [path for path in channel.requests if path.endswith("repodata.json")]


def test_a_folder_that_holds_only_packed_repodata_is_read(tmp_path: Path, scratch: Path) -> None:
    plain = ask(write_folder(tmp_path / "tiny", FOLDERS), scratch)
    for path in (tmp_path / "tiny").rglob("repodata.json"):
        path.with_name("repodata.json.zst").write_bytes(zstandard.compress(path.read_bytes()))
        path.unlink()

    assert ask((tmp_path / "tiny").as_uri(), scratch) == plain


def test_the_order_of_a_channels_records_changes_nothing(tmp_path: Path, scratch: Path) -> None:
    def shuffled(seed: int) -> Folders:
        shuffle = random.Random(seed).sample
        return {
            subdir: {
                name: dict(shuffle(list(row.items()), len(row)))
                for name, row in shuffle(list(rows.items()), len(rows))
            }
            for subdir, rows in FOLDERS.items()
        }

    digests = {
        digest(ask(write_folder(tmp_path / str(seed), shuffled(seed)), scratch))
        for seed in range(4)
    }

    assert len(digests) == 1


def test_a_folder_that_the_channel_does_not_have_is_empty(scratch: Path) -> None:
    reach = Reach(platform=Platform.WIN_64, specs=("pip",))

    with serve(HostedChannel(folders=FOLDERS, forms=frozenset(Form))) as location:
        found = ask(location, scratch, reaches=[reach])

    assert {subdir: list(rows) for (_, subdir), rows in found.items()} == {
        "win-64": [],
        "noarch": ["pip-24.0-0.conda"],
    }


def test_records_of_a_mirror_keep_the_channels_own_address(scratch: Path) -> None:
    channel = HostedChannel(folders=FOLDERS, forms=frozenset({Form.ZST}))

    with serve(channel) as mirror:
        found = ask(mirror, scratch)

    assert set(found) == {(URL, "linux-64"), (URL, "noarch")}
    assert "127.0.0.1" not in json.dumps(list(found.values()))


def test_packages_that_no_conda_client_can_unpack_are_left_out(
    tmp_path: Path, scratch: Path
) -> None:
    wheel = {"packages.whl": {"numpy-2.1-py3-none-any.whl": record("numpy", "2.1")}}
    location = write_folder(tmp_path / "tiny", FOLDERS)
    path = tmp_path / "tiny/linux-64/repodata.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **wheel}))

    assert "numpy-2.0-0.conda" in names(ask(location, scratch))
    assert not [name for name in names(ask(location, scratch)) if name.endswith(".whl")]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("python ===", r"^`python ===` is not a conda match spec: "),
        ("py* 3.*", r"^`py\* 3\.\*` is not a conda match spec"),
    ],
)
def test_a_spec_that_does_not_name_a_package_is_refused(
    spec: str, told: str, scratch: Path
) -> None:
    reach = Reach(platform=Platform.LINUX_64, specs=(spec,))

    with pytest.raises(EnvlockError, match=told):
        ask("file:///nowhere", scratch, reaches=[reach])


def test_a_folder_of_a_channel_may_be_empty(scratch: Path) -> None:
    folders = {**FOLDERS, "win-64": {}}
    reach = Reach(platform=Platform.WIN_64, specs=("pip",))

    with serve(HostedChannel(folders=folders, forms=frozenset({Form.PLAIN}))) as location:
        found = ask(location, scratch, reaches=[reach])

    assert names(found, "win-64") == []


def test_a_reach_reads_only_its_own_channels(tmp_path: Path, scratch: Path) -> None:
    location = write_folder(tmp_path / "tiny", FOLDERS)
    reach = Reach(platform=Platform.LINUX_64, specs=("pip",), channels=(URL,))
    other = ChannelSource(url=f"{URL}-other", location=(tmp_path / "nowhere").as_uri())

    found = RattlerIndex(scratch).query([other, ChannelSource(url=URL, location=location)], [reach])

    assert set(found) == {(URL, "linux-64"), (URL, "noarch")}


def test_a_process_that_gave_up_a_silent_server_ends_at_once(tmp_path: Path) -> None:
    program = """
        import sys
        from pathlib import Path
        from envlock.backends.rattler_channels import RattlerIndex
        from envlock.errors import WorldError
        from envlock.model.platform import Platform
        from envlock.ports.index import ChannelSource, Reach

        source = ChannelSource(url="https://conda.anaconda.org/tiny", location=sys.argv[1])
        reach = Reach(platform=Platform.LINUX_64, specs=("python",))
        try:
            RattlerIndex(Path(sys.argv[2]), stall_seconds=0.5).query([source], [reach])
        except WorldError as error:
            sys.exit(int(error.exit_code))
    """

    with serve(HostedChannel(folders=FOLDERS, faults={"*": Fault.SILENT})) as location:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), location, tmp_path / "cache"],
            check=False,
            timeout=SECONDS,
        )

    assert done.returncode == 4


def test_what_a_killed_process_downloaded_is_swept_away(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for name, age_seconds in (("old", 200_000), ("new", 10)):
        (cache / f"download-{name}").mkdir(parents=True)
        moment = time.time() - age_seconds
        os.utime(cache / f"download-{name}", (moment, moment))

    ask(write_folder(tmp_path / "tiny", FOLDERS), cache)

    assert [path.name for path in cache.iterdir()] == ["download-new"]


def test_no_room_for_downloads_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))

    with pytest.raises(WorldError) as caught:
        ask("file:///nowhere", tmp_path / "file" / "cache")

    assert caught.value.message == (
        f"{tmp_path}/file/cache: repodata cannot be downloaded there, nor to a temporary folder: "
        "Not a directory\nNo pin was written."
    )


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    found = ask(write_folder(tmp_path / "tiny", FOLDERS), tmp_path / "file" / "cache")

    assert "python-3.11.9-0.conda" in names(found)
