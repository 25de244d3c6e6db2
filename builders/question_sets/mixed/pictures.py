"""Images of questions and documents: read, checked, and stored in packs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.images.decode import StoredImage, stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.fetch.places import FetchedReader
from nyxqa.builders.images.packs import PackWriter, writing_pack
from nyxqa.builders.images.references import Rejected, Url
from nyxqa.builders.question_sets.importers.images import image_bytes
from nyxqa.builders.question_sets.mixed.model import Picture


@dataclass(frozen=True)
class PictureStore:
    """Where images are stored, and what limits them; picklable.

    :param folder: Folder of the image packs.
    :param fetched: Folder of the images at URLs; None if these are not fetched.
    """

    folder: Path
    max_bytes: int
    max_pixels: int
    fetched: Path | None

    @contextmanager
    def writing(self, shard: int) -> Iterator[OpenPictures]:
        """The pack of one shard, which is complete or absent afterwards."""
        with writing_pack(self.folder, shard) as pack, FetchedReader(self.fetched or Path()) as fetched:
            yield OpenPictures(self, pack, fetched)


@dataclass(frozen=True)
class OpenPictures:
    """Stores the images of one shard."""

    store: PictureStore
    pack: PackWriter
    fetched: FetchedReader

    def keep(self, picture: Picture, caption: str = "") -> dict[str, Any]:
        """Store an image and give its locator with its caption and URL.

        :raises DeadImageError: If it cannot be read or stored.
        """
        url = picture.url if isinstance(picture, Url) else None
        return {**self.pack.add(self.decoded(picture)), "caption": caption, "url": url}

    def decoded(self, picture: Picture) -> StoredImage:
        """The stored form of an image, without storing it.

        :raises DeadImageError: If it cannot be read.
        """
        return stored_image(self._bytes(picture), self.store.max_pixels)

    def _bytes(self, picture: Picture) -> bytes:
        if isinstance(picture, Rejected):
            raise DeadImageError(picture.reason, picture.detail)
        if isinstance(picture, Url):
            if self.store.fetched is None:
                raise DeadImageError("not_fetched", picture.url)
            return self.fetched.read(picture.url)
        return image_bytes(picture, self.store.max_bytes)
