from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from envlock.cli.depot_wiring import open_depot, parse_moment
from envlock.errors import DepotError, EnvlockError, WorldError


def test_a_path_and_its_address_are_the_same_folder(tmp_path: Path):
    assert open_depot(str(tmp_path / "a b")).title == f"{tmp_path}/a b"
    assert open_depot((tmp_path / "a b").as_uri()).title == f"{tmp_path}/a b"


def test_what_looks_like_a_drive_of_windows_is_no_scheme():
    assert open_depot("C:depot").title.endswith("/C:depot")


def test_a_login_in_an_address_is_not_shown():
    pytest.importorskip("fsspec", reason="fsspec is not installed")

    assert open_depot("memory://user:secret@place/x").title == "memory://place/x"


def test_an_address_of_no_known_kind_is_refused():
    pytest.importorskip("fsspec", reason="fsspec is not installed")

    with pytest.raises(DepotError) as caught:
        open_depot("carrier-pigeon://roof")

    assert str(caught.value).startswith(
        "carrier-pigeon://roof: expected a folder or an address such as `s3://bucket/path`: "
    )


def test_without_fsspec_an_address_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("fsspec"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)

    with pytest.raises(WorldError) as caught:
        open_depot("s3://bucket/path")

    assert str(caught.value) == (
        "s3://bucket/path: an address needs the library `fsspec`, which is not installed"
    )
    assert caught.value.hints == (
        "install it beside envlock: `pip install fsspec`, for S3 `pip install s3fs`",
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24", "2026-11-24T00:00:00Z"),
        ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z"),
    ],
)
def test_a_day_and_a_time_are_moments(text: str, moment: str):
    assert parse_moment(text) == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-11-24T10:00", "2026-11-24\n"])
def test_anything_else_is_none(text: str):
    with pytest.raises(EnvlockError) as caught:
        parse_moment(text)

    assert str(caught.value) == f"--not-before: expected a day or a time in UTC, found {text!a}"
