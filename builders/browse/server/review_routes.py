"""The addresses of the review app."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nyxqa.builders.browse.judging.session import REASONS, ReviewSession
from nyxqa.builders.browse.pages.documents import shown_triplet
from nyxqa.builders.browse.server.pages import Pages
from nyxqa.builders.report.review_figures import agreement_line
from nyxqa.schemas.errors import UsageError

_BODY = 64_000  # bytes of a verdict
_CONFLICTS = 50


def review_routes(session: ReviewSession, pages: Pages) -> list[Route]:
    """The routes of one reviewer."""
    site = _Review(session, pages)
    return [
        Route("/review", site.app),
        Route("/review/row/{place:int}", site.row),
        Route("/review/conflicts", site.conflicts),
        Route("/review/verdict", site.judge, methods=["POST"]),
        Route("/review/undo", site.undo, methods=["POST"]),
    ]


class _Review:
    """The handlers of one reviewer."""

    def __init__(self, session: ReviewSession, pages: Pages) -> None:
        self._session = session
        self._pages = pages

    def app(self, request: Request) -> Response:
        """The page with the queue; rows come one by one."""
        said = self._session.said()
        first = next((place for place, one in enumerate(said) if not one), 0)
        return self._pages.html("review", "review", said=said, first=first, reasons=REASONS)

    def row(self, request: Request) -> Response:
        """One row of the queue as a part of the page, with the reviewer's own verdict."""
        session, place = self._session, request.path_params["place"]
        if not 0 <= place < len(session.queue):
            raise HTTPException(404)
        key = session.queue[place].key
        row = session.row(place)
        own = session.own(key)
        shown = shown_triplet(session.dataset, key[0], row)
        html = self._pages.text("review_row", shown=shown, own=own, others=session.others(key))
        return JSONResponse(
            {
                "html": html,
                "seen": row["row_hash"],
                "negatives": row["negative_ids"],
                "own": None if own is None else _told(own.verdict, own.reasons, own.relevant, own.note),
            }
        )

    async def judge(self, request: Request) -> Response:
        """Write down a verdict."""
        given = await _json(request)
        try:
            place = self._session.judge(given)
        except UsageError as error:
            return JSONResponse({"error": str(error)}, 400)
        return self._state(place)

    async def undo(self, request: Request) -> Response:
        """Take the last verdict back."""
        return self._state(self._session.undo())

    def _state(self, place: int | None) -> Response:
        session = self._session
        said = session.said()
        own = "" if place is None else said[place]
        found = session.agreement()
        return JSONResponse(
            {
                "place": place,
                "verdict": own,
                "reviewed": sum(map(bool, said)),
                "agreement": "" if found is None else agreement_line(found),
                "conflicts": len(session.open_conflicts()),
            }
        )

    def conflicts(self, request: Request) -> Response:
        """Rows on which others contradict the reviewer, side by side."""
        session = self._session
        keys = session.open_conflicts()[:_CONFLICTS]
        sides = [(key, {session.reviewer: own, **session.others(key)}) for key in keys if (own := session.own(key))]
        found = session.agreement()
        lines = {"all splits": [agreement_line(found)]} if found is not None else {}
        return self._pages.html("reviews", "reviews", lines=lines, conflicts=sides, reviewers=[])


def _told(verdict: str, reasons: tuple[str, ...], relevant: tuple[str, ...], note: str) -> dict[str, Any]:
    return {"verdict": verdict, "reasons": list(reasons), "relevant": list(relevant), "note": note}


async def _json(request: Request) -> dict[str, Any]:
    """The object that a page sent.

    :raises HTTPException: If it is none, or too large.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _BODY:
            raise HTTPException(413)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400) from error
    if not isinstance(value, dict):
        raise HTTPException(400)
    return value
