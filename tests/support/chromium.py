"""A real Chromium, driven by playwright: what a page does, and what it tries to do.

Hostile text is written so that a script which runs calls ``hostile(NAME)``; ``Visit.ran`` lists those calls.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, Route

VARIABLE = "NYXQA_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
FOREIGN = "http://198.51.100.7"  # of a block reserved for documentation: nothing answers there
BIDI = "\u202e"  # right-to-left override

# Each calls hostile(NAME) or asks FOREIGN for something if a page lets it.
HOSTILE = {
    "script": "<script>hostile('script')</script>",
    "img": f"<img src='{FOREIGN}/img.png' onerror=\"hostile('img')\">",
    "svg": "<svg onload=\"hostile('svg')\"><circle r='9'/></svg>",
    "iframe": "<iframe srcdoc=\"<script>parent.hostile('iframe')</script>\"></iframe>",
    "style": f"</style><style>body{{background:url({FOREIGN}/style.png)}}</style>",
    "link": "<a href=\"javascript:hostile('link')\">link</a>",
    "breakout": "\"'></td></textarea></title><script>hostile('breakout')</script>",
    "template": "{{ 7 * 7 }}{% raw %}{{ config }}{# comment #}${7 * 7}",
    "bidi": f"report{BIDI}gpj.exe",
    "controls": "bell \x07 escape \x1b]0;title\x07 end",
}
HOSTILE_TEXT = " ".join(HOSTILE.values())


def chromium_path() -> str | None:
    """The browser: what ``NYXQA_CHROMIUM`` names, else the one on the path; None without one."""
    return os.environ.get(VARIABLE) or next((path for name in _NAMES if (path := shutil.which(name))), None)


@dataclass
class Visit:
    """An open page and what it did.

    :param ran: Names of the hostile scripts that ran, and texts of dialogs.
    :param foreign: Addresses outside the page's own origin that it asked for; none is answered.
    :param errors: Uncaught errors of the page's own scripts.
    """

    page: Page
    ran: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Chromium:
    """A running browser.

    :param browser: As playwright started it.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextmanager
    def visit(self, url: str | Path, *, width: int = 1400, height: int = 900, dark: bool = False) -> Iterator[Visit]:
        """Open an address, or a file, in a window of its own; another origin than that of ``url`` is not reached."""
        address = url.resolve().as_uri() if isinstance(url, Path) else url
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        try:
            visit = Visit(context.new_page())
            context.expose_binding("hostile", lambda _, name: visit.ran.append(str(name)))
            _watch(visit, address)
            visit.page.goto(address)
            visit.page.wait_for_load_state("load")
            yield visit
        finally:
            context.close()


def _watch(visit: Visit, address: str) -> None:
    origin = _origin(address)

    def own(url: str) -> bool:
        return url == address or (origin != "file://" and _origin(url) == origin)

    def decide(route: Route) -> None:
        route.continue_() if own(route.request.url) else route.abort()

    def note(request: Request) -> None:
        if not (own(request.url) or request.url.startswith(("data:", "blob:", "about:"))):
            visit.foreign.append(request.url)

    visit.page.context.route("**/*", decide)
    visit.page.context.on("request", note)
    visit.page.on("dialog", lambda dialog: (visit.ran.append(f"dialog {dialog.message}"), dialog.dismiss()))
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@contextmanager
def running_chromium(path: str) -> Iterator[Chromium]:
    """Start the browser at ``path``; it is closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        try:
            yield Chromium(browser)
        finally:
            browser.close()
