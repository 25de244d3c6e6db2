"""``croissant.json``: the tables of a dataset in Croissant 1.0, which search engines and loaders of other tools read.

The file is plain JSON-LD: a ``FileObject`` with its hash for each file, a ``FileSet`` and a ``RecordSet`` for each
split of each table, and the fields of Croissant's responsible-AI vocabulary from the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from nyxqa.builders.publish.card import TITLE, front_matter
from nyxqa.builders.publish.responsible_ai import responsible_ai
from nyxqa.schemas.columns import IMAGE, Column
from nyxqa.schemas.files import write_bytes
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import TABLES, table_in_format

CROISSANT = "croissant.json"
_CONFORMS_TO = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
_REPOSITORY = "repo"
# The terms of the specification, by the short names that the rest of the file uses.
_TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_TYPES = {
    pa.string(): "sc:Text",
    pa.int32(): "sc:Integer",
    pa.int64(): "sc:Integer",
    pa.float32(): "sc:Float",
    pa.bool_(): "sc:Boolean",
}


@dataclass(frozen=True)
class Repository:
    """A dataset's repository on the Hub: its address, and the branch with the files."""

    address: str
    branch: str = "main"


def write_croissant(out: Path, manifest: Manifest) -> None:
    """Write ``croissant.json`` of the dataset in ``out``."""
    write_bytes(out / CROISSANT, croissant_text(manifest).encode("utf-8"))


def croissant_text(manifest: Manifest, repository: Repository | None = None) -> str:
    """The text of ``croissant.json``.

    :param repository: The repository that holds the files; without one they lie beside ``croissant.json``.
    """
    return json.dumps(croissant(manifest, repository), ensure_ascii=False, indent=1) + "\n"


def croissant(manifest: Manifest, repository: Repository | None = None) -> dict[str, Any]:
    """The metadata as JSON types; ``repository`` as in ``croissant_text``."""
    splits = [(name, split) for name in TABLES for split in manifest.splits(name)]
    matter = front_matter(manifest)
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": "nyxqa",
        "conformsTo": _CONFORMS_TO,
        "description": f"{TITLE}: questions with their documents (text and images in the order of the page) and hard "
        "negatives; every item that was dropped stands in the ledger with its reason.",
        "version": "1.0.0",
        "keywords": matter["tags"],
        "license": _licences(manifest),
        **({"inLanguage": matter["language"]} if "language" in matter else {}),
        **({"url": repository.address} if repository else {}),
        "citeAs": _CITATION,
        "creator": {"@type": "Organization", "name": f"nyxqa {manifest.versions.get('nyxqa', '')}".strip()},
        **responsible_ai(manifest),
        "distribution": [
            *([_git(repository)] if repository else []),
            *(_file(path, entry.sha256, repository) for path, entry in sorted(manifest.files.items())),
            *(_files(name, split, manifest.paths(name, split), repository) for name, split in splits),
        ],
        "recordSet": [_records(name, split, manifest) for name, split in splits],
    }


_CITATION = (
    "@article{nyx2025, title={Towards Mixed-Modal Retrieval for Universal Retrieval-Augmented Generation}, "
    "journal={arXiv preprint arXiv:2510.17354}, year={2025}}"
)


def _licences(manifest: Manifest) -> list[str] | str:
    """Addresses of the licences that a source states; else where to look."""
    stated = sorted({key.partition(": ")[2] for key in manifest.summary.get("licenses", {})} - {"", "unknown"})
    known = [f"https://spdx.org/licenses/{name}" if name.startswith("CC") else name for name in stated]
    if len(stated) < len({key.partition(": ")[2] for key in manifest.summary.get("licenses", {})}) or not known:
        known.append("of the sources: see columns license and url of table corpus")
    return known if len(known) > 1 else known[0]


def _git(repository: Repository) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": _REPOSITORY,
        "name": _REPOSITORY,
        "description": "The repository on the Hub.",
        "contentUrl": f"{repository.address}/tree/{quote(repository.branch, safe='')}",
        "encodingFormat": "git+https",
        # A repository has no hash; the specification asks for one, and this is its word for none.
        "sha256": "https://github.com/mlcommons/croissant/issues/80",
    }


def _file(path: str, sha256: str, repository: Repository | None) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": f"{repository.address}/resolve/{quote(repository.branch, safe='')}/{path}"
        if repository
        else path,
        "encodingFormat": "application/x-parquet",
        "sha256": sha256,
    }


def _files(name: str, split: str, paths: list[str], repository: Repository | None) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"files/{name}/{split}",
        "name": f"files/{name}/{split}",
        "description": f"The files of table {name}, split {split}.",
        **({"containedIn": {"@id": _REPOSITORY}} if repository else {}),
        "encodingFormat": "application/x-parquet",
        "includes": paths if len(paths) > 1 else paths[0],
    }


def _records(name: str, split: str, manifest: Manifest) -> dict[str, Any]:
    table = table_in_format(TABLES[name], manifest.format)
    return {
        "@type": "cr:RecordSet",
        "@id": f"{name}/{split}",
        "name": f"{name}/{split}",
        "description": f"Table {name}, {'pool' if name == 'corpus' else 'split'} {split}.",
        "field": [_field(column, f"{name}/{split}") for column in table.columns],
    }


def _field(column: Column, records: str) -> dict[str, Any]:
    """A column: a value, a list of values, or a structure whose parts are sub-fields."""
    repeated = pa.types.is_list(column.type)
    kind = column.type.value_type if repeated else column.type
    described = {
        "@type": "cr:Field",
        "@id": f"{records}/{column.name}",
        "name": f"{records}/{column.name}",
        "description": column.description,
        **({"repeated": True} if repeated else {}),
    }
    source = {"fileSet": {"@id": f"files/{records}"}, "extract": {"column": column.name}}
    if kind.equals(IMAGE):
        return {**described, "dataType": "sc:ImageObject", "source": {**source, "transform": {"jsonPath": "bytes"}}}
    if not pa.types.is_struct(kind):
        return {**described, "dataType": _TYPES[kind], "source": source}
    return {
        **described,
        "subField": [
            {
                "@type": "cr:Field",
                "@id": f"{records}/{column.name}/{path.replace('.', '_')}",
                "name": f"{records}/{column.name}/{path.replace('.', '_')}",
                "dataType": data_type,
                **({"repeated": True} if repeated or many else {}),
                "source": {**source, "transform": {"jsonPath": path}},
            }
            for path, data_type, many in _parts(kind, "")
        ],
    }


def _parts(kind: pa.StructType, prefix: str) -> Iterator[tuple[str, str, bool]]:
    """JSON path, type, and whether it is a list, of each value inside a structure."""
    for number in range(kind.num_fields):
        part = kind.field(number)
        path = f"{prefix}{part.name}"
        if part.type.equals(pa.list_(IMAGE)):  # the sides of the preview of format 1
            yield f"{path}[*].bytes", "sc:ImageObject", True
        elif pa.types.is_struct(part.type):
            yield from _parts(part.type, f"{path}.")
        else:
            yield path, _TYPES[part.type], False
