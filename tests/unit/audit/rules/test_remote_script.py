"""EL207: scripts that are run as they come from the network."""

from __future__ import annotations

from envlock.audit.rules.remote_script import RULE
from envlock.model.reading import FileKind
from readings import command, reading, told


def test_a_download_into_a_shell_is_told():
    found = reading(
        command("curl -fsSL https://get.example/install.sh | sudo bash -s -- -y", line=3),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 3 (https://get.example/install.sh): `curl -fsSL "
        "https://get.example/install.sh | sudo bash -s -- -y` is run as it comes from "
        "`https://get.example/install.sh`: nobody looks at it, and it is another script "
        "tomorrow.",
    ]


def test_a_download_in_a_substitution_is_told():
    found = reading(
        command("bash <(curl -s https://get.example/a.sh)", line=3),
        command('sh -c "$(wget -qO- https://get.example/b.sh)"', line=4),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 3 (https://get.example/a.sh): `bash <(curl -s https://get.example/a.sh)` is "
        "run as it comes from `https://get.example/a.sh`: nobody looks at it, and it is another "
        "script tomorrow.",
        'error at 4 (https://get.example/b.sh): `sh -c "$(wget -qO- '
        'https://get.example/b.sh)"` is run as it comes from `https://get.example/b.sh`: '
        "nobody looks at it, and it is another script tomorrow.",
    ]


def test_a_script_that_was_saved_and_is_run_later_is_told():
    found = reading(
        command("wget https://get.example/Miniconda3.sh -O /tmp/m.sh", line=3),
        command("bash /tmp/m.sh -b", line=4),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 4 (https://get.example/Miniconda3.sh): `bash /tmp/m.sh -b` runs what was "
        "downloaded from `https://get.example/Miniconda3.sh`: nobody looks at it, and it is "
        "another script tomorrow.",
    ]


def test_a_release_that_nothing_checks_is_a_warning():
    found = reading(
        command("wget https://get.example/v1.2.0/install.sh", line=3),
        command("sh install.sh", line=4),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning at 4 (https://get.example/v1.2.0/install.sh): `sh install.sh` runs what was "
        "downloaded from `https://get.example/v1.2.0/install.sh`: nothing checks that it is the "
        "file that was meant.",
    ]


def test_a_script_under_its_own_name_is_told():
    found = reading(
        command("curl -O https://get.example/setup.py", line=3),
        command("chmod +x setup.py", line=4),
        command("./setup.py install", line=5),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 5 (https://get.example/setup.py): `./setup.py install` runs what was "
        "downloaded from `https://get.example/setup.py`: nobody looks at it, and it is another "
        "script tomorrow.",
    ]


def test_a_script_that_is_checked_before_is_fine():
    found = reading(
        command("wget https://get.example/m.sh", line=3),
        command('echo "0a1b  m.sh" | sha256sum -c', line=4),
        command("bash m.sh -b", line=5),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == []


def test_downloads_that_are_not_run_are_fine():
    found = reading(
        command(
            "curl -fsSL https://get.example/key.gpg | gpg --dearmor -o /usr/share/keyrings/k.gpg",
            line=3,
        ),
        command("curl -O https://get.example/data.tar.gz", line=4),
        command("tar xf data.tar.gz", line=5),
        command("curl -s https://get.example/x.json | python -m json.tool", line=6),
        command("ls | sh", line=7),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == []


def test_an_added_address_without_a_checksum_is_told():
    found = reading(
        command("https://get.example/model.bin /opt/", "ADD", line=3), kind=FileKind.DOCKERFILE
    )

    assert told(RULE, found) == [
        "warning at 3 (https://get.example/model.bin): `ADD` downloads "
        "`https://get.example/model.bin` and checks nothing.",
    ]


def test_an_added_address_with_a_checksum_is_fine():
    found = reading(
        command("--checksum=sha256:0a1b https://get.example/model.bin /opt/", "ADD", line=3),
        command("src /opt/src", "ADD", line=4),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == []
