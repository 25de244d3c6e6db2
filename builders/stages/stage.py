"""Stage ``images``: URLs are fetched, references become stored images, and images that many pages share go."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.rows import PAGES
from nyxqa.builders.sources.factory import open_source
from nyxqa.builders.stages.common_images import common_tasks, drop_common
from nyxqa.builders.stages.fetch import fetch, fetch_step, store_folder
from nyxqa.builders.stages.images import Resolver, page_slices, store_images
from nyxqa.schemas.recipe import Images, Web


def images(run: Run, pages: Parts, web: Web, settings: Images, distance: int) -> Parts:
    """Pages whose images are stored and not common.

    :param distance: Bits of perceptual hashes within which images are near-identical (``dedup.image_distance``).

    The packs lie in the folder of step ``images/store``; see ``pack_folder``.
    """
    fetch(run, pages, settings)
    resolver = Resolver(open_source(web).root, store_folder(run, settings), settings.max_bytes, settings.max_pixels)
    stored = run.map(
        _store_step(run, pages, settings),
        partial(store_images, resolver, pack_folder(run, pages, settings), settings.on_dead),
        partial(page_slices, pages),
        PAGES,
    )
    params = {"common": settings.common, "distance": distance}
    step = Step("images", 2, params, (stored.fingerprint,), unit_in="page", unit_out="page")
    return run.map(step, drop_common, partial(common_tasks, stored, settings.common, distance, run.work), PAGES)


def pack_folder(run: Run, pages: Parts, settings: Images) -> Path:
    """Where the packs of the images of ``pages`` lie; for ``PackReader``."""
    return run.folder(_store_step(run, pages, settings))


def _store_step(run: Run, pages: Parts, settings: Images) -> Step:
    params = {name: getattr(settings, name) for name in ("on_dead", "max_bytes", "max_pixels")}
    inputs = (pages.fingerprint, fetch_step(run, pages, settings).fingerprint)
    return Step("images/store", 3, params, inputs, unit_in="page", unit_out="page")
