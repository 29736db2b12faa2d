"""Home folders in what is handed on."""

from __future__ import annotations

import pytest

from envlock.formats.homes import without_home


@pytest.mark.parametrize(
    ("text", "home", "shown"),
    [
        ("/root/cuda/lib.so", "/root", "~/cuda/lib.so"),
        ("/root", "/root/", "~"),
        ("loaded /data/ann/x.so, /data/ann", "/data/ann", "loaded ~/x.so, ~"),
        ("file:///data/ann/x", "/data/ann", "file://~/x"),
        ("/data/anna/x.so", "/data/ann", "/data/anna/x.so"),
        ("/opt/root/x.so", "/root", "/opt/root/x.so"),
        ("/home/alice/x.so", "/root", "/home/~/x.so"),
        ("/nfs/home/alice/x.so:/Users/bob", "/root", "/nfs/home/~/x.so:/Users/~"),
        (r"C:\Users\bob\x.dll", "", r"C:\Users\~\x.dll"),
        ("/usr/lib/x.so", "/", "/usr/lib/x.so"),
        ("/usr/lib/x.so", "", "/usr/lib/x.so"),
    ],
)
def test_a_home_folder_is_shown_as_a_tilde(text: str, home: str, shown: str):
    assert without_home(text, home) == shown


def test_a_second_time_changes_nothing_more():
    once = without_home("/home/alice/a~b /home/a~b", "/home/alice")

    assert without_home(once, "/home/alice") == once
