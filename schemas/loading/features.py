"""Arrow schemas as ``datasets`` features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from datasets import Image

from nyxqa.schemas.columns import IMAGE
from nyxqa.schemas.loading.joined_content import image_bytes, open_image

if TYPE_CHECKING:
    from datasets import Features


def features_of(schema: pa.Schema, decode: bool) -> Features:
    """The ``datasets`` features of a schema.

    :param decode: Whether ``datasets`` decodes images when it reads them.
    """
    from datasets import Features

    return Features({column.name: _feature(column.type, decode) for column in schema})


def _image(decode: bool) -> Any:

    return CheckedImage(decode=decode)


def _feature(kind: pa.DataType, decode: bool) -> Any:
    from datasets.features.features import generate_from_arrow_type

    if kind.equals(IMAGE):
        return _image(decode)
    if pa.types.is_list(kind):
        return [_feature(kind.value_type, decode)]
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _feature(kind.field(i).type, decode) for i in range(kind.num_fields)}
    return generate_from_arrow_type(kind)


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
