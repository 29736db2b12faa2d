"""The report says what the receipt says: all of it, and nothing that is not so."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from envlock.formats.html_report import format_html
from envlock.formats.html_style import STYLE
from envlock.model.outcome import NotRun, Obligation, Passed
from envlock.model.package import PackageSize
from envlock.model.platform import Platform
from envlock.model.receipt import Curve, HostLibrary, Subject, Verdict, VerifiedHost
from pages import Page
from reports import HOSTILE, check, driver_proof, package_sizes, rich_receipt

NO_GPU = rich_receipt(
    verdict=Verdict.INCOMPLETE,
    device="cpu",
    host=VerifiedHost(platform=Platform.LINUX_64),
    checks=(
        check(Obligation.ARTIFACTS, "artifacts", Passed(said="3 files")),
        check(Obligation.DRIVER, "driver", NotRun(reason="no NVIDIA driver"), on_gpu=True),
        check(Obligation.KERNELS, "jax.kernels", NotRun(reason="no NVIDIA driver"), on_gpu=True),
    ),
    curves=(),
    host_libraries=(),
    frameworks={},
)


@pytest.fixture(scope="module")
def rich() -> Page:
    return Page(format_html(rich_receipt(), package_sizes(), driver_proof()))


def test_the_verdict_stands_at_the_top(rich: Page):
    text = " ".join(rich.texts[0].split())

    assert rich.all("title")[0] == "Failed: three-frameworks-cu121 · envlock verification"
    assert rich.all("h1") == ["three-frameworks-cu121"]
    assert rich.all("span", "verdict") == ["✕ Failed"]
    assert "✕ Failed 51 checks passed, 2 failed, 7 not run." in text


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        (Verdict.PASSED, "✓ Passed"),
        (Verdict.FAILED, "✕ Failed"),
        (Verdict.INCOMPLETE, "○ Incomplete"),
    ],
)
def test_each_verdict_has_its_word_and_sign(verdict: Verdict, word: str):
    assert Page(format_html(rich_receipt(verdict=verdict))).all("span", "verdict") == [word]


def test_what_was_not_run_is_told_with_its_reasons_and_counts():
    page = Page(format_html(NO_GPU))

    assert page.all("ul", "not-run") == ["no NVIDIA driver (2 checks)"]
    assert "Nothing failed, but what this environment is for was not looked at." in page.texts[0]
    assert page.all("dd")[:6] == ["2026-11-24T10:00:00Z", "full", "CPU", "none", "none", "312.5 s"]


def test_a_check_that_was_not_run_never_looks_as_if_it_had_passed(rich: Page):
    rows = rich.all("tr", "not-run")

    assert len(rows) == 7
    for row in rows:
        assert "○ Not run" in row
        assert "Not looked at: " in row
        assert "✓" not in row


def test_every_check_has_one_row_with_its_numbers(rich: Page):
    receipt = rich_receipt()
    ids = [each["id"] for each in rich.attributes("tr") if "id" in each]

    rows = rich.all("tr", "passed") + rich.all("tr", "failed") + rich.all("tr", "not-run")
    assert sorted(ids, key=lambda each: int(each[6:])) == [
        f"check-{place + 1}" for place in range(len(receipt.checks))
    ]
    for each in receipt.checks:
        (row,) = (
            row
            for row in rows
            if row.startswith((f"{each.name}✓", f"{each.name}✕", f"{each.name}○"))
        )
        assert ("GPU" in row) or not each.on_gpu
    (trained,) = (row for row in rows if row.startswith("jax.training.rnn"))
    assert "first loss 2.31last loss 0.04accuracy 0.98steps 200This run:seconds 1.75 s" in trained
    assert "first step 0.8125 sexamples 40,312/speak memory 312.0 MB" in trained


def test_failures_are_told_first_and_lead_to_their_rows(rich: Page):
    links = [each["href"] for each in rich.attributes("a") if each["href"].startswith("#check-")]
    ids = {each["id"] for _, each in rich.elements if "id" in each}

    assert rich.all("ul", "failed") == [
        "pytorch.librariesexpected libcudnn.so.9 of the environment, found "
        "/usr/local/lib/libcudnn.so.9 of the host"
        "Hint: unset LD_LIBRARY_PATHjax.numbers.conv2d.fp16expected a relative error of at most "
        "0.005, found 0.31Hint: try another cuDNN: `envlock add cudnn=9.5`"
    ]
    assert links[:2] == ["#check-3", "#check-52"]
    assert {each["href"][1:] for each in rich.attributes("a") if each["href"][0] == "#"} <= ids


def test_the_precision_matrix_is_operation_by_precision():
    checks = (
        check(Obligation.NUMBERS, "jax.numbers.matmul.int8", NotRun(reason="none")),
        check(
            Obligation.NUMBERS,
            "jax.numbers.matmul.float32",
            Passed(said="it agrees"),
            numbers={"relative_error": 1.2e-7},
        ),
        check(Obligation.NUMBERS, "jax.numbers.conv2d.fp8", Passed(said="it agrees")),
        check(Obligation.NUMBERS, "odd", Passed(said="no part of the matrix")),
    )

    page = Page(format_html(rich_receipt(checks=checks)))

    assert page.all("table", "matrix") == [
        "Relative error beside float64frameworkoperationfloat32int8fp8"
        "jaxmatmul✓ Passed1.2e-07○ Not runnot asked"
        "jaxconv2dnot askednot asked✓ Passed"
    ]


def test_each_training_has_two_curves_and_a_table_of_the_same_numbers():
    curve = Curve(name="jax.training.rnn", losses=(2.0, 1.0), accuracies=(0.1, 0.9), steps=300)

    page = Page(format_html(rich_receipt(curves=(curve,))))

    plots = [each for each in page.attributes("svg") if "plot" in each["class"]]
    assert [plot["aria-label"] for plot in plots] == [
        "jax.training.rnn: loss 2 → 1 over 300 steps",
        "jax.training.rnn: accuracy 0.1 → 0.9 over 300 steps",
    ]
    assert page.all("table", "figures") == ["steplossaccuracy00.1150230010.9"]
    assert [line["points"] for line in page.attributes("polyline")] == [
        "167.0,26.0 290.0,74.0",
        "44.0,112.4 290.0,35.6",
    ]


def test_a_loss_that_is_no_number_breaks_the_line_and_is_marked():
    nan, inf = float("nan"), float("inf")
    curve = Curve(name="a", losses=(1.0, nan, 0.5, 0.25, inf), accuracies=(), steps=5)

    page = Page(format_html(rich_receipt(curves=(curve,))))

    assert len(page.attributes("polyline")) == 2
    assert page.all("text", "broken") == ["✕step 2: not a number", "✕step 5: infinite"]
    assert page.all("table", "figures") == [
        "steplossaccuracy112not a number30.540.255infinite",
    ]


def test_a_control_says_that_it_must_not_learn():
    curve = Curve(name="a", losses=(1.0,), accuracies=(0.1,), steps=1, control="shuffled-labels")

    page = Page(format_html(rich_receipt(curves=(curve,))))

    assert page.all("figcaption") == [
        "a (shuffled-labels)1 steploss 1accuracy 0.1A control: it must not learn."
    ]


def test_the_treemap_shows_the_large_and_gathers_the_small(rich: Page):
    wide, narrow = (each for each in rich.attributes("svg") if "treemap" in each["class"])
    tiles = rich.all("g", "tile")

    assert wide["aria-label"] == narrow["aria-label"]
    assert wide["aria-label"] == (
        "Packages by size: conda 2.3 GB in 154 packages; pypi 2.0 GB in 141 packages. The largest: "
        "pytorch 1.4 GB, nvidia-cudnn-cu12 664.0 MB, tensorflow 644.0 MB. The table below has them "
        "all."
    )
    assert tiles[0] == "pytorch 1.2.3 (conda): 1.4 GBpytorch1.4 GB"
    assert tiles[3] == "129 smaller packages: 78.1 MB+129"


def test_every_package_is_in_a_table_and_an_unknown_size_is_told(rich: Page):
    rows = rich.all("table", "packages")[-1]

    assert "300 packages, 4.3 GB unpacked; the size of 5 packages is not known." in rich.all("p")
    assert rich.all("summary")[-1] == "All 300 packages"
    assert rows.count("1.2.3") == 300
    assert rows.count("not known") == 5


def test_a_few_packages_are_all_shown_at_once():
    sizes = [PackageSize(name="a", version="1", manager="conda", size_bytes=0)]

    page = Page(format_html(rich_receipt(), sizes))

    assert page.all("table", "packages") == [
        "All 1 packagesPackageVersionFromSizeSharea1conda0 B0.0 %"
    ]
    assert not [each for each in page.attributes("svg") if "treemap" in each["class"]]


def test_the_driver_proof_gives_each_fact_and_where_it_stands(rich: Page):
    text = " ".join(rich.texts[0].split())

    assert "driver 535.183.06 (linux-64): does not run." in text
    assert "What decides: GPU Tesla V100 (7.0)." in text
    assert rich.all("tr", "missing") == [
        "GPU Tesla V100 (7.0)✕ MissingCUDA 12 runs on Linux driver 525.60.13 or newer"
        "Remedy: set gpu.cuda to 12.9 or olderdrivers/minor_compat[12]"
        "https://docs.example.org/cuda/release-notes (verified)"
    ]
    assert rich.all("tr", "unknown") == ["glibc? UnknownUnknown: the host file does not saynowhere"]
    assert "(recalled)" in rich.all("tr", "covered")[1]


def test_a_library_that_may_not_come_from_the_host_stands_first(rich: Page):
    (row,) = rich.all("tr", "not-allowed")

    assert row == "/usr/local/lib/libcudnn.so.9✕ Not allowednot known77aa01c4"
    assert next(each for each in rich.all("tr") if "llowed" in each) == row
    assert "/lib64/ld-linux-x86-64.so.2✓ Allowedthe loader5f2c0b1a" in rich.all("tr", "allowed")


def test_many_host_libraries_are_counted_and_folded_but_for_those_that_may_not():
    allowed = [HostLibrary(path=f"/lib/{place}.so", role="interpreter") for place in range(40)]
    refused = HostLibrary(path="/opt/libcudnn.so.9")

    page = Page(format_html(rich_receipt(host_libraries=(*allowed, refused))))

    told = [text for text in page.all("p") if "outside the environment" in text]
    assert told == ["41 loaded from outside the environment:"]
    assert "the machine's Python: 40not known: 1" in page.all("ul")
    assert page.all("summary")[-1] == "All 41 libraries"
    assert "1 that may not be" in page.all("caption")
    assert len(page.all("tr", "not-allowed")) == 2
    assert len(page.all("tr", "allowed")) == 40


def test_what_cannot_be_claimed_is_said():
    subject = Subject(name="my-container", is_hermetic=False, python="CPython 3.11.7")

    page = Page(format_html(rich_receipt(subject=subject)))

    assert page.all("p", "warning") == [
        "Not hermetic: its Python is CPython 3.11.7, which envlock did not build. What was not "
        "built by envlock cannot be claimed."
    ]
    assert page.all("dl", "long")[:1] == [
        "stackmy-containerlock (SHA-256)not claimedindex pin (SHA-256)not claimedderivation key"
        "not claimedtree (SHA-256)not claimedcontent (SHA-256)not claimed"
    ]


def test_the_digests_and_who_signed_are_shown():
    receipt = rich_receipt()

    page = Page(format_html(receipt, signed_by="ed25519:0c1k"))

    assert receipt.subject.lock_sha256 in page.all("code")
    assert receipt.subject.content_sha256 in page.all("code")
    assert "Signed by ed25519:0c1k." in page.all("p", "note")
    assert any("Self-reported" in text for text in Page(format_html(receipt)).all("p", "note"))


def test_the_host_and_each_gpu_are_named():
    page = Page(format_html(rich_receipt()))

    assert page.all("dl")[-2:] == [
        "platformlinux-64kernel6.8.0glibc2.35driver535.183.06CUDA of the driver12.2CPUs16",
        "GPUNVIDIA H100 80GB HBM3, compute capability 9.0, 85.5 GB",
    ]


def test_sections_with_nothing_to_say_are_left_out():
    page = Page(format_html(NO_GPU))

    assert page.all("h2") == [
        "What was not looked at",
        "Checks",
        "What was verified",
        "Where it was verified",
    ]
    assert page.all("nav") == ["".join(page.all("h2"))]


def test_a_receipt_without_checks_says_so():
    assert "The receipt holds no check." in Page(format_html(rich_receipt(checks=()))).all("p")


def test_the_page_is_whole_and_holds_what_assistive_technology_needs(rich: Page):
    tags = {tag for tag, _ in rich.elements}
    ids = [each["id"] for _, each in rich.elements if "id" in each]

    assert rich.faults == []
    assert rich.attributes("html") == [{"lang": "en"}]
    assert {"header", "nav", "main", "footer", "caption"} <= tags
    assert len(ids) == len(set(ids))
    assert all(head.get("scope") for head in rich.attributes("th"))
    for drawing in rich.attributes("svg"):
        assert drawing["role"] == "img"
        assert drawing["aria-label"]


def test_the_page_forbids_all_but_its_own_style():
    text = format_html(rich_receipt(), package_sizes(), driver_proof())
    page = Page(text)

    (style,) = re.findall(r"<style>(.*)</style>", text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert page.attributes("meta")[1] == {
        "http-equiv": "Content-Security-Policy",
        "content": f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
    }
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_text_is_shown_as_text():
    receipt = rich_receipt(
        checks=(check(Obligation.DRIVER, HOSTILE, Passed(said=HOSTILE), numbers={HOSTILE: 1.0}),)
    )

    text = format_html(receipt)

    assert "<img" not in text
    assert "<script" not in text
    assert "\\x1b[31m\\u202e]]&gt;\\ud800{{7*7}}" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e\ud800]", text)


def test_the_same_receipt_gives_the_same_page():
    one, two = (format_html(rich_receipt(), package_sizes(), driver_proof()) for _ in range(2))

    assert one == two


PALETTES = [
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", block))
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
]
PAIRS = [
    *((name, "page") for name in ("text", "muted", "accent", "good", "bad", "open")),
    ("on-bad", "bad"),
    *(("text", f"tile-{name}") for name in ("conda", "pypi", "other", "rest")),
]


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", PALETTES, ids=["light", "dark", "print"])
@pytest.mark.parametrize("pair", PAIRS, ids=" on ".join)
def test_text_can_be_read_on_its_ground(palette: dict[str, str], pair: tuple[str, str]):
    light, dark = sorted((luminance(palette[name]) for name in pair), reverse=True)

    assert (light + 0.05) / (dark + 0.05) >= 4.5
