"""Archives fetched from a server that misbehaves, from the disk, by several processes at once."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import ssl
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import md5, sha256
from pathlib import Path

import pytest

from artifact_server import ArtifactServer, Step, by_path, ranges, serving
from envlock.backends.artifact_fetcher import ArtifactFetcher
from envlock.backends.artifact_files import ArtifactFolder, Partial
from envlock.backends.artifact_http import FetchOptions
from envlock.errors import ArchiveError, EnvlockError, LockError, WorldError
from envlock.ports.artifacts import WantedArtifact

pytestmark = pytest.mark.usefixtures("no_credentials_and_no_proxy")

NUMPY = "/linux-64/numpy-2.1.3-0.conda"
BODY = bytes(range(256)) * 2000  # 512,000 bytes
OTHER = BODY[::-1]
HALF = 300_000
ETAG = '"one"'


@dataclass
class Heard:
    """What a `FetchProgress` heard."""

    files: int = 0
    size_bytes: int | None = None
    sum: int = 0
    finished: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, files: int, size_bytes: int | None) -> None:
        self.files, self.size_bytes = files, size_bytes

    def received(self, size_bytes: int) -> None:
        with self.lock:
            self.sum += size_bytes

    def done(self, wanted: WantedArtifact) -> None:
        self.finished.append(wanted.file_name)


@dataclass
class Bench:
    """A server, a folder, and what fetching says."""

    server: ArtifactServer
    root: Path
    base: Path
    environment: dict[str, str] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    heard: Heard = field(default_factory=Heard)

    @property
    def folder(self) -> ArtifactFolder:
        return ArtifactFolder(self.root)

    def want(self, path: str = NUMPY, content: bytes = BODY, **changes: object) -> WantedArtifact:
        fields: dict[str, object] = {
            "file_name": path.rpartition("/")[2],
            "url": f"{self.server.url}{path}",
            "sha256": sha256(content).hexdigest(),
            "md5": md5(content, usedforsecurity=False).hexdigest(),
            "size_bytes": len(content),
            "package": "numpy 2.1.3",
        }
        return WantedArtifact(**{**fields, **changes})  # type: ignore[arg-type]

    def publish(self, path: str = NUMPY, content: bytes = BODY) -> WantedArtifact:
        self.server.files[path] = content
        return self.want(path, content)

    def fetch(self, *wanted: WantedArtifact, recheck: bool = False, **options: object) -> None:
        def pause(stop: threading.Event, seconds: float) -> None:
            self.waits.append(seconds)

        settings = FetchOptions(
            **{"pause": pause, "jitter": lambda: 0.5, "stall_seconds": 0.3, **options}  # type: ignore[arg-type]
        )
        self.heard = Heard()
        ArtifactFetcher(self.folder, self.environment, self.base, settings).fetch(
            wanted, self.heard, recheck=recheck
        )

    def fault(self, *wanted: WantedArtifact, **options: object) -> EnvlockError:
        with pytest.raises(EnvlockError) as caught:
            self.fetch(*wanted, **options)  # type: ignore[arg-type]
        return caught.value

    def has(self, wanted: WantedArtifact) -> bool:
        """Whether it is here, right, read-only and alone."""
        path = self.folder.path_of(wanted.sha256)
        return (
            self.folder.digest_matches(wanted.sha256)
            and stat.S_IMODE(path.stat().st_mode) == 0o444
            and path.stat().st_nlink == 1
        )

    def left(self) -> list[str]:
        """What lies about besides the archives."""
        return sorted(path.name for path in (self.root / "partial").glob("*"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with serving() as server:
        base = tmp_path / "project"
        base.mkdir()
        yield Bench(server, tmp_path / "artifacts", base)


def test_an_archive_arrives_whole_read_only_and_alone(bench: Bench):
    wanted = bench.publish()

    bench.fetch(wanted)

    assert bench.has(wanted)
    assert bench.left() == []
    assert (bench.heard.files, bench.heard.size_bytes) == (1, len(BODY))
    assert bench.heard.sum == len(BODY)
    assert bench.heard.finished == [wanted.file_name]
    assert bench.server.requests[0].headers["Accept-Encoding"] == "identity"


def test_what_is_here_is_not_asked_for_again(bench: Bench):
    wanted = bench.publish()
    bench.fetch(wanted)

    bench.fetch(wanted)

    assert len(bench.server.requests) == 1
    assert (bench.heard.files, bench.heard.size_bytes, bench.heard.sum) == (0, 0, 0)


def test_many_archives_come_eight_at_once_and_the_largest_first(bench: Bench):
    contents = [os.urandom(1000 * (at + 1)) for at in range(40)]
    wanted = [bench.publish(f"/{at}.whl", content) for at, content in enumerate(contents)]

    bench.fetch(*wanted)

    assert all(bench.has(item) for item in wanted)
    assert bench.heard.sum == sum(map(len, contents))
    assert sorted(bench.heard.finished) == sorted(item.file_name for item in wanted)
    assert 1 < bench.server.at_once <= 8
    assert "/39.whl" in [request.path for request in bench.server.requests[:8]]
    assert bench.left() == []


def test_one_digest_wanted_twice_is_fetched_once(bench: Bench):
    first = bench.publish("/a.whl")
    second = bench.publish("/b.whl")

    bench.fetch(first, second)

    assert by_path(bench.server.requests) == {"/a.whl": 1}


def test_two_claims_about_one_digest_are_refused(bench: Bench):
    error = bench.fault(bench.publish(), bench.want(size_bytes=7))

    assert isinstance(error, LockError)
    assert "has size_bytes 512000, `numpy-2.1.3-0.conda` has 7" in str(error)


@pytest.mark.parametrize(
    ("steps", "asked"),
    [
        ([Step(drop_after=HALF)], [None, HALF]),
        ([Step(drop_after=HALF), Step(drop_after=100_000)], [None, HALF, HALF + 100_000]),
        ([Step(drop_after=HALF), Step(ignores_range=True)], [None, HALF]),
        ([Step(drop_after=HALF), Step(shift=1)], [None, HALF, None]),
        ([Step(drop_after=HALF), Step(headers={"Content-Range": "rubbish"})], [None, HALF, None]),
        (
            [Step(drop_after=HALF), Step(headers={"Content-Range": f"bytes {HALF}-/9"})],
            [None, HALF, None],
        ),
        ([Step(drop_after=HALF), Step(status=416)], [None, HALF, None]),
        ([Step(drop_after=HALF), Step(status=503)], [None, HALF, HALF]),
        ([Step(drop_after=HALF), Step(most=50_000)], [None, HALF, HALF + 50_000]),
        ([Step(stall_after=HALF)], [None, HALF]),
        ([Step(is_silent=True)], [None, None]),
        ([Step(status=500), Step(status=502), Step(status=429)], [None] * 4),
        ([Step(drop_after=0), Step(drop_after=0)], [None] * 3),
        ([Step(is_chunked=True, drop_after=HALF)], [None, HALF]),
        ([Step(is_chunked=True)], [None]),
    ],
)
def test_a_download_goes_on_through_trouble(
    bench: Bench, steps: list[Step], asked: list[int | None]
):
    wanted = bench.publish()
    bench.server.etags[NUMPY] = ETAG
    bench.server.scripts[NUMPY] = steps

    bench.fetch(wanted)

    assert bench.has(wanted)
    assert bench.heard.sum == len(BODY)
    assert bench.left() == []
    assert ranges(bench.server.requests) == [None if at is None else f"bytes={at}-" for at in asked]


def test_a_flipped_bit_in_a_resumed_download_is_cured_by_one_whole_download(bench: Bench):
    wanted = bench.publish()
    bench.server.scripts[NUMPY] = [Step(drop_after=HALF, flip_at=5)]

    bench.fetch(wanted)

    assert bench.has(wanted)
    assert ranges(bench.server.requests) == [None, f"bytes={HALF}-", None]
    assert bench.heard.sum == len(BODY)


def test_a_file_that_changed_between_two_attempts_is_fetched_anew(bench: Bench):
    wanted = bench.publish()
    bench.server.etags[NUMPY] = '"old"'
    bench.server.scripts[NUMPY] = [Step(drop_after=HALF, flip_at=5, headers={})]
    bench.fault(wanted, retries=0)
    bench.server.etags[NUMPY] = '"new"'

    bench.fetch(wanted)

    assert bench.has(wanted)
    assert [request.headers.get("If-Range") for request in bench.server.requests] == [
        None,
        '"old"',
    ]


def test_a_date_stands_in_for_a_weak_etag(bench: Bench):
    wanted = bench.publish()
    bench.server.etags[NUMPY] = 'W/"weak"'
    bench.server.modified[NUMPY] = "Wed, 21 Oct 2015 07:28:00 GMT"
    bench.server.scripts[NUMPY] = [Step(drop_after=HALF)]

    bench.fetch(wanted)

    assert bench.server.requests[1].headers["If-Range"] == "Wed, 21 Oct 2015 07:28:00 GMT"
    assert bench.server.sent[NUMPY] == len(BODY)


def test_a_second_call_asks_for_the_rest_alone(bench: Bench):
    wanted = bench.publish()
    bench.server.etags[NUMPY] = ETAG
    bench.server.scripts[NUMPY] = [Step(drop_after=HALF)]
    bench.fault(wanted, retries=0)
    assert bench.left() == [wanted.sha256, f"{wanted.sha256}.json"]
    assert bench.heard.sum == HALF

    bench.fetch(wanted)

    assert bench.server.sent[NUMPY] == len(BODY)
    assert bench.server.requests[1].headers["If-Range"] == ETAG
    assert bench.heard.sum == len(BODY)
    assert bench.left() == []


def test_a_part_that_is_whole_already_is_not_asked_for(bench: Bench):
    wanted = bench.want()
    (bench.root / "partial").mkdir(parents=True)
    (bench.root / "partial" / wanted.sha256).write_bytes(BODY)

    bench.fetch(wanted)

    assert bench.has(wanted)
    assert bench.server.requests == []


@pytest.mark.parametrize(
    "notes", ["", "{", "[]", '{"etag": 3}', '{"etag": "\\n", "last_modified": "\\n"}']
)
def test_notes_that_were_cut_off_do_no_harm(bench: Bench, notes: str):
    wanted = bench.publish()
    (bench.root / "partial").mkdir(parents=True)
    (bench.root / "partial" / wanted.sha256).write_bytes(BODY[:HALF])
    (bench.root / "partial" / f"{wanted.sha256}.json").write_text(notes)

    bench.fetch(wanted)

    assert bench.has(wanted)
    assert ranges(bench.server.requests) == [f"bytes={HALF}-"]
    assert bench.server.requests[0].headers["If-Range"] is None


def test_what_an_earlier_run_left_longer_than_the_archive_is_thrown_away(bench: Bench):
    wanted = bench.publish()
    (bench.root / "partial").mkdir(parents=True)
    (bench.root / "partial" / wanted.sha256).write_bytes(BODY + b"more")

    bench.fetch(wanted)

    assert bench.has(wanted)
    assert bench.heard.sum == len(BODY)


def test_progress_counts_the_retries_anew_but_not_for_ever(bench: Bench):
    wanted = bench.publish(content=os.urandom(2_000_000))
    bench.server.always[NUMPY] = Step(drop_after=100_000)

    bench.fetch(wanted, retries=1)

    assert bench.has(wanted)
    assert len(bench.server.requests) == 20

    other = bench.publish("/b.whl", os.urandom(2_000_000))
    bench.server.always["/b.whl"] = Step(drop_after=100_000)
    bench.fault(other, retries=1, attempts=5)
    assert len(bench.server.asked("/b.whl")) == 5


def test_a_server_that_always_breaks_off_at_the_same_place_is_given_up(bench: Bench):
    wanted = bench.publish()
    bench.server.always[NUMPY] = Step(drop_after=HALF, ignores_range=True)

    error = bench.fault(wanted, retries=3)

    assert len(bench.server.requests) == 4
    assert str(error) == (
        "`numpy-2.1.3-0.conda` (numpy 2.1.3) was not fetched: "
        "an answer that broke off before its end\n"
        f"  asked: {bench.server.url}{NUMPY}\n"
        "What came whole stays, and what came in part is taken up by the next run."
    )


def test_waits_grow_and_follow_the_server(bench: Bench):
    wanted = bench.publish()
    busy = Step(status=503, headers={"Retry-After": "7"})
    bench.server.scripts[NUMPY] = [Step(status=503), Step(status=503), Step(status=503), busy]

    bench.fetch(wanted)

    assert bench.waits == [0.5, 1.0, 2.0, 7.0]


def test_a_server_that_wants_to_be_left_alone_for_long_is_not_waited_for(bench: Bench):
    wanted = bench.publish()
    bench.server.always[NUMPY] = Step(status=503, headers={"Retry-After": "3600"})

    error = bench.fault(wanted)

    assert isinstance(error, WorldError)
    assert "HTTP 503 (Service Unavailable), and the wish to be left alone for 3,600" in str(error)
    assert bench.waits == []
    assert bench.left() == []


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (
            404,
            "the server no longer has this file: pin anew and solve, or name a mirror: "
            "`ENVLOCK_MIRRORS=ADDRESS=MIRROR`",
        ),
        (
            403,
            "give its login in ~/.netrc, or write the address with `${VARIABLE}` in the login's "
            "place",
        ),
    ],
)
def test_an_answer_that_will_not_change_is_not_asked_for_twice(
    bench: Bench, status: int, hint: str
):
    bench.server.always[NUMPY] = Step(status=status)

    error = bench.fault(bench.publish())

    assert f"HTTP {status}" in str(error)
    assert error.hints == (hint,)
    assert len(bench.server.requests) == 1


def test_other_content_is_a_digest_mismatch_and_nothing_of_it_stays(bench: Bench):
    wanted = bench.publish()
    bench.server.always[NUMPY] = Step(flip_at=77)
    received = sha256(BODY[:77] + bytes([BODY[77] ^ 1]) + BODY[78:]).hexdigest()

    error = bench.fault(wanted)

    assert isinstance(error, ArchiveError)
    assert str(error) == (
        "digest mismatch for `numpy-2.1.3-0.conda`\n"
        f"  expected sha256: {wanted.sha256}\n"
        f"  received sha256: {received}   (512,000 bytes from {bench.server.url}{NUMPY})\n"
        "The download was discarded; the store is unchanged."
    )
    assert bench.left() == []
    assert not bench.folder.has(wanted.sha256)
    assert len(bench.server.requests) == 1


def test_a_mismatch_stays_one_when_the_whole_comes_again(bench: Bench):
    wanted = bench.publish()
    bench.server.scripts[NUMPY] = [Step(drop_after=HALF)]
    bench.server.always[NUMPY] = Step(flip_at=511_999)

    error = bench.fault(wanted)

    assert isinstance(error, ArchiveError)
    assert ranges(bench.server.requests) == [None, f"bytes={HALF}-", None]
    assert bench.left() == []


def test_a_wrong_md5_is_refused_even_with_the_right_sha256(bench: Bench):
    bench.publish()

    error = bench.fault(bench.want(md5="0" * 32))

    assert isinstance(error, ArchiveError)
    assert f"expected md5: {'0' * 32}\n  received md5: {bench.want().md5}" in str(error)
    assert bench.left() == []
    assert bench.folder.names() == ()


@pytest.mark.parametrize(
    ("step", "size_bytes", "received"),
    [
        (Step(), 400_000, "512,000 bytes"),
        (Step(), 600_000, "512,000 bytes"),
        (Step(is_chunked=True), 400_000, "more than 400,000 bytes"),
        (Step(is_endless=True), 512_000, "more than 512,000 bytes"),
    ],
)
def test_another_size_is_refused_before_all_of_it_came(
    bench: Bench, step: Step, size_bytes: int, received: str
):
    bench.publish()
    bench.server.always[NUMPY] = step

    error = bench.fault(bench.want(size_bytes=size_bytes))

    assert isinstance(error, ArchiveError)
    assert str(error) == (
        "size mismatch for `numpy-2.1.3-0.conda`\n"
        f"  expected size: {size_bytes:,} bytes\n"
        f"  received size: {received}   (from {bench.server.url}{NUMPY})\n"
        "The download was discarded; the store is unchanged."
    )
    assert bench.left() == []


def test_an_endless_answer_ends_at_the_cap(bench: Bench):
    bench.publish()
    bench.server.always[NUMPY] = Step(is_endless=True)

    error = bench.fault(bench.want(size_bytes=None), limit_bytes=1_000_000)

    assert "expected size: at most 1,000,000 bytes" in str(error)
    assert bench.left() == []


def test_a_truncated_file_is_refused_where_the_lock_says_no_size(bench: Bench):
    wanted = bench.want(size_bytes=None)
    bench.publish(content=BODY[:HALF])

    error = bench.fault(wanted)

    assert "digest mismatch" in str(error)
    assert bench.heard.size_bytes is None


def test_a_packed_answer_is_not_unpacked_and_the_error_names_it(bench: Bench):
    bench.publish()
    bench.server.always[NUMPY] = Step(is_packed=True)

    error = bench.fault(bench.want(size_bytes=None))

    assert isinstance(error, ArchiveError)
    assert "The server sent it packed (gzip), though it was asked not to." in str(error)


def test_a_label_of_packing_on_the_right_bytes_does_no_harm(bench: Bench):
    wanted = bench.publish()
    bench.server.always[NUMPY] = Step(headers={"Content-Encoding": "gzip"})

    bench.fetch(wanted)

    assert bench.has(wanted)


def test_an_archive_of_no_bytes_is_one(bench: Bench):
    wanted = bench.publish("/empty.whl", b"")

    bench.fetch(wanted)

    assert bench.has(wanted)
    assert bench.left() == []


def test_a_login_is_for_its_server_alone(bench: Bench):
    wanted = bench.publish()
    bench.environment |= {"USER_NAME": "ada", "PASSWORD": "correct-horse"}
    host = bench.server.url.removeprefix("http://")
    bench.server.login = "Basic YWRhOmNvcnJlY3QtaG9yc2U="
    url = f"http://${{USER_NAME}}:${{PASSWORD}}@{host}{NUMPY}"
    with serving({NUMPY: BODY}) as other:
        bench.server.scripts[NUMPY] = [Step(redirect=f"{bench.server.url}/again")]
        bench.server.scripts["/again"] = [Step(redirect=f"{other.url}{NUMPY}")]

        bench.fetch(bench.want(url=url))

        assert bench.has(wanted)
        assert other.requests[0].headers["Authorization"] is None
    assert [request.headers["Authorization"] for request in bench.server.requests] == [
        bench.server.login
    ] * 2


def test_a_resumed_download_follows_the_redirection_again(bench: Bench):
    wanted = bench.publish()
    with serving({NUMPY: BODY}) as other:
        other.etags[NUMPY] = ETAG
        other.scripts[NUMPY] = [Step(drop_after=HALF)]
        bench.server.always[NUMPY] = Step(redirect=f"{other.url}{NUMPY}")

        bench.fetch(wanted)

        assert ranges(other.requests) == [None, f"bytes={HALF}-"]
        assert other.requests[1].headers["If-Range"] == ETAG
    assert bench.has(wanted)


def test_redirections_in_a_circle_end(bench: Bench):
    bench.server.always[NUMPY] = Step(redirect=f"{bench.server.url}{NUMPY}")

    error = bench.fault(bench.publish())

    assert "one redirection after another" in str(error)
    assert error.hints == (
        "check the address in the lock, or name a mirror: `ENVLOCK_MIRRORS=ADDRESS=MIRROR`",
    )


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, with its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is needed to make a certificate")
    path = tmp_path / "server.pem"
    subprocess.run(
        f"{program} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        f" -subj /CN=tiny -addext subjectAltName=IP:127.0.0.1 -keyout {path} -out {path}.crt",
        shell=True,
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def test_over_tls_the_server_is_known_and_nobody_leads_away_from_it(
    bench: Bench, certificate: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    wanted = bench.publish()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving({NUMPY: BODY}, tls=context) as safe:
        untrusted = bench.fault(bench.want(url=f"{safe.url}{NUMPY}"))
        bench.environment["SSL_CERT_FILE"] = str(certificate)
        safe.scripts[NUMPY] = [Step(redirect=f"{bench.server.url}{NUMPY}")]
        downgraded = bench.fault(bench.want(url=f"{safe.url}{NUMPY}"))
        safe.scripts[NUMPY] = [Step(drop_after=HALF)]
        bench.fetch(bench.want(url=f"{safe.url}{NUMPY}"))
        assert ranges(safe.requests)[-2:] == [None, f"bytes={HALF}-"]

    assert "a TLS connection that cannot be trusted" in str(untrusted)
    assert "a redirection from https to an address without it" in str(downgraded)
    assert bench.server.requests == []
    assert bench.has(wanted)


SECRET = "hunter2-s3cret/t0ken"  # noqa: S105 - of this test alone
TOUCHY = [
    "http://ada:${SECRET}@HOST/x.conda",
    "http://${SECRET}@HOST/x.conda",
    "http://HOST/t/${SECRET}/x.conda",
    "http://HOST/x.conda?token=${SECRET}",
    "http://ada:hunter2-s3cret%2Ft0ken@HOST/x.conda",
    "http://HOST/t/hunter2-s3cret%2Ft0ken/x.conda",
    "http://HOST/x.conda?sig=hunter2-s3cret%2Ft0ken",
    "${ROOT}/x.conda",
    "file:///nowhere/${SECRET}/x.conda",
    "${SECRET}/x.conda",
    "s3://ada:${SECRET}@bucket/x.conda",
    "git+https://ada:hunter2-s3cret%2Ft0ken@host/x",
    "http://ada:${SECRET}@[broken/x.conda",
    "http://ada:hunter2-s3cret%2Ft0ken@closed.invalid:99999/x",
]


@pytest.mark.parametrize("url", TOUCHY)
@pytest.mark.parametrize(
    "step",
    [Step(status=401), Step(status=500), Step(flip_at=3), Step(drop_after=9), Step(is_silent=True)],
)
def test_no_error_shows_a_secret(bench: Bench, url: str, step: Step):
    host = bench.server.url.removeprefix("http://")
    bench.environment |= {"SECRET": SECRET, "ROOT": f"http://ada:hunter2-s3cret%2Ft0ken@{host}"}
    for path in ("/x.conda", "/t/hunter2-s3cret%2Ft0ken/x.conda"):
        bench.server.files[path] = BODY
        bench.server.always[path] = step

    error = bench.fault(bench.want(url=url.replace("HOST", host)), retries=0, stall_seconds=0.05)

    shown = f"{error} {error.fields()} {error.__cause__!r} {error.__context__!r}"
    assert "hunter2" not in shown
    assert "t0ken" not in shown


def test_a_missing_variable_is_named_with_its_package(bench: Bench):
    error = bench.fault(bench.want(url="https://me:${CORP_TOKEN}@host.invalid/x.conda"))

    assert str(error) == (
        "the address of `numpy-2.1.3-0.conda` (numpy 2.1.3) needs `CORP_TOKEN`, and the "
        "environment has no such variable\n"
        "Nothing was fetched; the store is unchanged."
    )
    assert error.hints == ("set it for this one command, or export it: `export CORP_TOKEN=…`",)


@pytest.mark.parametrize(
    "url",
    [
        "git+https://host/x.git",
        "s3://bucket/x",
        "ftp://host/x",
        "file://server/share/x",
        "https:///x",
        "",
    ],
)
def test_an_address_that_nothing_is_fetched_from_is_refused(bench: Bench, url: str):
    good = bench.publish("/good.whl", OTHER)

    error = bench.fault(bench.want(url=url), good)

    assert isinstance(error, LockError)
    assert "has an address that nothing is fetched from" in str(error)
    assert bench.server.requests == []


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_what_is_no_digest_is_no_path(bench: Bench, digest: str):
    error = bench.fault(bench.want(sha256=digest))

    assert isinstance(error, LockError)
    assert not bench.root.exists()


@pytest.mark.parametrize(
    "url",
    [
        "./wheels/a b.whl",
        "wheels/a b.whl",
        "file:wheels/a%20b.whl",
        "file://BASE/wheels/a%20b.whl",
        "file://localhostBASE/wheels/a%20b.whl",
        "FILE:BASE/wheels/a%20b.whl#sha256=00",
        "${PLACE}/a b.whl",
        "file://${PLACE}/a%20b.whl",
        "${PLACE_URL}/a%20b.whl",
    ],
)
def test_files_of_this_machine_are_copied(bench: Bench, url: str):
    source = bench.base / "wheels" / "a b.whl"
    source.parent.mkdir()
    source.write_bytes(BODY)
    bench.environment |= {
        "PLACE": str(source.parent),
        "PLACE_URL": source.parent.as_uri(),
    }
    wanted = bench.want(url=url.replace("BASE", str(bench.base)))

    bench.fetch(wanted, offline=True)

    assert bench.has(wanted)
    assert source.stat().st_nlink == 1
    assert bench.heard.sum == len(BODY)
    assert bench.left() == []
    source.write_bytes(OTHER)
    assert bench.folder.digest_matches(wanted.sha256)


def test_a_file_of_this_machine_that_was_replaced_is_refused(bench: Bench):
    (bench.base / "x.whl").write_bytes(OTHER)

    error = bench.fault(bench.want(url="./x.whl"))

    assert isinstance(error, ArchiveError)
    assert f"received sha256: {sha256(OTHER).hexdigest()}   (512,000 bytes from ./x.whl)" in str(
        error
    )
    assert bench.left() == []


def test_a_file_of_this_machine_that_is_not_there_or_no_file_is_an_error(bench: Bench):
    os.mkfifo(bench.base / "pipe.whl")

    gone = bench.fault(bench.want(url="./gone.whl"))
    pipe = bench.fault(bench.want(url="./pipe.whl"))

    assert str(gone) == (
        "`numpy-2.1.3-0.conda` (numpy 2.1.3) cannot be read: No such file or directory\n"
        "  asked: ./gone.whl\n"
        "What came whole stays, and what came in part is taken up by the next run."
    )
    assert "expected a file, found a folder or a device" in str(pipe)
    assert bench.left() == []


def test_offline_lists_what_is_missing(bench: Bench):
    here = bench.publish()
    bench.fetch(here)
    far = [
        bench.want(f"/{at}.whl", b"%d" % at, package=f"p{at} 1", size_bytes=None if at else 1)
        for at in range(13)
    ]

    error = bench.fault(here, *far, offline=True)

    lines = str(error).splitlines()
    assert isinstance(error, WorldError)
    assert lines[0] == "13 archives are not here, and envlock was told to stay offline"
    assert "  p0 1: `0.whl` (1 bytes)" in lines
    assert lines[-2:] == [
        "  and 3 more",
        "In all at least 1 bytes. Nothing was fetched; the store is unchanged.",
    ]
    assert len(bench.server.requests) == 1


def test_offline_is_content_with_what_is_here(bench: Bench):
    wanted = bench.publish()
    bench.fetch(wanted)

    bench.fetch(wanted, offline=True)

    assert len(bench.server.requests) == 1


def test_a_mirror_takes_the_place_of_a_prefix(bench: Bench):
    wanted = bench.publish("/copy/linux-64/x.conda")
    bench.environment["ENVLOCK_MIRRORS"] = (
        f"https://host.invalid/forge={bench.server.url}/copy/, "
        f"https://host.invalid=http://127.0.0.1:9/nobody"
    )

    bench.fetch(bench.want(url="https://ada:secret@host.invalid/forge/linux-64/x.conda"))

    assert bench.has(wanted)
    assert bench.server.requests[0].headers["Authorization"] is None


def test_a_prefix_ends_where_a_segment_does(bench: Bench):
    bench.environment["ENVLOCK_MIRRORS"] = f"https://host.invalid/forge={bench.server.url}/copy"

    bench.fault(bench.want(url="https://host.invalid/forge-other/x.conda"), retries=0)

    assert bench.server.requests == []


def test_a_mirror_that_lies_is_found_out(bench: Bench):
    bench.server.files["/x.conda"] = OTHER
    bench.environment["ENVLOCK_MIRRORS"] = f"https://host.invalid/forge={bench.server.url}"

    error = bench.fault(bench.want(url="https://host.invalid/forge/x.conda"))

    assert isinstance(error, ArchiveError)
    assert f"from {bench.server.url}/x.conda)" in str(error)


def test_a_mirror_may_be_a_folder(bench: Bench):
    (bench.base / "x.conda").write_bytes(BODY)
    bench.environment["ENVLOCK_MIRRORS"] = f"https://host.invalid={bench.base.as_uri()}"
    wanted = bench.want(url="https://host.invalid/x.conda")

    bench.fetch(wanted, offline=True)

    assert bench.has(wanted)


def test_what_is_no_pair_of_addresses_is_no_mirror(bench: Bench):
    bench.environment["ENVLOCK_MIRRORS"] = "https://a.invalid=https://b.invalid hunter2"

    error = bench.fault(bench.publish())

    assert str(error).startswith("ENVLOCK_MIRRORS: pair 2 is not PREFIX=REPLACEMENT")
    assert "hunter2" not in str(error)


def test_one_failure_stops_the_rest_and_keeps_what_came(bench: Bench):
    """One has come, one stands still in the midst, one fails, and two were never begun."""
    came = bench.publish("/came.whl", OTHER + b"!" * 900)
    slow = bench.publish("/slow.whl", OTHER + b"!" * 800)
    gone = bench.want("/gone.whl", BODY[:HALF])
    later = [bench.publish(f"/{at}.whl", b"%d" % at) for at in range(2)]
    bench.server.always["/slow.whl"] = Step(stall_after=HALF)
    began = time.monotonic()

    error = bench.fault(*later, gone, slow, came, jobs=2, stall_seconds=30.0)

    assert "`gone.whl`" in str(error)
    assert "HTTP 404" in str(error)
    assert time.monotonic() - began < 1
    assert bench.has(came)
    assert bench.left() == [slow.sha256, f"{slow.sha256}.json"]
    assert set(by_path(bench.server.requests)) == {"/came.whl", "/slow.whl", "/gone.whl"}


def test_failures_of_the_same_moment_are_told_together(bench: Bench):
    wanted = [bench.want(url=f"${{MISSING_{at}}}/x", sha256=f"{at:064x}") for at in range(14)]

    error = bench.fault(*wanted)

    lines = str(error).splitlines()
    assert "needs `MISSING_0`" in lines[0]
    assert lines[2] == "Failed as well:"
    assert "needs `MISSING_1`" in lines[3]
    assert lines[-1] == "  and 3 more"


def test_damage_is_found_by_looking_again_and_mended(bench: Bench):
    wanted, other = bench.publish(), bench.publish("/b.whl", OTHER)
    bench.fetch(wanted, other)
    path = bench.folder.path_of(wanted.sha256)
    path.chmod(0o644)
    path.write_bytes(BODY[:-1] + b"!")

    bench.fetch(wanted, other)
    assert not bench.folder.digest_matches(wanted.sha256)
    bench.fetch(wanted, other, recheck=True)

    assert bench.has(wanted)
    assert by_path(bench.server.requests) == {NUMPY: 2, "/b.whl": 1}


def test_a_full_disk_says_what_is_needed_and_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    before = bench.publish("/a.whl", OTHER)
    bench.fetch(before)
    wanted = bench.publish()
    write = Partial.write

    def write_little(partial: Partial, chunk: bytes) -> None:
        if partial.size_bytes + len(chunk) > HALF:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(partial, chunk)

    monkeypatch.setattr(Partial, "write", write_little)
    monkeypatch.setattr(ArtifactFolder, "free_bytes", lambda _: 4096)

    error = bench.fault(before, wanted)

    here = bench.folder.partial_bytes(wanted.sha256)
    assert isinstance(error, WorldError)
    assert str(error) == (
        "the disk is full: `numpy-2.1.3-0.conda` (numpy 2.1.3) cannot be stored\n"
        f"  folder: {bench.root}\n"
        f"  needed: {len(BODY) - here:,} bytes, for 1 archives\n"
        "  free:   4,096 bytes\n"
        "Nothing was lost: what came whole stays, and what came in part is taken up by the next "
        "run."
    )
    monkeypatch.undo()
    bench.fetch(wanted)
    assert bench.has(wanted)


def test_a_folder_that_may_not_be_written_to_is_an_error(bench: Bench):
    bench.root.write_text("a file in its place")

    error = bench.fault(bench.publish())

    assert isinstance(error, WorldError)
    assert f"cannot be stored: Not a directory\n  folder: {bench.root}" in str(error)


CHILD = textwrap.dedent("""
    import sys
    from pathlib import Path
    from envlock.backends.artifact_fetcher import ArtifactFetcher
    from envlock.backends.artifact_files import ArtifactFolder
    from envlock.ports.artifacts import WantedArtifact
    import msgspec

    class Silence:
        def begin(self, files, size_bytes): print("begin", flush=True)
        def received(self, size_bytes): pass
        def done(self, wanted): print("done", flush=True)

    root, wanted = Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=list[WantedArtifact])
    ArtifactFetcher(ArtifactFolder(root), {}, root).fetch(wanted, Silence())
""")


def start_child(bench: Bench, *wanted: WantedArtifact) -> subprocess.Popen[str]:
    import msgspec  # noqa: PLC0415 - for the children alone

    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(bench.root), msgspec.json.encode(wanted).decode()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_ended_midway_is_taken_up_by_the_next(bench: Bench, how: signal.Signals):
    wanted = bench.publish()
    bench.server.etags[NUMPY] = ETAG
    bench.server.scripts[NUMPY] = [Step(stall_after=HALF)]
    child = start_child(bench, wanted)
    until(lambda: bench.folder.partial_bytes(wanted.sha256) == HALF)

    child.send_signal(how)
    _, stderr = child.communicate(timeout=5)
    assert ("KeyboardInterrupt" in stderr) == (how == signal.SIGINT)
    assert not bench.folder.has(wanted.sha256)
    bench.fetch(wanted)

    assert bench.has(wanted)
    assert ranges(bench.server.requests) == [None, f"bytes={HALF}-"]
    assert bench.server.sent[NUMPY] == len(BODY)
    assert bench.left() == []


def test_an_interrupt_does_not_wait_for_a_silent_server(bench: Bench):
    bench.server.always[NUMPY] = Step(is_silent=True)
    child = start_child(bench, bench.publish())
    assert bench.server.stalled.wait(10)

    child.send_signal(signal.SIGINT)

    child.communicate(timeout=5)
    assert child.returncode != 0


def test_two_processes_fetch_each_archive_once(bench: Bench):
    contents = [os.urandom(50_000) for _ in range(20)]
    wanted = [bench.publish(f"/{at}.whl", content) for at, content in enumerate(contents)]

    children = [start_child(bench, *wanted) for _ in range(2)]
    ends = [child.communicate(timeout=20) for child in children]

    assert [child.returncode for child in children] == [0, 0], ends
    assert max(out.count("done") for out, _ in ends) == 20  # the later one may have found some
    assert all(bench.has(item) for item in wanted)
    assert by_path(bench.server.requests) == {f"/{at}.whl": 1 for at in range(20)}
    assert bench.left() == []


def test_who_waits_finds_the_archive_or_goes_on_with_it(bench: Bench):
    """The process that downloads is killed while another waits for the same archive."""
    wanted = bench.publish()
    bench.server.scripts[NUMPY] = [Step(stall_after=HALF)]
    first = start_child(bench, wanted)
    until(lambda: bench.folder.partial_bytes(wanted.sha256) == HALF)
    second = start_child(bench, wanted)
    assert second.stdout is not None
    assert second.stdout.readline() == "begin\n"
    time.sleep(0.2)
    assert len(bench.server.requests) == 1

    first.kill()
    first.communicate()
    out, err = second.communicate(timeout=10)

    assert (second.returncode, out) == (0, "done\n"), err
    assert bench.has(wanted)
    assert ranges(bench.server.requests) == [None, f"bytes={HALF}-"]
    assert bench.left() == []


def test_what_came_from_another_process_counts_as_received(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    wanted = bench.publish()
    staged = bench.base / "staged"
    begin = Heard.begin

    def begin_late(heard: Heard, files: int, size_bytes: int | None) -> None:
        begin(heard, files, size_bytes)
        staged.write_bytes(BODY)
        bench.folder.admit(staged, wanted)

    monkeypatch.setattr(Heard, "begin", begin_late)

    bench.fetch(wanted)

    assert bench.server.requests == []
    assert bench.heard.sum == len(BODY)
    assert bench.left() == []
