"""Checks of stored images: each is what its id says, and decodes; those published by address are counted."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from nyxqa.builders.check.findings import Findings
from nyxqa.builders.images.decode import StoredImage, stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.schemas.ids import image_id

PICTURE_CHECKS = ("image_ids", "images_decode", "images_clean", "image_phashes")
_ADDRESS = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_HASHING = {"pillow": "pillow", "numpy": "numpy"}


class Pictures:
    """Looks at images as rows go by; equal bytes are decoded once.

    :param findings: Where failures go.
    :param versions: Library versions of the build: with others, perceptual hashes may differ in a bit.
    :param by_address: Whether addresses may stand in place of bytes; they are not fetched.
    """

    def __init__(self, findings: Findings, versions: Mapping[str, str], by_address: bool = False) -> None:
        self._findings = findings
        self._by_address = by_address
        self._addresses: set[int] = set()  # 64 bits of the hash of each
        self._seen: set[int] = set()  # first 64 bits of each id
        other = [name for name, package in _HASHING.items() if versions.get(name) != version(package)]
        self._hashes = not other
        if other:
            findings.skip(f"the dataset was made with another version of {', '.join(other)}", "image_phashes")

    def look(
        self, where: str, images: Sequence[Mapping[str, Any]], ids: Sequence[str], phashes: Sequence[int] | None = None
    ) -> None:
        """Check the images of one row; lists of different length are cut to the shortest.

        :param phashes: The stored perceptual hashes, where the row has them.
        """
        for place, (image, expected) in enumerate(zip(images, ids, strict=False)):
            if image["bytes"] is None and self._by_address:
                self._note(f"{where} image {place}", image["path"] or "")
                continue
            data = image["bytes"] or b""
            found = image_id(data)
            if found != expected:
                self._findings.fail("image_ids", f"{where} image {place}: its bytes are image {found}, not {expected}")
            key = int(found[:16], 16)
            if key not in self._seen:
                self._seen.add(key)
                phash = phashes[place] if phashes is not None and place < len(phashes) else None
                self._decode(f"{where} image {place}", data, found, phash)

    def tell_addresses(self) -> None:
        """Say what was not looked at because it would have to be fetched, once all rows have gone by."""
        if self._addresses:
            reason = f"{len(self._addresses)} images are published by address and were not fetched"
            self._findings.skip(reason, *PICTURE_CHECKS)

    def _note(self, where: str, address: str) -> None:
        if _ADDRESS.match(address):
            self._addresses.add(int(image_id(address.encode())[:16], 16))
        else:
            self._findings.fail("images_decode", f"{where}: neither bytes nor an http address")

    def _decode(self, where: str, data: bytes, found: str, phash: int | None) -> None:
        stored = self._stored(where, data)
        if stored is None:
            return
        if stored.image_id != found:
            self._findings.fail("images_clean", f"{where}: metadata, animation or colours that are not stored")
        elif self._hashes and phash is not None and stored.phash != phash:
            self._findings.fail("image_phashes", f"{where}: its pixels give {stored.phash}, not {phash}")

    def _stored(self, where: str, data: bytes) -> StoredImage | None:
        """What storing the bytes again would store: the same, for they were stored once."""
        try:
            return stored_image(data, sys.maxsize)
        except DeadImageError as error:
            self._findings.fail("images_decode", f"{where}: {error}")
            return None
