"""Pages as HTML: templates with every value escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from starlette.responses import HTMLResponse

from nyxqa.builders.browse.dataset import BrowsedDataset
from nyxqa.builders.browse.server.security import Access
from nyxqa.builders.browse.text import content, plain, visible

_ROOM = Path(__file__).parents[1]
_FILES = {
    "app.css": "text/css; charset=utf-8",
    "icon.png": "image/png",
    "review.js": "text/javascript; charset=utf-8",
}


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_ROOM / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"visible": visible, "plain": plain, "content": content}
    return environment


class Pages:
    """Renders the templates of one dataset.

    :param reviewer: Who reviews; empty while only browsing.
    """

    def __init__(self, dataset: BrowsedDataset, access: Access, reviewer: str = "") -> None:
        self.reviewer = reviewer
        manifest = dataset.published.manifest
        self._shared = {
            "folder": plain(dataset.path.name or str(dataset.path)),
            "about": f"seed {manifest.seed} · nyxqa {manifest.versions.get('nyxqa', '?')}",
            "csrf": access.csrf,
            "reviewer": reviewer,
        }

    def html(self, template: str, active: str = "", status: int = 200, **values: Any) -> HTMLResponse:
        """A page.

        :param active: Its entry in the list of pages.
        """
        return HTMLResponse(self.text(template, active=active, **values), status)

    def text(self, template: str, **values: Any) -> str:
        """A template with its values."""
        return _environment().get_template(f"{template}.html.jinja").render(**self._shared, **values)


def static_file(name: str) -> tuple[bytes, str] | None:
    """Bytes and type of a file that pages use; None if no file has that name."""
    return ((_ROOM / "static" / name).read_bytes(), _FILES[name]) if name in _FILES else None
