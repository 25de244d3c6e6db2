"""Images as ``datasets`` decodes them: of nyxqa's formats, within its pixel cap, from bytes or a public address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from datasets import Image

from nyxqa.schemas.loading.joined_content import image_bytes, open_image


@dataclass(repr=False, eq=False)
class CheckedImage(Image):  # type: ignore[misc]
    """The feature ``Image``, which would open any format that Pillow knows, and any path that a file names."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Image) and (self.mode, self.decode) == (other.mode, other.decode)

    def __hash__(self) -> int:
        return hash((self.mode, self.decode))

    def decode_example(self, value: Any, token_per_repo_id: Any = None) -> Any:
        """The picture of a stored image; what is a picture already is returned unchanged.

        :raises FormatError: If it cannot be decoded, is of another format, or has too many pixels.
        :raises WorldError: If it is published by address and cannot be fetched.
        """
        if not isinstance(value, dict):
            return value
        return open_image(image_bytes(value), value["path"] or "an image")

    def embed_storage(self, storage: pa.StructArray, *arguments: Any, **options: Any) -> pa.StructArray:
        """The images as they are: no path that a row names is read."""
        return storage
