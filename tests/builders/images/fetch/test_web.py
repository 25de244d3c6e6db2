"""Some hundreds of URLs that behave as badly as the web does."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from nyxqa.builders.images.fetch import retry
from nyxqa.schemas.recipe import Images, Web
from nyxqa.schemas.version import VERSION
from tests.support.fetching import LOOPBACK, fates, names
from tests.support.ingest import drops, encoded, ingest, make_run, picture, shown, write_jsonl
from tests.support.web_server import BEHAVIOURS, PICTURES, WebServer, drawn

COUNT = 400
HOSTS = 16
# URLs that lead nowhere whatever the server does, with the reason they end with.
ODD = {
    "file:///etc/hostname": "bad_reference",
    "gopher://127.0.0.2:{other}/x": "bad_reference",
    "ftp://127.0.0.2:{other}/x.png": "bad_reference",
    "http://inside4.test/a.png": "private_address",
    "http://inside6.test/a.png": "private_address",
    "http://metadata.test/latest/meta-data": "private_address",
    "http://mixed.test:{port}/ok/1.png": "private_address",
    "http://127.0.0.2:{other}/ok/1.png": "private_address",
    "http://localhost.:{other}/ok/1.png": "private_address",  # ::1 or 127.0.0.1, of which only the latter is allowed
    "http://2130706434:{other}/ok/1.png": "private_address",
    "http://0x7f.2:{other}/ok/1.png": "private_address",
    "http://017700000002:{other}/ok/1.png": "private_address",
    "http://127.2:{other}/ok/1.png": "private_address",
    "http://[::1]:{other}/ok/1.png": "private_address",
    "http://[::ffff:127.0.0.2]:{other}/ok/1.png": "private_address",
    "http://[64:ff9b::7f00:2]:{other}/ok/1.png": "private_address",
    "http://[2002:7f00:2::]:{other}/ok/1.png": "private_address",
    "http://[fe80::1%25lo]:{other}/ok/1.png": "private_address",
    "http://[fd00::1]/ok/1.png": "private_address",
    "http://0:{other}/ok/1.png": "private_address",
    "http://[::1/ok/1.png": "bad_reference",
    "http://nowhere.invalid/ok/1.png": "dns",
    "http://127.0.0.1:{port}0000/ok/1.png": "bad_reference",
    "http://127.0.0.1:0/ok/1.png": "bad_reference",
    "http:///ok/1.png": "bad_reference",
    "http://h.test:port/ok/1.png": "bad_reference",
    "http://h.test:-1/ok/1.png": "bad_reference",
    "http://a..b/ok/1.png": "dns",
    "http://.../ok/1.png": "dns",
    "https://127.0.0.1:{port}/ok/1.png": "tls",
    "http://127.0.0.1:1/ok/1.png": "connect",
    "//tls.test:{port}/ok/1.png": "tls",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(retry, "POLICY", replace(retry.POLICY, first_wait=0.05, jitter=0.05))

    def faked(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if str(host).endswith("nowhere.invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        if str(host).startswith("localhost"):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.1", "::1")]
        if str(host).endswith(".test"):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in names(host, port)]
        return real(host, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", faked)


def test_every_url_gets_its_image_or_a_reason(tmp_path: Path) -> None:
    with WebServer("127.0.0.2") as other, WebServer(private=f"http://127.0.0.2:{other.port}") as server:
        expected: dict[str, str | None] = {
            server.url(drawn(n), 2 * n, f"h{n % HOSTS}.test"): BEHAVIOURS[drawn(n)][1] for n in range(COUNT)
        }
        expected |= {url.format(port=server.port, other=other.port): why for url, why in ODD.items()}
        pages = [
            {"texts": [f"page {n}", *[None] * 4], "images": [None, *list(expected)[4 * n : 4 * n + 4]]}
            for n in range(len(expected) // 4)
        ]
        web = Web(source=f"jsonl:{write_jsonl(tmp_path / 'pages.jsonl', pages)}")
        settings = Images(allow_private=LOOPBACK, timeout=2.0, max_bytes=3_000_000, common=1.0)
        kept = list(ingest(make_run(tmp_path / "w"), web, settings).rows())
        assert len(expected) % 4 == 0
        assert [row["parts"][0]["text"] for row in kept] == [page["texts"][0] for page in pages]
        urls = {row["page_id"]: page["images"][1:] for row, page in zip(kept, pages, strict=True)}
        ledger = drops(tmp_path / "w", item_type="image")
        reasons = {
            urls[row["parent_id"]][int(row["item_id"].rpartition(":")[2])]: (row["reason"], row["detail"])
            for row in ledger
        }
        assert len(reasons) == len(ledger)
        assert {url: reason for url, (reason, _) in reasons.items()} == {
            url: why for url, why in expected.items() if why
        }
        stored = [part for row in kept for part in shown(row["parts"])[1:]]
        assert stored == [f"<{url}>" for url, why in expected.items() if why is None]
        assert [url for url, (_, detail) in reasons.items() if url.lstrip("/") not in detail] == []
        assert server.most_in_flight >= 20
        assert max(server.most_by_host.values()) == settings.per_host
        assert other.connections == 0
        assert server.agents == {f"nyxqa/{VERSION} (+https://nyxqa.org)"}
        assert server.headers == {"host", "user-agent", "accept", "accept-encoding"}  # no cookie, whatever is set


def test_what_may_pass_is_tried_again_and_nothing_else(tmp_path: Path) -> None:
    tries = {"missing": 1, "gone": 1, "forbidden": 1, "teapot": 1, "html": 1, "bomb": 1, "badzip": 1, "ok": 1}
    tries |= {"limited": 2, "shaky": 2, "cut": 3, "cut_chunk": 3, "closed": 3, "garbage": 3, "down": 3}
    with WebServer() as server:
        urls = [server.url(kind, n) for kind in tries for n in range(2)]
        fates(tmp_path, urls, Images(allow_private=LOOPBACK, max_bytes=3_000_000))
        assert server.requests == {f"/{kind}/{n}.png": count for kind, count in tries.items() for n in range(2)}


def test_the_bytes_of_a_url_are_stored_and_named_by_it(tmp_path: Path) -> None:
    with WebServer() as server:
        url = server.url("gzipped", 3)
        row = {"texts": ["x", None, None], "images": [None, url, f"{url}#there"]}
        web = Web(source=f"jsonl:{write_jsonl(tmp_path / 'pages.jsonl', [row])}")
        (page,) = ingest(make_run(tmp_path / "w"), web, Images(allow_private=LOOPBACK)).rows()
        first, second = (part["image"] for part in page["parts"][1:])
        assert first == second
        assert first["url"] == url
        (pack,) = (tmp_path / "w").glob("steps/images.store/*/pack-*.bin")
        assert pack.read_bytes() == encoded(picture(3))
        assert sum(server.requests.values()) == 1


def test_only_what_decides_what_is_fetched_makes_it_fetched_anew(tmp_path: Path) -> None:
    with WebServer() as server:
        rows = [{"texts": ["x", None], "images": [None, server.url("ok", n)]} for n in range(PICTURES)]
        web = Web(source=f"jsonl:{write_jsonl(tmp_path / 'pages.jsonl', rows)}")

        def fetched(**settings: Any) -> int:
            before = sum(server.requests.values())
            ingest(make_run(tmp_path / "w"), web, Images(**{"allow_private": LOOPBACK, **settings}))
            return sum(server.requests.values()) - before

        assert fetched() == PICTURES
        assert fetched(timeout=3.0, concurrency=2, per_host=1) == 0
        assert fetched(max_pixels=1_000_000, on_dead="page", common=0.5) == 0
        assert fetched(max_bytes=1_000_000) == PICTURES
        assert fetched(allow_private=["127.0.0.0/8"]) == PICTURES
        (tmp_path / "pages.jsonl").write_text(json.dumps(rows[0]) + "\n" + json.dumps(rows[0] | {"texts": ["y", None]}))
        assert fetched() == 0
        assert fetched(allow_private=False) == 0
        found = [row for row in drops(tmp_path / "w") if row["reason"] == "private_address"]
        assert len(found) == 2


def test_what_owners_forbid_is_fetched_only_where_the_recipe_ignores_it(tmp_path: Path) -> None:
    with WebServer() as server:
        rows = [{"texts": ["x", None], "images": [None, server.url("noai", n)]} for n in range(3)]
        web = Web(source=f"jsonl:{write_jsonl(tmp_path / 'pages.jsonl', rows)}")
        honoured = list(ingest(make_run(tmp_path / "w"), web, Images(allow_private=LOOPBACK, common=1.0)).rows())
        assert [len(row["parts"]) for row in honoured] == [1, 1, 1]
        ledger = drops(tmp_path / "w", item_type="image")
        assert {(row["reason"], row["detail"].partition(": ")[2]) for row in ledger} == {("noai", "X-Robots-Tag: noai")}
        ignoring = Images(allow_private=LOOPBACK, noai="ignore", common=1.0)
        assert [len(row["parts"]) for row in ingest(make_run(tmp_path / "w"), web, ignoring).rows()] == [2, 2, 2]


def test_without_fetching_no_request_is_made(tmp_path: Path) -> None:
    (tmp_path / "own.png").write_bytes(encoded(picture(1)))
    with WebServer() as server:
        row = {"texts": ["x", None, None], "images": [None, server.url("ok"), "own.png"]}
        web = Web(source=f"jsonl:{write_jsonl(tmp_path / 'pages.jsonl', [row])}")
        offline = Images(fetch=False, allow_private=LOOPBACK)
        (page,) = ingest(make_run(tmp_path / "w"), web, offline).rows()
        assert shown(page["parts"]) == ["x", "<own.png>"]
        (drop,) = drops(tmp_path / "w")
        assert (drop["reason"], server.url("ok") in drop["detail"]) == ("not_fetched", True)
        assert (server.connections, (tmp_path / "w" / "fetched").exists()) == (0, False)
        online = Images(allow_private=LOOPBACK)
        assert len(next(iter(ingest(make_run(tmp_path / "w"), web, online).rows()))["parts"]) == 3


def test_a_page_may_go_with_its_dead_url(tmp_path: Path) -> None:
    with WebServer() as server:
        rows = [{"texts": ["x", None], "images": [None, server.url(kind)]} for kind in ("ok", "gone")]
        web = Web(source=f"jsonl:{write_jsonl(tmp_path / 'pages.jsonl', rows)}")
        settings = Images(allow_private=LOOPBACK, on_dead="page")
        assert len(list(ingest(make_run(tmp_path / "w"), web, settings).rows())) == 1
        (drop,) = drops(tmp_path / "w")
        assert drop["reason"] == "dead_image"
        assert drop["detail"] == f"{drop['item_id']}:0: http_410: {server.url('gone')}: status 410"


def test_without_urls_nothing_is_opened(tmp_path: Path) -> None:
    web = Web(source=f"jsonl:{write_jsonl(tmp_path / 'pages.jsonl', [{'texts': ['x'], 'images': [None]}])}")
    ingest(make_run(tmp_path / "w"), web)
    assert not (tmp_path / "w" / "fetched").exists()
    (ledger,) = (tmp_path / "w").glob("steps/images/*/part-*.parquet")
    assert pq.read_metadata(ledger).num_rows == 1
