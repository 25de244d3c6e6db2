"""Arrow schemas as ``datasets`` features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nyxqa.schemas.columns import IMAGE

if TYPE_CHECKING:
    from datasets import Features


def features_of(schema: pa.Schema, decode: bool) -> Features:
    """The ``datasets`` features of a schema.

    :param decode: Whether ``datasets`` decodes images when it reads them.
    """
    from datasets import Features

    return Features({column.name: _feature(column.type, decode) for column in schema})


def _image(decode: bool) -> Any:
    from nyxqa.schemas.loading.checked_image import CheckedImage

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
