"""A running application with data in it, and a browser that looks at it."""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from app.web import create_app
from core.settings import settings
from tests import world
from tests.browsing import PASSWORD
from tests.smtp_sink import Sink

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
# Read before fixtures take the variables of Crusoe away.
SCREENSHOTS = os.environ.get("CRUSOE_SCREENSHOTS")
MARK_CONTROLS = """() => {
    const groups = new Set();
    for (const one of document.querySelectorAll("a[href], button, input, select, textarea, summary")) {
        const group = one.type === "radio" ? one.name : null;
        if (one.type === "hidden" || one.tabIndex < 0 || !one.checkVisibility() || groups.has(group)) { continue; }
        if (group && !one.checked && document.querySelector(`input[name="${group}"]:checked`)) { continue; }
        if (group) { groups.add(group); }
        one.dataset.control = "";
    }
}"""
# On a phone tables are moved sideways; at a desk nobody looks for a column beyond the edge.
TOO_WIDE = """() => innerWidth < 1200 ? [] : [...document.querySelectorAll(".table-responsive")]
    .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.ariaLabel)"""
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
# All that another set of colours can spoil.
CONTRAST = {"runOnly": ["color-contrast", "link-in-text-block"]}
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# Each page is opened in both, and seen in light and in dark. In German, whose words are the longer ones.
LOOKS = {
    "desk": {"color_scheme": "light", "viewport": DESK, "locale": "de-DE"},
    "phone": {"color_scheme": "dark", "viewport": PHONE, "locale": "de-AT"},
}
IN_EVERY_LOOK = pytest.mark.parametrize(("look", "visitor"), LOOKS.items(), indirect=["visitor"], ids=LOOKS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The chromium of this machine."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("There is no chromium on this machine; install it (Debian: apt install chromium) to test pages.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Site:
    """The application under test: where it is, what is in it."""

    url: str
    world: world.World


@pytest.fixture
def sink(database: str, broker: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """The mail server of all recipients. Ask for it before anything is sent."""
    with Sink() as made:
        monkeypatch.setenv("CRUSOE_SMTP_URL", made.url)
        settings.cache_clear()
        yield made


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    """The application on a free port, with a small company in it."""
    filled = world.make()
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield Site(url=f"http://127.0.0.1:{server.server_port}", world=filled)
    server.shutdown()
    thread.join()


@dataclass
class Visitor:
    """A page that notes what the browser complains about."""

    page: Page
    site: Site
    colours: str = "light"
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, email: str) -> None:
        """Log in through the form."""
        self.page.goto(f"{self.site.url}/sign-in")
        self.page.fill("#email", email)
        self.page.fill("#password", PASSWORD)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"{self.site.url}/")

    def open(self, path: str, *, status: int = 200) -> None:
        """Go to a page and wait until its parts have loaded."""
        answer = self.page.goto(self.site.url + path)
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"
        # Parts that a page fetches by itself are asked for before it counts as loaded.
        expect(self.page.locator(".htmx-request")).to_have_count(0)

    def show(self, path: str) -> None:
        """See what a page consists of, without the rules under which it is served."""
        self.page.goto("about:blank")
        self.page.set_content(self.page.request.get(self.site.url + path).text())

    def keep_picture(self, name: str) -> None:
        """Store a picture of the whole page, when somebody wants to look at it."""
        if SCREENSHOTS:
            Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{SCREENSHOTS}/{name}.png", full_page=True)

    def problems(self, name: str) -> list[str]:
        """Everything that is wrong with the open page in light and dark; keeps pictures of it under this name."""
        # The answer to a click has begun when the click returns; what is not there yet can't be judged.
        self.page.wait_for_load_state()
        self.keep_picture(f"{name}.{self.colours}")
        obstacles = self.unfair()
        other = "dark" if self.colours == "light" else "light"
        with self._in(other):
            self.keep_picture(f"{name}.{other}")
            obstacles += [f"{other}: {obstacle}" for obstacle in self.unfair(CONTRAST)]
        if self.page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            obstacles.append("wider than the window")
        obstacles += [f"a table beyond its edge: {one}" for one in self.page.evaluate(TOO_WIDE)]
        found = [f"{name}: {obstacle}" for obstacle in [*obstacles, *self.complaints]]
        self.complaints.clear()
        return found

    @contextmanager
    def _in(self, colours: str) -> Iterator[None]:
        """See the open page in other colours for a while."""
        self.page.emulate_media(color_scheme=colours)
        yield
        self.page.emulate_media(color_scheme=self.colours)

    def out_of_reach(self) -> list[str]:
        """What can be clicked, but not reached with the Tab key. Of a group of radio buttons one is enough."""
        self.page.evaluate(MARK_CONTROLS)
        self.page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        for _ in range(self.page.locator("[data-control]").count() + 5):
            self.page.keyboard.press("Tab")
            self.page.evaluate("document.activeElement.removeAttribute('data-control')")
        left: list[str] = self.page.locator("[data-control]").evaluate_all("found => found.map(one => one.outerHTML)")
        return left

    def unfair(self, rules: dict[str, Any] = RULES) -> list[str]:
        """What keeps some people from using this page (WCAG 2.2 AA, as far as a program can see it)."""
        # Half a megabyte for the browser to read: once for a page, however often it is asked about.
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        # A mail stands in a frame that runs no script, so nobody in there could answer.
        found = self.page.evaluate(f"axe.run(document, {json.dumps(rules | {'iframes': False})})")
        return [
            f"{one['id']}: {node['target']} {node['any'][0]['message'] if node['any'] else one['help']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]


@pytest.fixture
def visitor(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """A fresh browser window; give it a look with `@pytest.mark.parametrize("visitor", [...], indirect=True)`."""
    options = getattr(request, "param", {})
    # Colours are measured where they end, not on their way there.
    context = browser.new_context(**{"locale": "en-GB", "reduced_motion": "reduce"} | options)
    visitor = Visitor(page=context.new_page(), site=site, colours=options.get("color_scheme", "light"))
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    visitor.page.on(
        "console",
        lambda said: visitor.complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
    yield visitor
    context.close()
