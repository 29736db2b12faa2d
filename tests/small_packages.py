"""One small conda package for each thing that linking has to get right."""

from __future__ import annotations

from pathlib import Path

from conda_packages import PLACEHOLDER, Member, Packed, pack, script

_GREETING = b"""\
import greeting.words


def main():
    print(greeting.words.HELLO)
"""


def python_package(channel: Path) -> Packed:
    """A package for any Python, with a command of its own."""
    info = "site-packages/greeting-1.0.dist-info"
    return pack(
        channel,
        "greeting",
        members={
            "site-packages/greeting/__init__.py": Member(content=_GREETING),
            "site-packages/greeting/words.py": Member(content=b"HELLO = 'hello'\n"),
            "site-packages/greeting/a.b.py": Member(content=b"DOTTED = 1\n"),
            "site-packages/greeting/template.py": Member(content=b"{{ not python\n"),
            "site-packages/greeting/data.txt": Member(content=b"data\n"),
            f"{info}/METADATA": Member(
                content=b"Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n"
            ),
            f"{info}/INSTALLER": Member(content=b"conda\n"),
            f"{info}/entry_points.txt": Member(
                content=b"[console_scripts]\ngreet = greeting:main\n"
            ),
        },
        noarch="python",
        depends=["python >=3.8"],
        entry_points=["greet = greeting:main"],
    )


def activated_package(channel: Path) -> Packed:
    """A package that sets a variable when its environment is activated."""
    return pack(
        channel,
        "activated",
        members={
            "etc/conda/activate.d/activated.sh": script(
                f'export ACTIVATED_HOME="{PLACEHOLDER}/share/activated"\n'
            ),
            "etc/conda/deactivate.d/activated.sh": script(
                "unset ACTIVATED_HOME\n", placeholder=None
            ),
            "share/activated/about.txt": Member(content=b"about\n"),
        },
    )


def binary_package(channel: Path) -> Packed:
    """A package of files that know their prefix in every way that a binary file can."""
    place = PLACEHOLDER.encode()
    return pack(
        channel,
        "binary",
        members={
            path: Member(
                content=content,
                is_executable=path.startswith("bin/"),
                placeholder=PLACEHOLDER,
                file_mode="binary",
            )
            for path, content in {
                "lib/libone.so": b"\x7fELF\0" + place + b"/lib\0rest\0",
                "lib/libtwo.so": b"\x7fELF\0" + place + b"/lib:" + place + b"/share\0\0\0" + place,
                "lib/libend.so": b"\x7fELF\0\xff\xfe" + place + b"/no-nul-at-the-end",
                "bin/tool": b"\x7fELF\0" + place + b"\0" + place + b"\0\0\0\x01",
            }.items()
        },
    )


def linked_package(channel: Path) -> Packed:
    """A package of links: to a file, to a folder, to a link, to Python sources, to nowhere."""
    site = "lib/python3.11/site-packages"
    return pack(
        channel,
        "linked",
        "2.1",
        members={
            "lib/liblinked.so.2.1": Member(content=b"\x7fELF linked", is_executable=True),
            "lib/liblinked.so.2": Member(target="liblinked.so.2.1"),
            "lib/liblinked.so": Member(target="liblinked.so.2"),
            "share/linked-2.1/about.txt": Member(content=b"about\n"),
            "share/linked": Member(target="linked-2.1"),
            "share/linked-nowhere": Member(target="../lib/not-there"),
            f"{site}/linked_home.py": Member(
                content=f"HOME = '{PLACEHOLDER}'\n".encode(), placeholder=PLACEHOLDER
            ),
            f"{site}/linked_again.py": Member(target="linked_home.py"),
            f"{site}/linked_nowhere.py": Member(target="not_there.py"),
        },
    )


def bare_package(channel: Path) -> Packed:
    """A package that is there for its name, as those are that exclude each other."""
    return pack(channel, "bare", members={})


def folder_package(channel: Path) -> Packed:
    """A package of folders, and of names that are no words."""
    return pack(
        channel,
        "folders",
        members={
            "var/empty": Member(is_folder=True),
            "var/lib/folders": Member(is_folder=True),
            "share/folders/\u00e9 \u00fc.txt": Member(content=b"accents\n"),
            "top.txt": Member(content=b"top\n"),
            "top-link": Member(target="top.txt"),
        },
    )


def old_package(channel: Path) -> Packed:
    """A package in the format and with the lists of ten years ago."""
    return pack(
        channel,
        "oldstyle",
        members={
            "bin/oldstyle": script(f"#!{PLACEHOLDER}/bin/python\nprint('old')\n"),
            "lib/libold.so": Member(
                content=b"\x7fELF\0" + PLACEHOLDER.encode() + b"/lib\0",
                placeholder=PLACEHOLDER,
                file_mode="binary",
            ),
            "share/oldstyle.txt": Member(content=b"old\n"),
        },
        ending=".tar.bz2",
        is_of_2016=True,
    )


def shebang_package(channel: Path) -> Packed:
    """A package whose scripts have a first line that no system reads to its end."""
    long = "a-program-with-a-very-long-name-" * 3
    return pack(
        channel,
        "shebang",
        members={
            "bin/long": script(f"#!{PLACEHOLDER}/bin/{long}\n# {PLACEHOLDER}\n"),
            "bin/long-with-words": script(f"#!{PLACEHOLDER}/bin/{long} -E -s\nprint(1)\n"),
            "bin/short": script(f"#!{PLACEHOLDER}/bin/python\nprint('{PLACEHOLDER}')\n"),
            "bin/plain": script(f"echo {PLACEHOLDER} {PLACEHOLDER}/share\n"),
        },
    )


def make_small_packages(channel: Path) -> tuple[Packed, ...]:
    """Write all of them into a channel."""
    return (
        python_package(channel),
        activated_package(channel),
        binary_package(channel),
        bare_package(channel),
        folder_package(channel),
        linked_package(channel),
        old_package(channel),
        shebang_package(channel),
    )
