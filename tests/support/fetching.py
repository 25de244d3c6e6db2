"""Fetching from test servers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.fetch.fetcher import FetchContext, fetch_all
from nyxqa.builders.images.fetch.store import FetchStore
from nyxqa.schemas.recipe import Images

LOOPBACK = ["127.0.0.1"]


def names(host: str, port: int) -> list[str]:
    """A resolver that puts ``*.test`` on 127.0.0.1, ``inside*.test`` on private networks, and takes addresses."""
    if host == "inside4.test":
        return ["10.1.2.3"]
    if host == "inside6.test":
        return ["fd00::1"]
    if host == "metadata.test":
        return ["169.254.169.254"]
    if host == "mixed.test":
        return ["127.0.0.1", "127.0.0.2"]
    return ["127.0.0.1"] if host.rstrip(".").endswith(".test") else [host]


def fates(folder: Path, urls: Iterable[str], settings: Images, **options: object) -> dict[str, bytes | str]:
    """Bytes of each URL, or the reason why there are none."""
    wanted = list(urls)
    found: dict[str, bytes | str] = {}
    with FetchStore(folder) as store:
        options = {"lookup": names, "advance": lambda failed: None, **options}
        fetch_all(wanted, FetchContext(settings, store, **options))  # type: ignore[arg-type]
        for url in wanted:
            try:
                found[url] = store.read(url)
            except DeadImageError as error:
                found[url] = error.reason
    return found
