"""A real server in a process of its own and a real chromium, which fail a test for anything that went wrong unseen."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.driving import SAMPLE, map_id, new_map, wait_for_map

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WITHIN_MS = 60_000
NOTE_VIOLATIONS = """
window.cspViolations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.cspViolations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""

expect.set_options(timeout=WITHIN_MS)

# A flow that is worth a second run: the pages that it opens are light once, and dark once.
both_themes = pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)


class Watch:
    """What a page did that nobody looks at: errors, requests to strangers."""

    def __init__(self, page, url):
        self.seen = []
        self.allowed = []
        self.page = page
        page.on("console", lambda message: message.type == "error" and self.seen.append(message.text))
        page.on("pageerror", lambda error: self.seen.append(str(error)))
        page.on("request", lambda request: self._request(request.url, urlsplit(url).netloc))

    def _request(self, address, own):
        split = urlsplit(address)
        if split.scheme not in ("data", "blob") and split.netloc != own:
            self.seen.append(f"a request to another origin: {address}")

    def allow(self, pattern):
        """An error that the test provokes."""
        self.allowed.append(re.compile(pattern))

    def check(self):
        """Fail with everything that was not provoked."""
        found = [text for text in self.seen if not any(pattern.search(text) for pattern in self.allowed)]
        found += self.page.evaluate("window.cspViolations ?? []")
        assert found == []


class Served:
    """A server and the session of the browser that has used its one-time address."""

    def __init__(self, url, storage_state):
        self.url, self.storage_state = url, storage_state


@pytest.fixture(scope="module")
def surroundings():
    """The network that server and browser live in: the machine's own, unless a module makes another."""
    return None


@pytest.fixture(scope="module")
def browser(surroundings):
    """Chromium of the system; nothing is downloaded."""
    path = shutil.which("chromium")
    assert path, "these tests drive chromium: install the package chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(surroundings, browser, tmp_path_factory):
    """``flowmap serve`` on a free port with a folder of its own."""
    folder = tmp_path_factory.mktemp("data")
    process = subprocess.Popen(
        [sys.executable, "-m", "flowmap", "serve", "--port", "0", "--data-dir", str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        address = None
        for line in process.stdout:
            if address := re.search(r"http://\S+token=\S+", line):
                break
        assert address, "the server ended before it said its address"
        context = browser.new_context()
        context.new_page().goto(address.group())
        state = context.storage_state()
        context.close()
        yield Served("{0.scheme}://{0.netloc}".format(urlsplit(address.group())), state)
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def theme(request):
    """What the system asks for: light, unless a test is marked with ``both_themes`` or names another."""
    return getattr(request, "param", "light")


@pytest.fixture
def open_page(browser, server, theme):
    """Opens pages; checks at the end that each of them was clean."""
    opened = []

    def open_one(path="/", **options):
        size = {"width": 1600, "height": 1000}
        context = browser.new_context(
            base_url=server.url, storage_state=server.storage_state, timezone_id="UTC",
            **{"viewport": size, "color_scheme": theme, **options},
        )  # fmt: skip
        context.add_init_script(NOTE_VIOLATIONS)
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.watch = Watch(page, server.url)
        opened.append((context, page))
        page.goto(path)
        page.wait_for_selector("html[data-started]", state="attached")
        return page

    yield open_one
    for _, page in opened:
        page.watch.check()
    for context, _ in opened:
        context.close()


@pytest.fixture
def page(open_page):
    """The page as it opens."""
    return open_page()


@pytest.fixture(scope="module")
def made(browser, server):
    """Address of a map of the sample, made once for a module, whose tests leave it as it is."""
    context = browser.new_context(base_url=server.url, storage_state=server.storage_state)
    page = context.new_page()
    page.goto("/")
    new_map(page, *SAMPLE)
    address = f"/?map={map_id(page)}"
    context.close()
    return address


@pytest.fixture
def view(open_page, made):
    """That map, drawn."""
    page = open_page(made)
    wait_for_map(page)
    return page
