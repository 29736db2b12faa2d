"""Rules meet whatever a reader could make of a broken file: they never raise, and hide secrets."""

from __future__ import annotations

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from envlock.audit.rules import all_rules
from envlock.model.reading import (
    Command,
    Ecosystem,
    FileKind,
    FoundPackage,
    NamedPlace,
    Oddity,
    OddityKind,
    Origin,
    OriginKind,
    Reading,
)
from readings import judged

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
"""To make a failing reading smaller takes minutes, and says no more."""
SECRET = "hunter2hunter2"  # noqa: S105  nobody's
PIECES = st.sampled_from(
    [
        *("", ".", "..", "/", "//", ":", "@", "#", "?", "=", "'", '"', "$(", "`", "|", "[", "]"),
        *(
            "https://",
            "http://",
            "git+ssh://",
            "file://",
            "s3://",
            "C:\\",
            "git@",
            "\x00",
            "é",
            "{",
        ),
        *("conda.example", "localhost", "[::1]", "/label/dev", "/nightly/", "/archive/main.zip"),
        *("numpy", "python", "==", ">=3.9", "1.2.3", "latest", "pip install ", "--pre ", "curl "),
        *("git clone ", "conda install ", "wget ", "| sh", "sudo ", "--token=''", "{count}", "%s"),
        *("8" * 40, "0" * 64, "sha256", "md5", "ln -s libx.so.1 libx.so.2", "LD_LIBRARY_PATH="),
    ]
)
TEXT = st.one_of(st.lists(PIECES, max_size=5).map("".join), st.text(max_size=12))
LINE = st.integers(0, 9)
ORIGIN = st.builds(
    Origin,
    address=TEXT,
    kind=st.sampled_from(OriginKind),
    hashes=st.dictionaries(TEXT, TEXT, max_size=2),
    revision=TEXT,
    line=LINE,
)
PACKAGE = st.builds(
    FoundPackage,
    name=TEXT,
    ecosystem=st.sampled_from(Ecosystem),
    version=st.none() | TEXT,
    wanted=TEXT,
    build=TEXT,
    platforms=st.lists(TEXT, max_size=2).map(tuple),
    origins=st.lists(ORIGIN, max_size=3).map(tuple),
    index=TEXT,
    is_project=st.booleans(),
    line=LINE,
)
ODDITY = st.builds(Oddity, kind=st.sampled_from(OddityKind), said=TEXT, line=LINE, subject=TEXT)
INSTRUCTION = st.sampled_from(["RUN", "ENV", "ADD", "CMD", "EXPOSE", "HEREDOC", "FROM", ""])
READING = st.builds(
    Reading,
    file=st.just("a.lock"),
    kind=st.sampled_from(FileKind),
    format_version=TEXT,
    packages=st.lists(PACKAGE, max_size=6).map(tuple),
    places=st.lists(st.builds(NamedPlace, address=TEXT, kind=TEXT, line=LINE), max_size=3).map(
        tuple
    ),
    python=TEXT,
    settings=st.dictionaries(TEXT | st.just("prefix"), TEXT, max_size=2),
    commands=st.lists(
        st.builds(Command, instruction=INSTRUCTION, text=TEXT, line=LINE), max_size=4
    ).map(tuple),
    oddities=st.lists(ODDITY, max_size=5).map(tuple),
)


@given(READING)
@settings(max_examples=200, deadline=None, phases=QUICK)
def test_no_reading_makes_a_rule_raise_or_say_nothing(found: Reading):
    outcome = judged(all_rules(), found)

    assert all(item.message.strip() and item.remedy.strip() for item in outcome.findings)
    assert [item.order for item in outcome.findings] == sorted(
        item.order for item in outcome.findings
    )


@given(st.sampled_from(["https", "http", "git+https", "git+ssh", "ssh"]), PACKAGE, TEXT)
@settings(max_examples=100, deadline=None, phases=QUICK)
def test_a_password_is_in_no_message_wherever_it_stood(scheme: str, like: FoundPackage, tail: str):
    address = f"{scheme}://me:{SECRET}@conda.example/{tail}"
    found = Reading(
        file="a.lock",
        kind=FileKind.DOCKERFILE,
        packages=(
            FoundPackage(
                name=like.name,
                ecosystem=like.ecosystem,
                wanted=f"x @ {address}",
                index=address,
                origins=(Origin(address=address, kind=OriginKind.GIT, revision=address),),
            ),
        ),
        places=(NamedPlace(address=address, kind="extra-index"),),
        commands=(
            Command(instruction="RUN", text=f"git clone {address}"),
            Command(instruction="RUN", text=f"curl {address} | sh"),
            Command(instruction="ADD", text=f"{address} /x"),
        ),
    )

    outcome = judged(all_rules(), found)

    assert outcome.findings
    for item in outcome.findings:
        assert SECRET not in f"{item.subject} {item.subjects} {item.message} {item.remedy}"
