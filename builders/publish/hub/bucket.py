"""``push`` to S3: a plain copy of a dataset below a prefix, its manifest last."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.formatting import counted
from nyxqa.builders.publish.card import CARD, merge_card, render_card
from nyxqa.builders.publish.croissant import CROISSANT, croissant_text
from nyxqa.builders.publish.hub.files import PushFile, is_model
from nyxqa.builders.report.page import PAGE
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.live import task
from nyxqa.schemas.loading.published import require_inside
from nyxqa.schemas.manifest import MANIFEST, Manifest
from nyxqa.schemas.web.s3 import Address, S3Object, listed
from nyxqa.schemas.web.s3_client import library, s3_errors
from nyxqa.schemas.writing import file_hash

# Metadata of an object: the hash of its bytes, by which a later push knows it, however the server names them.
_HASH = "nyxqa-sha256"
_TABLE_FILE = re.compile(r"data/[a-z]+/[a-z0-9_]+-\d{5}-of-\d{5}\.parquet\Z")
_AT_ONCE = 16  # objects asked for their hash
_PART = 16_000_000  # bytes of a part of a large file
_PARTS_AT_ONCE = 4
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Copied:
    """What a push to S3 did, or would do.

    :param sent: Paths of files that the prefix did not hold yet.
    :param removed: Paths of files of an earlier push that were removed.
    :param size: Bytes of the files in ``sent``.
    """

    sent: tuple[str, ...]
    removed: tuple[str, ...]
    size: int
    dry_run: bool

    def text(self, address: str) -> str:
        """The same as lines of text."""
        send, remove = ("would send", "would remove") if self.dry_run else ("sent", "removed")
        lines = [f"{send} {path}" for path in self.sent] or [f"{address} has every file already"]
        lines += [f"{remove} {path}" for path in self.removed]
        if self.sent and not self.dry_run:
            lines.append(f"sent {counted(len(self.sent), 'file')}, {self.size / 1e6:,.1f} MB, to {address}")
        return "".join(f"{line}\n" for line in lines)


def bucket_of(out: Path, text: str) -> Address:
    """Where a dataset is copied to.

    :raises UsageError: If ``text`` is no address, or ``out`` holds a trained model.
    """
    if is_model(out):
        raise UsageError(f"{out} is a trained model, which is pushed to the Hub alone; copy its folder to {text}")
    return Address.parse(text)


def described(out: Path, manifest: Manifest, as_it_is: bool) -> list[PushFile]:
    """The card and ``croissant.json``: those of ``out``, or new ones where what is sent has another manifest."""
    require_inside(out, [CARD, CROISSANT])
    if as_it_is:
        return [
            PushFile(name, out / name, file_hash(out / name)) for name in (CARD, CROISSANT) if (out / name).is_file()
        ]
    existing = (out / CARD).read_text(encoding="utf-8") if (out / CARD).is_file() else ""
    texts = {CARD: merge_card(existing, render_card(manifest)), CROISSANT: croissant_text(manifest)}
    encoded = {name: text.encode("utf-8") for name, text in texts.items()}
    return [PushFile(name, data, hashlib.sha256(data).hexdigest()) for name, data in encoded.items()]


def copy_to_bucket(
    files: Sequence[PushFile], address: Address, dry_run: bool, report: Callable[[str], object]
) -> Copied:
    """Make the objects below ``address`` those files; what else lies there stays.

    A manifest that is there and names files that will change goes first, and the new one comes last: whoever reads in
    between, also after a push that was killed, finds no dataset rather than a mixed one.

    :param files: All files of the dataset, with its manifest.
    :param report: Receives progress lines.
    :raises WorldError: If there is no such bucket, or S3 refuses or does not answer.
    """
    start = len(address.key) + 1 if address.key else 0
    there = {one.address.key[start:]: one for one in listed(address)}
    wanted = {file.path: file for file in files}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        equal = pool.map(lambda file: _is_same(file, there.get(file.path)), files)
        missing = [file for file, same in zip(files, equal, strict=True) if not same]
        obsolete = _obsolete(there, wanted, pool)
    done = Copied(tuple(f.path for f in missing), tuple(obsolete), sum(f.size for f in missing), dry_run)
    if dry_run:
        return done
    changes = [*obsolete, *(file.path for file in missing if file.path.startswith("data/"))]
    if changes and MANIFEST in there:
        _remove(there[MANIFEST])
        missing = [*(file for file in missing if file.path != MANIFEST), wanted[MANIFEST]]
    _send(sorted((file for file in missing if file.path != MANIFEST), key=lambda file: file.path), address, report)
    for path in obsolete:
        _remove(there[path])
    _send([file for file in missing if file.path == MANIFEST], address, report)
    return done


def _is_same(file: PushFile, there: S3Object | None) -> bool:
    return there is not None and there.size == file.size and _hash(there) == file.sha256


def _hash(one: S3Object) -> str:
    """The hash that an earlier push noted; "" without one."""
    options: Any = {"head": True}
    with s3_errors(str(one.address)):
        attributes = library().get(one.address.store, one.address.key, options=options).attributes
    return str(attributes.get(_HASH, ""))


def _obsolete(there: dict[str, S3Object], wanted: dict[str, PushFile], pool: ThreadPoolExecutor) -> list[str]:
    """Files of an earlier push that the dataset no longer has: the old manifest names them, or a push noted a hash."""
    named = _named(there.get(MANIFEST))
    extra = [path for path in there if path not in wanted and (_TABLE_FILE.match(path) or path == PAGE)]
    ours = pool.map(lambda path: path in named or bool(_hash(there[path])), extra)
    return sorted(path for path, own in zip(extra, ours, strict=True) if own)


def _named(manifest: S3Object | None) -> frozenset[str]:
    """The files that a manifest names; none of one that cannot be understood, since they may be somebody else's."""
    if manifest is None:
        return frozenset()
    try:
        value = json.loads(manifest.read())
    except ValueError:
        return frozenset()
    files = value.get("files") if isinstance(value, dict) else None
    return frozenset(files) if isinstance(files, dict) else frozenset()


def _remove(one: S3Object) -> None:
    with s3_errors(str(one.address)):
        library().delete(one.address.store, one.address.key)


def _send(files: Sequence[PushFile], address: Address, report: Callable[[str], object]) -> None:
    with task("push", sum(file.size for file in files) // _MEGABYTE + 1, "MB") as bar:
        for number, file in enumerate(files, start=1):
            report(f"uploading {number} of {len(files)}: {file.path}, {file.size:,} bytes")
            bar.note(file.path)
            target = address.below(file.path)
            with s3_errors(str(target)):
                library().put(
                    target.store,
                    target.key,
                    file.content,
                    attributes={_HASH: file.sha256},
                    chunk_size=_PART,
                    max_concurrency=_PARTS_AT_ONCE,
                )
            bar.done = sum(one.size for one in files[:number]) // _MEGABYTE
