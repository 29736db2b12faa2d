"""Channels that misbehave: every fault is told within seconds, and nothing is left behind."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import zstandard

from envlock.backends.channel_faults import FolderError, fault_error, read_fault
from envlock.backends.channel_files import doubt_absence
from envlock.backends.rattler_channels import RattlerIndex
from envlock.errors import WorldError
from envlock.ports.index import ChannelSource
from integration.asking import (
    FOLDERS,
    LINUX,
    LOGIN,
    PASSWORD,
    SECRET,
    URL,
    USER,
    ask,
    message,
    names,
    record,
    refusal,
    write_folder,
)
from integration.channel_server import (
    Fault,
    Form,
    HostedChannel,
    closed_port,
    serve,
)

pytestmark = pytest.mark.usefixtures("no_credentials_and_no_proxy")

MAIN_FILE = {
    Form.PLAIN: "repodata.json",
    Form.ZST: "repodata.json.zst",
    Form.SHARDED: "repodata_shards.msgpack.zst",
}
AGAIN = "run it again; if it stays so, a proxy on the way may cut the connection"
BROWSER = "a proxy or a login page may answer in the channel's place: open {asked} in a browser"
MIRROR = "the server has a problem: try later, or ask a mirror with `--from URL`"
WITHOUT_NETWORK = "without a network: `--from FOLDER` takes a folder of channels"
NETWORK = "check the network and its proxy, or ask a mirror with `--from URL`"
PATIENCE = "wait some minutes, then run it again"
SPELLING = "check the channel's spelling: it is a name on conda.anaconda.org or a whole address"


FAULTS = [
    *[
        (form, status, f"HTTP {status} {words}", hint)
        for form in (Form.PLAIN, Form.SHARDED)
        for status, words, hint in [
            (401, "Unauthorized", LOGIN),
            (403, "Forbidden", LOGIN),
            (429, "Too Many Requests", PATIENCE),
            (500, "Internal Server Error", MIRROR),
            (503, "Service Unavailable", MIRROR),
        ]
    ],
    (Form.SHARDED, Fault.TRUNCATED, "an answer that broke off before its end", AGAIN),
    (
        Form.SHARDED,
        Fault.GARBLED,
        "something that is not zstd: Data corruption detected",
        BROWSER,
    ),
    (
        Form.SHARDED,
        Fault.WEB_PAGE,
        "something that is not zstd: Unknown frame descriptor",
        BROWSER,
    ),
    (
        Form.PLAIN,
        Fault.WEB_PAGE,
        "something that is not repodata: expected value at line 1 column 1",
        BROWSER,
    ),
    (
        Form.PLAIN,
        Fault.GARBLED,
        "something that is not repodata: expected value at line 1 column 9",
        BROWSER,
    ),
]


@pytest.mark.parametrize(("form", "fault", "received", "hint"), FAULTS)
def test_a_faulty_answer_is_told_with_its_folder(
    form: Form, fault: Fault | int, received: str, hint: str, scratch: Path
) -> None:
    channel = HostedChannel(folders=FOLDERS, forms=frozenset({form}))
    channel.faults[f"/linux-64/{MAIN_FILE[form]}"] = fault

    with serve(channel) as location:
        error = refusal(location, scratch)

    assert error.message == message(location, received)
    assert error.hints == (hint.format(asked=location),)


@pytest.mark.parametrize(
    ("form", "fault", "received", "hint"),
    [
        (Form.PLAIN, Fault.TRUNCATED, "an answer that broke off before its end", AGAIN),
        (
            Form.ZST,
            Fault.GARBLED,
            "something that is not zstd: Data corruption detected",
            BROWSER,
        ),
    ],
)
def test_a_download_that_rattler_tries_four_times_is_told_in_the_end(
    form: Form, fault: Fault, received: str, hint: str, scratch: Path
) -> None:
    channel = HostedChannel(folders=FOLDERS, forms=frozenset({form}))
    channel.faults[f"/noarch/{MAIN_FILE[form]}"] = fault

    with serve(channel) as location:
        error = refusal(location, scratch)

    assert error.message == message(location, received, "noarch")
    assert error.hints == (hint.format(asked=location),)


@pytest.mark.parametrize(
    ("fault", "received", "hint"),
    [
        (404, "HTTP 404 Not Found", MIRROR),
        (503, "HTTP 503 Service Unavailable", MIRROR),
        (Fault.TRUNCATED, "an answer that broke off before its end", AGAIN),
        (Fault.GARBLED, "something that is not zstd: Data corruption detected", BROWSER),
        (Fault.STALLED, "nothing for 0.5 seconds", NETWORK),
    ],
)
def test_a_faulty_shard_is_told_with_its_folder(
    fault: Fault | int, received: str, hint: str, scratch: Path
) -> None:
    channel = HostedChannel(folders=FOLDERS, forms=frozenset({Form.SHARDED}))
    channel.faults["/noarch/shards/*"] = fault

    with serve(channel) as location:
        error = refusal(location, scratch, stall_seconds=0.5)

    assert error.message == message(location, received, "noarch")
    assert error.hints == (hint.format(asked=location),)


def test_a_channel_that_does_not_exist_is_told_with_a_hint_at_its_name(scratch: Path) -> None:
    with serve(HostedChannel(folders={})) as location:
        error = refusal(location, scratch)

    assert error.message == message(
        location, "nothing: there is no such channel or folder", "noarch"
    )
    assert error.hints == (SPELLING,)


def test_a_folder_that_does_not_exist_is_told_with_what_a_folder_holds(
    tmp_path: Path, scratch: Path
) -> None:
    location = (tmp_path / "nowhere").as_uri()

    error = refusal(location, scratch)

    assert error.message == message(
        location, "nothing: there is no such channel or folder", "noarch"
    )
    assert error.hints == (
        "a channel on disk holds repodata.json, or repodata.json.zst, in noarch and each folder",
    )


def test_packed_repodata_that_is_damaged_on_disk_is_told(tmp_path: Path, scratch: Path) -> None:
    location = write_folder(tmp_path / "tiny", FOLDERS)
    (tmp_path / "tiny/linux-64/repodata.json").unlink()
    (tmp_path / "tiny/linux-64/repodata.json.zst").write_bytes(b"this is not zstd")

    error = refusal(location, scratch)

    assert error.message == message(
        location,
        "something that is not zstd: zstd decompress error: Unknown frame descriptor",
    )


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.STALLED])
@pytest.mark.parametrize("form", Form)
def test_a_server_that_falls_silent_is_given_up(form: Form, fault: Fault, scratch: Path) -> None:
    channel = HostedChannel(folders=FOLDERS, forms=frozenset({form}))
    channel.faults[f"/linux-64/{MAIN_FILE[form]}"] = fault

    with serve(channel) as location:
        error = refusal(location, scratch, stall_seconds=0.5)

    assert error.message == message(location, "nothing for 0.5 seconds")
    assert error.hints == (NETWORK,)


def test_a_fault_is_told_without_waiting_long_for_the_other_folders(scratch: Path) -> None:
    channel = HostedChannel(folders=FOLDERS, forms=frozenset({Form.SHARDED}))
    channel.faults["/linux-64/*"] = 500
    channel.faults["/noarch/*"] = Fault.SILENT

    with serve(channel) as location:
        error = refusal(location, scratch, stall_seconds=60.0)

    assert error.message == message(location, "HTTP 500 Internal Server Error")


@pytest.mark.parametrize("form", [Form.PLAIN, Form.ZST])
def test_a_slow_server_that_goes_on_sending_is_waited_for(form: Form, scratch: Path) -> None:
    many = {f"p{number}-1-0.conda": record(f"p{number}", "1") for number in range(2000)}
    folders = {**FOLDERS, "linux-64": {**FOLDERS["linux-64"], **many}}
    channel = HostedChannel(folders=folders, forms=frozenset({form}), drip_seconds=0.3)
    channel.faults[f"/linux-64/{MAIN_FILE[form]}"] = Fault.DRIPPING

    with serve(channel) as location:
        found = ask(location, scratch, stall_seconds=1.0)

    assert "python-3.11.9-0.conda" in names(found)


def test_the_whole_query_has_a_limit_too(scratch: Path) -> None:
    channel = HostedChannel(folders=FOLDERS, drip_seconds=0.3)
    channel.faults["/linux-64/repodata.json"] = Fault.DRIPPING

    with serve(channel) as location:
        error = refusal(location, scratch, timeout_seconds=1.0)

    assert error.message == message(location, "not everything within 1 seconds")
    assert error.hints == (
        "the connection is slow: run it again, or ask a nearer mirror with `--from URL`",
    )


def test_a_busy_server_is_asked_again(scratch: Path) -> None:
    channel = HostedChannel(folders=FOLDERS, forms=frozenset({Form.SHARDED}), repeats=1)
    channel.faults["/*/repodata_shards.msgpack.zst"] = 503

    with serve(channel) as location:
        found = ask(location, scratch, retries=2)

    assert "python-3.11.9-0.conda" in names(found)


def test_a_refused_connection_is_told_for_all_folders_at_once(scratch: Path) -> None:
    location = f"http://127.0.0.1:{closed_port()}/tiny"

    error = refusal(location, scratch)

    assert error.message == message(location, "a refused connection", "linux-64, noarch")
    assert error.hints == (
        "check host and port, and whether a firewall or proxy is in the way",
        WITHOUT_NETWORK,
    )


def test_a_host_without_an_address_is_told(scratch: Path) -> None:
    location = f"http://{'x' * 64}.example/tiny"  # a label is at most 63 long: no server is asked

    error = refusal(location, scratch)

    assert error.message == message(location, "no address for this host name", "linux-64, noarch")
    assert error.hints == (
        "check the spelling of the host, and that this machine can resolve names",
        WITHOUT_NETWORK,
    )


@pytest.mark.parametrize("cause", ["Network is unreachable", "No route to host", "Network is down"])
def test_a_machine_without_a_network_is_told_what_can_be_asked_instead(cause: str) -> None:
    source = ChannelSource(url=URL, location=URL)
    fault = FolderError(source, "noarch", read_fault(f"error sending request\n{cause} (os error)"))

    error = fault_error([fault])

    assert error.message == message(URL, "no way to this host", "noarch")
    assert error.hints == (NETWORK, WITHOUT_NETWORK)


TLS_HINT = "behind a proxy with a certificate of its own, set SSL_CERT_FILE to that certificate"


def test_a_server_without_tls_is_not_taken_for_one_with(scratch: Path) -> None:
    with serve(HostedChannel(folders=FOLDERS)) as location:
        secure = location.replace("http:", "https:")
        error = refusal(secure, scratch)

    assert error.message == message(
        secure,
        "a TLS connection that cannot be trusted: "
        "received corrupt message of type InvalidContentType",
        "linux-64, noarch",
    )
    assert error.hints == (TLS_HINT,)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, with its key."""
    pytest.importorskip("cryptography", reason="needed to make a certificate")
    program = """
        import sys, datetime, ipaddress
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tiny")])
        now = datetime.datetime.now(datetime.timezone.utc)
        host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(1))
            .not_valid_after(now + datetime.timedelta(1))
            .add_extension(host, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption())
        open(sys.argv[1], "wb").write(secret + made.public_bytes(pem))
    """
    path = tmp_path / "server.pem"
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), path], check=True)
    return path


def test_a_certificate_that_nobody_signed_is_refused_until_it_is_named(
    certificate: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    with serve(HostedChannel(folders=FOLDERS), tls=context) as location:
        error = refusal(location, scratch)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)
        found = ask(location, scratch)

    assert error.message == message(
        location,
        "a TLS connection that cannot be trusted: invalid peer certificate: UnknownIssuer",
        "linux-64, noarch",
    )
    assert error.hints == (TLS_HINT,)
    assert "python-3.11.9-0.conda" in names(found)


def test_a_folder_is_not_taken_for_empty_because_its_server_was_busy(scratch: Path) -> None:
    channel = HostedChannel(folders=FOLDERS, forms=frozenset({Form.ZST}))
    channel.faults["/linux-64/repodata.json.zst"] = 503  # rattler: "there is none, so no folder"

    with serve(channel) as location:
        error = refusal(location, scratch)

    assert error.message == message(
        location, "no repodata.json, and HTTP 503 for repodata.json.zst"
    )
    assert error.hints == (PATIENCE,)


def test_an_absence_that_cannot_be_confirmed_is_doubted() -> None:
    nobody = f"http://127.0.0.1:{closed_port()}"

    assert doubt_absence(nobody, "linux-64", 1.0) == "no steady answer for repodata.json.zst"
    assert doubt_absence("s3://bucket/tiny", "linux-64", 1.0) is None


def test_what_rattler_says_in_other_words_is_shown_as_it_is(scratch: Path) -> None:
    error = refusal("s3://bucket/tiny", scratch)

    assert error.message == message(
        "s3://bucket/tiny",
        "an error: A region must be set when sending requests to S3.",
        "linux-64, noarch",
    )


def test_of_many_faulty_channels_the_first_are_told_and_the_rest_counted(
    tmp_path: Path, scratch: Path
) -> None:
    sources = [
        ChannelSource(url=f"{URL}-{number}", location=(tmp_path / f"{number}").as_uri())
        for number in range(6)
    ]

    with pytest.raises(WorldError) as caught:
        RattlerIndex(scratch).query(sources, [LINUX])

    told = caught.value.message.splitlines()
    assert [line for line in told if line.startswith("no repodata")] == [
        f"no repodata from the channel `tiny-{number}`" for number in range(4)
    ]
    assert told[-2:] == ["and 2 more", "No pin was written."]


def test_packed_repodata_that_grows_without_end_is_given_up(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envlock.backends.channel_files._LIMIT_BYTES", 1000)
    location = write_folder(tmp_path / "tiny", FOLDERS)
    path = tmp_path / "tiny/linux-64/repodata.json"
    path.with_name("repodata.json.zst").write_bytes(zstandard.compress(path.read_bytes()))
    path.unlink()

    error = refusal(location, scratch)

    assert error.message == message(
        location, "something that is not zstd: failed to decode zst: more than 1,000 bytes"
    )


def test_certificates_that_cannot_be_loaded_are_told(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    error = refusal("https://127.0.0.1:1", scratch)

    assert error.message == (
        "the certificates for TLS connections cannot be loaded\nNo pin was written."
    )
    assert error.hints == (
        "check that SSL_CERT_FILE and SSL_CERT_DIR name existing files, or unset them",
    )


def test_two_records_for_one_archive_are_refused(tmp_path: Path, scratch: Path) -> None:
    location = write_folder(tmp_path / "tiny", FOLDERS)
    path = tmp_path / "tiny/linux-64/repodata.json"
    value = json.loads(path.read_bytes())
    value["packages"]["numpy-2.0-0.conda"] = record("numpy", "2.0", "something-else")
    path.write_text(json.dumps(value))

    error = refusal(location, scratch)

    assert error.message == message(location, "two different records for `numpy-2.0-0.conda`")
    assert error.hints == ("tell whoever keeps the channel: its index must be built anew",)


def test_a_channel_that_keeps_its_archives_elsewhere_is_refused(scratch: Path) -> None:
    channel = HostedChannel(folders=FOLDERS, base_url="https://cdn.example/tiny/linux-64/")

    with serve(channel) as location:
        with pytest.raises(WorldError) as caught:
            ask(location, scratch, url=location)
        mirrored = ask(location, scratch)

    assert (
        "received: records of archives that lie elsewhere: https://cdn.example/tiny/linux-64"
        in caught.value.message
    )
    assert "python-3.11.9-0.conda" in names(mirrored)


@pytest.mark.parametrize(
    ("variable", "content"),
    [
        ("NETRC", f"machine 127.0.0.1\nlogin {USER}\npassword {SECRET}\n"),
        (
            "RATTLER_AUTH_FILE",
            json.dumps({"127.0.0.1": {"BasicHTTP": {"username": USER, "password": SECRET}}}),
        ),
    ],
)
def test_a_private_channel_opens_with_stored_credentials(
    variable: str,
    content: str,
    tmp_path: Path,
    scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "credentials").write_text(content)
    monkeypatch.setenv(variable, str(tmp_path / "credentials"))

    with serve(HostedChannel(folders=FOLDERS, password=PASSWORD)) as location:
        found = ask(location, scratch)

    assert "python-3.11.9-0.conda" in names(found)


def test_a_private_channel_opens_with_the_credentials_of_its_location(scratch: Path) -> None:
    with serve(HostedChannel(folders=FOLDERS, password=PASSWORD)) as location:
        found = ask(location.replace("//", f"//{USER}:{SECRET}@"), scratch)

    assert "python-3.11.9-0.conda" in names(found)


@pytest.mark.parametrize("status", [403, 404, 503])
def test_no_message_tells_the_credentials_of_a_location(status: int, scratch: Path) -> None:
    channel = HostedChannel(folders={}, faults={"*": status})

    with serve(channel) as location:
        secret = location.replace("//", f"//{USER}:{SECRET}@") + "/t/tk-123-456/tiny"
        error = refusal(secret, scratch)

    told = json.dumps(error.fields())
    shown = location.replace("//", "//***@")
    assert f"asked:    {shown}/t/***/tiny" in error.message
    assert SECRET not in told
    assert "tk-123" not in told


def test_stored_credentials_that_cannot_be_read_are_named(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "credentials"
    path.write_text('{"127')
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(path))

    error = refusal("http://127.0.0.1:1", scratch)

    assert error.message == (
        "the stored channel credentials cannot be read\n"
        f"  failed to parse {path}: EOF while parsing a string at line 1 column 5\n"
        "No pin was written."
    )
    assert error.hints == ("mend or remove the file that RATTLER_AUTH_FILE names, or log in again",)
