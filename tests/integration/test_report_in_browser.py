"""The reports in a real browser: quiet, alone, readable on a phone and on paper, and accessible."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from audit_reports import RULES, judged, report, saying, whole
from envlock.formats.audit_html import format_audit_html
from envlock.formats.html_report import format_html
from envlock.model.outcome import Failed, NotRun, Obligation, Passed
from envlock.model.receipt import Curve, HostLibrary, Receipt
from reports import HOSTILE, check, driver_proof, package_sizes, rich_receipt

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
AXE_MODULE = "axe_playwright_python"
SCREENS = {
    "desk": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "desk, dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "phone, dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    "small phone": {"viewport": {"width": 320, "height": 640}, "color_scheme": "light"},
}
LONG = "x" * 300
SENSITIVE = "<script>alert(1)</script><img src=https://example.org/x onerror=alert(1)>"


def hostile_receipt() -> Receipt:
    """What its text would do to a page that did not escape it, and to one that lets it spread."""
    outcomes = (Passed(said=HOSTILE), Failed(said=SENSITIVE, hint=LONG), NotRun(reason=LONG))
    return rich_receipt(
        checks=tuple(
            check(obligation, f"{text}.numbers.matmul.{place}", outcome, numbers={text: 1.0})
            for place, outcome in enumerate(outcomes)
            for text in (HOSTILE, SENSITIVE, LONG)
            for obligation in (Obligation.NUMBERS, Obligation.DRIVER)
        ),
        curves=(
            Curve(name=SENSITIVE, losses=(float("nan"), 1.0), accuracies=(), steps=3),
            Curve(name=LONG, losses=(), accuracies=(0.5,), steps=0),
        ),
        frameworks={SENSITIVE: LONG},
        host_libraries=(HostLibrary(path=LONG, build_id=SENSITIVE, role=HOSTILE),),
    )


PAGES = {
    "rich": format_html(rich_receipt(), package_sizes(), driver_proof()),
    "hostile": format_html(hostile_receipt(), package_sizes()),
    "single": format_html(
        rich_receipt(
            checks=(
                check(
                    Obligation.NUMBERS,
                    "tensorflow.cpu.numbers.matmul.float32",
                    Passed(said="it agrees"),
                    numbers={"relative_error": 3e-7},
                ),
            )
        )
    ),
    "audit": format_audit_html(whole(), RULES, version="1.0"),
    "hostile-audit": format_audit_html(saying(f"{HOSTILE}{SENSITIVE} {LONG}"), RULES),
    "clean-audit": format_audit_html(report(judged()), RULES),
    "bare": format_html(rich_receipt(checks=(), curves=(), host_libraries=(), frameworks={})),
}


VISITS = [
    *(("rich", screen) for screen in SCREENS),
    ("hostile", "desk"),
    ("hostile", "small phone"),
    ("bare", "phone"),
    *(("audit", screen) for screen in SCREENS),
    ("hostile-audit", "desk"),
    ("hostile-audit", "small phone"),
    ("clean-audit", "phone"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    library = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no Chromium here: none of {', '.join(BROWSERS)} is on the path")
    sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium has none for root
    with library.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=program, args=sandbox)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core: of npm's package where there is one, else of Python's."""
    folders = [Path(path) / "axe-core" for path in os.environ.get("NODE_PATH", "").split(":")]
    found = importlib.util.find_spec(AXE_MODULE)
    folders += map(Path, (found.submodule_search_locations or ()) if found else ())
    for folder in (Path("node_modules/axe-core"), *folders):
        if (folder / "axe.min.js").is_file():
            return (folder / "axe.min.js").read_text("utf-8")
    pytest.skip("axe-core is not here: `pip install axe-playwright-python` or npm brings it")


class Quiet(SimpleHTTPRequestHandler):
    asked: list[str]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        self.asked.append(self.path)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """The pages on a loopback server, and what it was asked for."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in PAGES.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    handler = type("Handler", (Quiet,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler.asked
        server.shutdown()
        thread.join()


class Visit:
    """One page in one screen, and all that the browser did for it."""

    def __init__(self, context: Any, address: str) -> None:
        self.page = context.new_page()
        self.console: list[str] = []
        self.requests: list[str] = []
        self.reached: list[str] = []
        """Those that nothing in the browser held back."""
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("dialog", lambda dialog: self.console.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        context.route("**", lambda route: self._answer(route, address))
        self.page.goto(address)

    def _answer(self, route: Any, address: str) -> None:
        self.reached.append(route.request.url)
        if route.request.url == address:
            route.continue_()
        else:
            route.abort()

    def wide(self) -> tuple[int, int]:
        """How wide the page is, and how wide its window."""
        root = "document.documentElement"
        width, room = self.page.evaluate(f"[{root}.scrollWidth, {root}.clientWidth]")
        return width, room


@pytest.fixture
def visit(browser: Any, site: tuple[str, list[str]], request: pytest.FixtureRequest) -> Any:
    def go(name: str, screen: str, **more: object) -> Visit:
        context = browser.new_context(**SCREENS[screen], **more)
        request.addfinalizer(context.close)
        return Visit(context, f"{site[0]}/{name}.html")

    return go


@pytest.mark.parametrize(("name", "screen"), VISITS)
def test_the_page_is_quiet_alone_and_not_wider_than_its_window(visit, site, name, screen):
    site[1].clear()

    seen = visit(name, screen)
    picture = seen.page.screenshot(full_page=True)

    assert seen.console == []
    assert seen.requests == [f"{site[0]}/{name}.html"]
    assert site[1] == [f"/{name}.html"]
    width, room = seen.wide()
    assert width <= room
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "screen"),
    [visit for visit in VISITS if visit[1] not in {"phone, dark", "small phone"}],
)
def test_axe_finds_nothing(visit, axe, name, screen):
    page = visit(name, screen, bypass_csp=True).page

    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.evaluate(axe)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")

    assert len(found["passes"]) > 30, "rules that were applied"
    assert [
        (each["id"], each["impact"], each["nodes"][0]["html"]) for each in found["violations"]
    ] == []


@pytest.mark.parametrize("name", PAGES)
def test_it_prints_within_the_paper_and_without_navigation(visit, name):
    seen = visit(name, "desk")

    seen.page.emulate_media(media="print")
    seen.page.set_viewport_size({"width": 688, "height": 1000})  # A4 without its margins
    paper = seen.page.pdf(format="A4", prefer_css_page_size=True)

    width, room = seen.wide()
    assert width <= room
    assert not seen.page.locator("nav").is_visible()
    assert paper.startswith(b"%PDF")
    assert seen.console == []


def test_dark_and_light_are_two_pages_and_paper_is_always_light(visit):
    def ground(screen: str, media: str) -> str:
        page = visit("rich", screen).page
        page.emulate_media(media=media)
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert ground("desk", "screen") == "rgb(255, 255, 255)"
    assert ground("desk, dark", "screen") == "rgb(20, 23, 26)"
    assert ground("desk, dark", "print") == "rgb(255, 255, 255)"


def test_each_screen_gets_the_treemap_whose_letters_it_can_show(visit):
    for screen, shown, hidden in (("desk", "wide", "narrow"), ("phone", "narrow", "wide")):
        page = visit("rich", screen).page

        assert page.locator(f"svg.{shown}").is_visible()
        assert not page.locator(f"svg.{hidden}").is_visible()
        letters = page.locator(f"svg.{shown} text").first.evaluate(
            "each => each.getBoundingClientRect().height"
        )
        assert letters > 10


def test_a_phone_shows_a_matrix_of_one_precision_without_scrolling(visit):
    page = visit("single", "phone").page

    scroll = page.locator(".scroll").evaluate("each => each.scrollWidth - each.clientWidth")

    assert scroll == 0
    assert page.locator(".matrix .badge").first.is_visible()


def test_a_phone_shows_checks_as_cards_that_keep_their_roles(visit):
    page = visit("rich", "phone").page

    row = page.locator("#check-3")

    assert row.evaluate("each => getComputedStyle(each).display") == "block"
    assert page.get_by_role("row").filter(has_text="pytorch.libraries").count() == 1
    assert page.get_by_role("rowheader", name="pytorch.libraries").count() == 1


def test_the_policy_stops_what_would_be_put_into_the_page(visit):
    seen = visit("rich", "desk")

    seen.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'taken'";
          const image = document.createElement("img");
          image.src = "https://example.org/x.png";
          document.body.append(script, image);
        }"""
    )

    assert seen.page.title() == "Failed: three-frameworks-cu121 · envlock verification"
    assert len(seen.reached) == 1
    assert any("Content Security Policy" in line for line in seen.console)


def test_an_audit_is_filtered_by_check_boxes_without_a_script(visit):
    page = visit("audit", "desk").page

    page.get_by_label("errors (2)").uncheck()
    assert not page.get_by_role("heading", name="api/uv.lock").is_visible()
    assert page.get_by_text("base:latest moves.").is_visible()

    page.get_by_label("errors (2)").check()
    page.get_by_label("warnings (2)").uncheck()
    assert page.get_by_text("numpy has no hash.").is_visible()
    assert not page.get_by_text("base:latest moves.").is_visible()


def test_an_audit_shows_its_verdict_without_scrolling_on_a_phone(visit):
    seen = visit("audit", "phone").page.locator(".verdict").bounding_box()

    assert seen["y"] + seen["height"] < 300


def test_a_phone_shows_the_files_of_an_audit_without_scrolling(visit):
    page = visit("audit", "phone").page

    assert page.locator(".scroll").evaluate("each => each.scrollWidth - each.clientWidth") == 0
