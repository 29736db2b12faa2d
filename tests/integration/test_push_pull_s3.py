"""A push to and a pull from an S3-compatible server on loopback, through the command line."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from hashlib import sha256

import pytest

from depot_house import DepotHouse, depot_house
from envlock.formats.depot_entry import read_entry_file
from s3_server import login, s3_bucket, why_no_s3
from tiny_builds import make_conda, make_python, make_wheel, module_of, write_lock

_REASON = why_no_s3()
pytestmark = pytest.mark.skipif(_REASON is not None, reason=_REASON or "")
KILLS = 4
_CHANCE = random.Random(7)


@pytest.fixture(scope="module")
def house() -> Iterator[DepotHouse]:
    with depot_house() as made:
        channel = made.folder / "large"
        packed = [make_python(channel), make_wheel(channel, "w", module_of("w", 40))]
        for at in range(3):
            content = _CHANCE.randbytes(9_000_000)
            packed.append(make_conda(channel, f"large{at}", {f"share/large{at}": content}))
        made.lock = write_lock(made.folder / "large.conda-lock.yml", *packed)
        done = made.run("a", "build", "-q", str(made.lock))
        assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture
def bucket() -> Iterator[str]:
    with s3_bucket() as name:
        yield name


def assert_nothing_is_half(place: str) -> None:
    """Whatever has its name in the bucket is whole, and an entry has all that it names."""
    import s3fs  # noqa: PLC0415 - heavy, and not always there

    files = s3fs.S3FileSystem(skip_instance_cache=True)
    objects = {path.rpartition("/")[2]: path for path in files.find(f"{place}/objects")}
    for name, path in objects.items():
        assert sha256(files.cat_file(path)).hexdigest() == name
    for path in files.find(f"{place}/entries"):
        entry = read_entry_file(files.cat_file(path), path).entry
        assert {each.sha256 for each in (*entry.artifacts, *entry.bytecode)} <= objects.keys()


def test_a_clean_store_pulls_from_s3_what_another_one_pushed(house: DepotHouse, bucket: str):
    address = f"s3://{bucket}/envs"

    pushed = house.run(
        "a", "push", "--json", str(house.lock), address, "--sign", "ours", environment=login()
    )
    pulled = house.run(
        "b",
        *("pull", "--json", str(house.lock), address, "--key", "ours.pub"),
        environment=login(),
    )

    assert pushed.returncode == 0, pushed.stderr
    assert pulled.returncode == 0, pulled.stderr
    entry, environment = json.loads(pushed.stdout)["entry"], json.loads(pulled.stdout)
    assert environment["content_sha256"] == entry["content_sha256"]
    assert environment["tree_sha256"] != entry["tree_sha256"]
    assert house.run("b", "store", "verify").returncode == 0
    refused = house.run(
        "c", "pull", str(house.lock), address, "--key", "theirs.pub", environment=login()
    )
    assert refused.returncode == 2
    assert "none of the keys that you trust\nNothing was pulled.\n" in refused.stderr


def test_what_is_killed_on_its_way_to_and_from_s3_is_taken_up(house: DepotHouse, bucket: str):
    address = f"s3://{bucket}/killed"
    push = ("push", str(house.lock), address, "--sign", "ours", "--json")
    pull = ("pull", str(house.lock), address, "--key", "ours.pub", "--json")
    for words, home in ((push, "a"), (pull, "d")):
        for _ in range(KILLS):
            started = house.start(home, *words, environment=login())
            time.sleep(_CHANCE.uniform(1.0, 3.0))
            started.kill()
            started.communicate()
            assert_nothing_is_half(f"{bucket}/killed")
        done = house.run(home, *words, environment=login())
        assert done.returncode == 0, done.stderr

    assert house.run("d", "store", "verify").returncode == 0


def test_a_bucket_that_is_not_there_is_said_without_a_traceback(house: DepotHouse, bucket: str):
    done = house.run(
        "a", "push", str(house.lock), "s3://no-such-bucket/x", "--sign", "ours", environment=login()
    )

    assert done.returncode == 4
    assert done.stderr.startswith("error: s3://no-such-bucket/x: the depot cannot be used: ")
    assert "What was whole in the depot before is whole now.\n" in done.stderr


def test_a_server_that_does_not_answer_is_said_without_a_traceback(house: DepotHouse):
    nobody = {**login(), "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}

    done = house.run("e", "pull", str(house.lock), "s3://a/b", environment=nobody)

    assert done.returncode == 4
    assert done.stderr.startswith("error: s3://a/b: the depot cannot be used: ")
