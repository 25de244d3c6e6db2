"""The pages of the browser by their address."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from nyxqa.builders.browse.dataset import MEANINGS, SORTS, BrowsedDataset
from nyxqa.builders.browse.find import find_item
from nyxqa.builders.browse.judging.queue import ReviewFiles, conflicts, figures_by_split, on_row, review_files
from nyxqa.builders.browse.lineage import lineage
from nyxqa.builders.browse.pages.documents import LEAKS, PAGE, cluster, clusters, dropped_rows, pair, shown_triplet
from nyxqa.builders.browse.pages.overview import drops, notes, numbers, sql_page
from nyxqa.builders.browse.pages.rows import rows_page
from nyxqa.builders.browse.server.pages import Pages, static_file
from nyxqa.builders.browse.server.security import Access, Guard
from nyxqa.builders.report.review_figures import review_lines
from nyxqa.schemas.errors import NyxqaError
from nyxqa.schemas.images.formats import image_format

_SHOWN_LEAKS = 20
_SHOWN_IMAGES = frozenset(("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"))  # what browsers show
_IMAGE_TABLES = ("triplets", "qa")


def make_app(dataset: BrowsedDataset, access: Access, pages: Pages, more: list[Route] | None = None) -> Starlette:
    """The application.

    :param more: Routes of the review app.
    """
    site = _Site(dataset, pages, review_files(dataset))
    routes = [
        Route("/", site.overview),
        Route("/rows", site.rows),
        Route("/row/{id}", site.row),
        Route("/drops", site.all_drops),
        Route("/drops/{stage}/{reason:path}", site.drops),
        Route("/item/{id:path}", site.item),
        Route("/clusters", site.clusters),
        Route("/clusters/{id}", site.cluster),
        Route("/leaks", site.leaks),
        Route("/reviews", site.reviews),
        Route("/sql", site.sql),
        Route("/image/{id}", site.image),
        Route("/static/{name}", _static),
        *(more or []),
    ]
    handlers: dict[object, Callable[[Request, Exception], Response]] = {
        NyxqaError: _refused(pages),
        HTTPException: _unknown(pages),
    }
    guard = Middleware(Guard, access=access)
    return Starlette(routes=routes, middleware=[guard], exception_handlers=handlers)


def _refused(pages: Pages) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        return pages.html("error", status=400, message=str(error))

    return answer


def _unknown(pages: Pages) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return pages.html("error", status=status, message="there is no such page" if status == 404 else "not answered")

    return answer


def _static(request: Request) -> Response:
    found = static_file(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return Response(found[0], media_type=found[1])


class _Site:
    """The handlers of one dataset."""

    def __init__(self, dataset: BrowsedDataset, pages: Pages, files: ReviewFiles) -> None:
        self._dataset = dataset
        self._pages = pages
        self._files = files

    def overview(self, request: Request) -> Response:
        dataset = self._dataset
        return self._pages.html(
            "overview",
            "overview",
            numbers=numbers(dataset),
            drops=drops(dataset),
            notes=list(notes(dataset.published.manifest)),
            stages=dataset.published.manifest.stages,
            certificate=dataset.published.manifest.certificate,
            presets=MEANINGS,
        )

    def rows(self, request: Request) -> Response:
        given = {name: request.query_params.get(name, "") for name in ("where", "split", "dataset", "sort", "after")}
        page = rows_page(self._dataset, given, self._disagreed())
        return self._pages.html(
            "rows",
            "rows",
            page=page,
            given=given,
            splits=self._dataset.splits,
            presets=MEANINGS,
            sorts=[name for name in SORTS if name],
            status=400 if page.error else 200,
        )

    def _disagreed(self) -> list[str]:
        """Queries on which reviewers contradict each other; for a reviewer of those with a verdict of their own."""
        reviews = self._files.read()
        own = reviews.get(self._pages.reviewer, {})
        return [key[2] for key in conflicts(reviews) if not self._pages.reviewer or key in own]

    def row(self, request: Request) -> Response:
        found = self._dataset.triplet(request.path_params["id"])
        if found is None:
            return RedirectResponse(f"/item/{request.path_params['id']}", 303)
        split, row = found
        views = self._dataset.views
        with views.turn:
            story = lineage(views.database(), find_item(views.database(), row["query_id"]))
        key = (split, row["dataset"], row["query_id"])
        own = on_row(self._files.read(), key) if not self._pages.reviewer else {}
        return self._pages.html("row", "rows", shown=shown_triplet(self._dataset, split, row), story=story, reviews=own)

    def all_drops(self, request: Request) -> Response:
        return self._pages.html("all_drops", "drops", drops=drops(self._dataset))

    def drops(self, request: Request) -> Response:
        stage, reason = request.path_params["stage"], request.path_params["reason"]
        rows = dropped_rows(self._dataset, stage, reason, request.query_params.getlist("after"))
        shown = [(row, pair(self._dataset, row)) for row in rows[:PAGE]]
        following = ""
        if len(rows) > PAGE:
            last = rows[PAGE - 1]
            names = ("split", "item_type", "item_id", "parent_id", "detail")
            following = "?" + urlencode([("after", last[name]) for name in names])
        return self._pages.html("drops", "drops", stage=stage, reason=reason, rows=shown, following=following)

    def item(self, request: Request) -> Response:
        views = self._dataset.views
        with views.turn:
            story = lineage(views.database(), find_item(views.database(), request.path_params["id"]))
        document = None
        if story.name.kind == "document" and story.facts:
            document = self._dataset.document(str(story.facts["pool"]), story.name.id)
        beside = [(row, found) for row in story.fate if (found := pair(self._dataset, {**_columns(row)})) is not None]
        return self._pages.html("item", "", story=story, document=document, beside=beside)

    def clusters(self, request: Request) -> Response:
        return self._pages.html("clusters", "clusters", clusters=clusters(self._dataset))

    def cluster(self, request: Request) -> Response:
        name = request.path_params["id"]
        documents = cluster(self._dataset, name)
        if not documents:
            raise HTTPException(404)
        return self._pages.html("cluster", "clusters", name=name, documents=documents)

    def leaks(self, request: Request) -> Response:
        views = self._dataset.views
        found = {
            name: (query, views.rows(f"SELECT * FROM ({query}) LIMIT {_SHOWN_LEAKS}")) for name, query in LEAKS.items()
        }
        manifest = self._dataset.published.manifest
        overlaps = manifest.summary.get("overlaps", {})
        return self._pages.html("leaks", "leaks", certificate=manifest.certificate, found=found, overlaps=overlaps)

    def reviews(self, request: Request) -> Response:
        if self._pages.reviewer:
            return RedirectResponse("/review/conflicts", 303)
        reviews = self._files.read()
        figures = figures_by_split(self._dataset, reviews)
        sides = [(key, on_row(reviews, key)) for key in conflicts(reviews)[:PAGE]]
        lines = {split: review_lines(one) for split, one in figures.items()}
        return self._pages.html("reviews", "reviews", lines=lines, conflicts=sides, reviewers=sorted(reviews))

    def sql(self, request: Request) -> Response:
        page = sql_page(self._dataset, request.query_params.get("query", ""))
        return self._pages.html("sql", "sql", status=400 if page.error else 200, page=page)

    def image(self, request: Request) -> Response:
        given = request.query_params
        table, split, row = given.get("table", "corpus"), given.get("split", ""), given.get("row", "")
        if table not in _IMAGE_TABLES:
            table, split, row = "corpus", given.get("pool", ""), given.get("doc", "")
        known = self._dataset.pools if table == "corpus" else self._dataset.splits
        if split not in known:
            table, split, row = self._dataset.place_of_image(request.path_params["id"])
        data = self._dataset.image(request.path_params["id"], table, split, row) if split else None
        found = None if data is None else image_format(data)
        if data is None:
            raise HTTPException(404)
        if found is None or found.name not in _SHOWN_IMAGES:
            return PlainTextResponse("not a picture that a browser shows", 415)
        return Response(data, media_type=found.mime_type, headers={"cache-control": "private, max-age=3600"})


def _columns(row: object) -> dict[str, str]:
    return {name: getattr(row, name) for name in ("item_id", "detail")}
