"""Checks of stored images: each has the id of its bytes and decodes; those published by address are counted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from nyxqa.builders.check.findings import Findings
from nyxqa.builders.images.decode import StoredImage, stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.schemas.ids import image_id
from nyxqa.schemas.images.decode import MAX_PIXELS

IMAGE_CHECKS = ("image_ids", "images_decode", "images_clean", "image_phashes")
_ADDRESS = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_HASHING = {"pillow": "pillow", "numpy": "numpy"}


class ImageChecks:
    """Checks the images of rows one row at a time; equal bytes are decoded once.

    :param findings: Where failures are recorded.
    :param versions: Library versions of the build; with other versions perceptual hashes may differ by a bit.
    :param by_address: Whether an image may have an address instead of bytes; addresses are not fetched.
    """

    def __init__(self, findings: Findings, versions: Mapping[str, str], by_address: bool = False) -> None:
        self._findings = findings
        self._by_address = by_address
        self._addresses: set[int] = set()  # 64 bits of the hash of each
        self._seen: set[int] = set()  # first 64 bits of each id
        changed = [name for name, package in _HASHING.items() if versions.get(name) != version(package)]
        self._compare_hashes = not changed
        if changed:
            findings.skip(f"the dataset was made with another version of {', '.join(changed)}", "image_phashes")

    def check(
        self, where: str, images: Sequence[Mapping[str, Any]], ids: Sequence[str], phashes: Sequence[int] | None = None
    ) -> None:
        """Check the images of one row; lists of different lengths are cut to the shortest.

        :param phashes: The stored perceptual hashes, where the row has them.
        """
        for place, (image, expected) in enumerate(zip(images, ids, strict=False)):
            if image["bytes"] is None and self._by_address:
                self._record_address(f"{where} image {place}", image["path"] or "")
                continue
            data = image["bytes"] or b""
            actual = image_id(data)
            if actual != expected:
                self._findings.fail("image_ids", f"{where} image {place}: its bytes have id {actual}, not {expected}")
            key = int(actual[:16], 16)
            if key not in self._seen:
                self._seen.add(key)
                phash = phashes[place] if phashes is not None and place < len(phashes) else None
                self._decode(f"{where} image {place}", data, actual, phash)

    def skip_unfetched(self) -> None:
        """Record how many images were not checked because they would have to be fetched; call it after the last row."""
        if self._addresses:
            reason = f"{len(self._addresses)} images are published by address and were not fetched"
            self._findings.skip(reason, *IMAGE_CHECKS)

    def _record_address(self, where: str, address: str) -> None:
        if _ADDRESS.match(address):
            self._addresses.add(int(image_id(address.encode())[:16], 16))
        else:
            self._findings.fail("images_decode", f"{where}: it has neither bytes nor an http(s) address")

    def _decode(self, where: str, data: bytes, actual: str, phash: int | None) -> None:
        stored = self._stored(where, data)
        if stored is None:
            return
        if stored.image_id != actual:
            self._findings.fail("images_clean", f"{where}: metadata, animation or colours that a build does not store")
        elif self._compare_hashes and phash is not None and stored.phash != phash:
            self._findings.fail("image_phashes", f"{where}: its pixels have hash {stored.phash}, not {phash}")

    def _stored(self, where: str, data: bytes) -> StoredImage | None:
        """What a build would store for these bytes; None if they do not decode."""
        try:
            return stored_image(data, MAX_PIXELS)
        except DeadImageError as error:
            self._findings.fail("images_decode", f"{where}: {error}")
            return None
