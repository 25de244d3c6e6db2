"""Stage ``images``: fetch, decode and store the images of pages, and drop those that many pages share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.filters.removed import REMOVED
from nyxqa.builders.images.decode import StoredImage, stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.fetch.places import FetchedReader, placed
from nyxqa.builders.images.packs import PackWriter, writing_pack
from nyxqa.builders.images.references import BucketFile, Data, LocalFile, Rejected, Url, images_of, locate
from nyxqa.builders.row_files.compression import TooLargeError, decompressed
from nyxqa.builders.rows import PAGES, SOURCE_PAGES
from nyxqa.builders.sources.base import Source
from nyxqa.builders.stages.common_images import common_tasks, drop_common
from nyxqa.builders.stages.fetch import fetch, store_folder
from nyxqa.schemas.credentials import marked_address
from nyxqa.schemas.recipe import Images
from nyxqa.schemas.removals import Removals, read_removals
from nyxqa.schemas.web.s3 import S3Folder

_SHARD_IMAGES = 512  # images per shard, so that a stopped run loses little work; a page is never divided


@dataclass(frozen=True, slots=True)
class PageSlice:
    """Consecutive rows of one part file that make one shard."""

    shard: int
    file: Path
    start: int
    count: int


@dataclass(frozen=True)
class Resolver:
    """Reads the image that a reference points to.

    :param root: Folder of the source.
    :param slash_is_root: Whether a reference ``/x`` is relative to ``root``.
    :param fetched: Folder of the images fetched from URLs.
    :param max_bytes: Most bytes of an image file.
    :param max_pixels: Most pixels of an image.
    :param fetch: Whether images at URLs were fetched.
    """

    root: Path | S3Folder
    slash_is_root: bool
    fetched: Path
    max_bytes: int
    max_pixels: int
    fetch: bool = True

    def read(self, reference: str, page: dict[str, Any], fetched: FetchedReader) -> tuple[bytes, str]:
        """Bytes of an image, and its URL without credentials, or its path inside the source, or "" for inline data.

        :raises DeadImageError: If the image cannot be read.
        """
        match locate(reference, page["path"], self.root, self.slash_is_root):
            case Rejected(reason, detail):
                raise DeadImageError(reason, detail)
            case Url(url):
                if not self.fetch:
                    raise DeadImageError("not_fetched", f"{url}: images.fetch is false")
                return self._plain(fetched.read(url), url), marked_address(url)
            case Data(data):
                self._check_size(len(data))
                return self._plain(data, ""), ""
            case LocalFile(path, name):
                try:
                    self._check_size(path.stat().st_size)
                    data = path.read_bytes()
                except OSError as error:
                    raise DeadImageError("unreadable", f"{name}: {error.strerror}") from error
                return self._plain(data, name), name
            case BucketFile(file, name):
                self._check_size(file.size)
                return self._plain(file.read(), name), name

    def _plain(self, data: bytes, place: str) -> bytes:
        """The image file that ``data`` is, or holds: servers and mirrors store some with gzip, whatever their name."""
        try:
            return decompressed(data, self.max_bytes)
        except TooLargeError as error:
            raise DeadImageError("too_many_bytes", f"{place}: {error}") from error
        except OSError as error:
            raise DeadImageError("bad_encoding", f"{place}: {error}") from error

    def _check_size(self, size: int) -> None:
        if size > self.max_bytes:
            raise DeadImageError("too_many_bytes", f"{size} bytes, at most {self.max_bytes}")


def page_slices(pages: StepOutput) -> Iterator[PageSlice]:
    """Slices of the part files with at most 512 images, or of a single page."""
    shard = 0
    for file in pages.files():
        parts = pq.read_table(file, columns=["parts"])["parts"].combine_chunks()
        page, _ = images_of(parts)
        counts = np.bincount(page, minlength=len(parts)).tolist()
        start = images = 0
        for index, count in enumerate(counts):
            if index > start and images + count > _SHARD_IMAGES:
                yield PageSlice(shard, file, start, index - start)
                shard, start, images = shard + 1, index, 0
            images += count
        yield PageSlice(shard, file, start, len(counts) - start)
        shard += 1


def store_images(
    resolver: Resolver, folder: Path, on_dead: Literal["image", "page"], task: PageSlice, removals: Path | None = None
) -> ShardOutput:
    """Store the images of a slice of pages in a pack of its own.

    :param removals: Folder of the dataset whose removals apply.
    """
    kept_out = Removals() if removals is None else read_removals(removals)
    pages = pq.read_table(task.file, schema=SOURCE_PAGES).slice(task.start, task.count).to_pylist()
    account = Account([page["page_id"] for page in pages])
    rows = []
    with writing_pack(folder, task.shard) as pack, FetchedReader(resolver.fetched) as fetched:
        read, decode = partial(resolver.read, fetched=fetched), _Decoder(resolver.max_pixels, pack)
        for page in pages:
            page["parts"], dead, removed = _stored_parts(page, read, decode, pack, on_dead == "page", kept_out)
            account.notes += removed
            drop = _page_drop(page, dead, on_dead == "page")
            if drop is None:
                rows.append(page)
            else:
                account.dropped.append(drop)
            if on_dead == "image":
                account.notes += dead
    account.parents = [row["page_id"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=PAGES), account)


def _stored_parts(
    page: dict[str, Any],
    read: Callable[[str, dict[str, Any]], tuple[bytes, str]],
    decode: _Decoder,
    pack: PackWriter,
    stop: bool,
    removals: Removals,
) -> tuple[list[dict[str, Any]], list[Drop], list[Drop]]:
    """Parts with locators in place of references, and ledger rows of dead and of removed images.

    :param stop: Whether the first dead image ends the page.
    """
    parts, dead, removed, ordinal = [], [], list[Drop](), -1
    for part in page["parts"]:
        place = {"section": part["section"], "locator": part.get("locator")}
        if part["image"] is None:
            parts.append({"text": part["text"], "image": None, **place})
            continue
        ordinal += 1
        try:
            data, url = read(part["image"], page)
            image = decode(data, url)
        except DeadImageError as error:
            dead.append(Drop("image", f"{page['page_id']}:{ordinal}", page["page_id"], error.reason, error.detail))
            if stop:
                break
            continue
        if removals and ("image", image.image_id) in removals:
            removed.append(Drop("image", f"{page['page_id']}:{ordinal}", page["page_id"], REMOVED))
            continue
        said = {name: part[name] for name in ("caption", "caption_origin")}
        locator = {**pack.add(image), **said, "url": url}
        parts.append({"text": None, "image": locator, **place})
    return parts, dead, removed


class _Decoder:
    """Gives the stored form of images, each decoded once however often it comes.

    :param max_pixels: Most pixels of an image.
    :param pack: Where images that live are stored.
    """

    def __init__(self, max_pixels: int, pack: PackWriter) -> None:
        self._max_pixels, self._pack = max_pixels, pack
        self._known: dict[bytes, StoredImage | DeadImageError] = {}

    def __call__(self, data: bytes, place: str) -> StoredImage:
        """The stored form of an image; its bytes are left out where they are in the pack already.

        :raises DeadImageError: If it is not an image that we read; the error names ``place``.
        """
        key = hashlib.sha256(data).digest()
        known = self._known.get(key)
        if known is None or (isinstance(known, StoredImage) and known.image_id not in self._pack):
            try:
                image = stored_image(data, self._max_pixels)
                self._known[key] = replace(image, data=b"")
                return image
            except DeadImageError as error:
                known = self._known[key] = error
        if isinstance(known, DeadImageError):
            raise DeadImageError(known.reason, f"{place}: {known.detail}" if place else known.detail)
        return known


def _page_drop(page: dict[str, Any], dead: list[Drop], drop_page: bool) -> Drop | None:
    """The ledger row of a page that is dropped, else None."""
    if drop_page and dead:
        first = dead[0]
        return Drop("page", page["page_id"], "", "dead_image", f"{first.item_id}: {first.reason}: {first.detail}")
    return None if page["parts"] else Drop("page", page["page_id"], "", "empty", "no text, and no image that lives")


def images(run: Run, pages: StepOutput, opened: Source, settings: Images, distance: int) -> tuple[StepOutput, Path]:
    """Fetch and store the images of pages, and drop those that many pages share.

    :param opened: The source of the pages, whose folder no image reference may leave.
    :param distance: Most differing bits between perceptual hashes of near-identical images
        (``dedup.image_distance``).
    :returns: Pages (rows of PAGES) and the folder of their image packs, for ``PackReader``.
    """
    fetched = fetch(run, pages, settings)
    params = section_params(settings, ("on_dead", "max_bytes", "max_pixels"))
    removals = read_removals(run.work.parent).images_digest
    if removals:
        params["removals"] = removals
    store = Step("images/store", 5, params, (pages.fingerprint, fetched.fingerprint), unit_in="page", unit_out="page")
    packs, folder, links = run.folder(store), store_folder(run, settings), opened.root_relative_links
    resolver = Resolver(opened.root, links, folder, settings.max_bytes, settings.max_pixels, settings.fetch)
    keeper = partial(store_images, resolver, packs, settings.on_dead, removals=run.work.parent if removals else None)
    stored = run.map(store, keeper, placed(folder, partial(page_slices, pages)), PAGES)
    params = {**section_params(settings, ("common",)), "distance": distance}
    step = Step("images", 3, params, (stored.fingerprint,), unit_in="page", unit_out="page")
    pages = run.map(step, drop_common, partial(common_tasks, stored, settings.common, distance, run.work), PAGES)
    return pages, packs
