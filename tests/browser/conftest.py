"""A running application with data in it, and a browser that looks at it."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from app.web import create_app
from tests import world
from tests.browsing import PASSWORD

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


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
def site(database: str) -> Iterator[Site]:
    """The application on a free port, with a small company in it."""
    filled = world.make()
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(url=f"http://127.0.0.1:{server.server_port}", world=filled)
    server.shutdown()
    thread.join()


@dataclass
class Visitor:
    """A page that notes what the browser complains about."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, email: str) -> None:
        """Log in through the form."""
        self.page.goto(f"{self.site.url}/sign-in")
        self.page.fill("#email", email)
        self.page.fill("#password", PASSWORD)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"{self.site.url}/")

    def open(self, path: str) -> None:
        """Go to a page and wait until its parts have loaded."""
        answer = self.page.goto(self.site.url + path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"
        self.page.wait_for_load_state("networkidle")

    def unfair(self) -> list[str]:
        """What keeps some people from using this page (WCAG 2.2 AA, as far as a program can see it)."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(f"axe.run(document, {json.dumps(RULES)})")
        return [
            f"{one['id']}: {node['target']} {node['any'][0]['message'] if node['any'] else one['help']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]


@pytest.fixture
def visitor(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """A fresh browser window; give it a look with `@pytest.mark.parametrize("visitor", [...], indirect=True)`."""
    options = getattr(request, "param", {})
    context = browser.new_context(**{"locale": "en-GB"} | options)
    visitor = Visitor(page=context.new_page(), site=site)
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    visitor.page.on(
        "console",
        lambda said: visitor.complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
    yield visitor
    context.close()
