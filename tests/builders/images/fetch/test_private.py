"""No address that is not allowed is ever connected to, and the server is told the name that was asked for."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from nyxqa.builders.images.fetch import retry
from nyxqa.schemas.recipe import Images
from tests.support.fetching import LOOPBACK, fates, names
from tests.support.web_server import WebServer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "POLICY", replace(retry.POLICY, first_wait=0.02, jitter=0.02))


def test_by_default_no_loopback_at_all(tmp_path: Path) -> None:
    with WebServer() as server:
        urls = [server.url("ok"), server.url("ok", host="a.test"), f"http://localhost:{server.port}/ok/1.png"]
        assert set(fates(tmp_path, urls, Images(), lookup=lambda host, port: ["127.0.0.1"]).values()) == {
            "private_address"
        }
        assert server.connections == 0


def test_a_name_is_looked_up_once_and_the_checked_address_is_used(tmp_path: Path) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with WebServer("127.0.0.2") as other, WebServer() as server:
        url = server.url("ok", host="rebind.test")
        assert isinstance(fates(tmp_path, [url], Images(allow_private=LOOPBACK), lookup=rebinding)[url], bytes)
        assert asked == ["rebind.test"]
        assert server.most_by_host["rebind.test"] == 1  # the header Host
        assert other.connections == 0


def test_an_answer_that_changes_is_checked_again(tmp_path: Path) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    with WebServer("127.0.0.2") as other, WebServer() as server:
        settings, first, second = (
            Images(allow_private=LOOPBACK),
            server.url("ok", 1, "x.test"),
            other.url("ok", 2, "x.test"),
        )
        assert isinstance(fates(tmp_path, [first], settings, lookup=lambda *_: next(answers))[first], bytes)
        assert fates(tmp_path, [second], settings, lookup=lambda *_: next(answers))[second] == "private_address"
        assert other.connections == 0


def test_a_listed_name_may_be_anywhere(tmp_path: Path) -> None:
    with WebServer("127.0.0.2") as other:
        settings = Images(allow_private=["pictures.test"])

        def lookup(host: str, port: int) -> list[str]:
            return ["127.0.0.2"]

        urls = [other.url("ok", 1, "pictures.test"), other.url("ok", 1, "other.test"), other.url("ok", 1)]
        found = fates(tmp_path, urls, settings, lookup=lookup)
        assert [isinstance(found[url], bytes) for url in urls] == [True, False, False]
        assert found[urls[1]] == found[urls[2]] == "private_address"


def test_each_hop_of_a_redirect_is_checked(tmp_path: Path) -> None:
    with WebServer("127.0.0.2") as other, WebServer(private=f"http://127.0.0.2:{other.port}") as server:
        url = server.url("to_private")
        assert fates(tmp_path / "no", [url], Images(allow_private=LOOPBACK))[url] == "private_address"
        assert (other.connections, server.connections) == (0, 1)
        assert isinstance(fates(tmp_path / "yes", [url], Images(allow_private=["127.0.0.0/8"]))[url], bytes)
        assert other.connections == 1


def test_the_next_address_is_tried_if_one_refuses(tmp_path: Path) -> None:
    with WebServer() as server:
        url = server.url("ok", host="two.test")
        settings = Images(allow_private=["127.0.0.0/8"])
        found = fates(tmp_path, [url], settings, lookup=lambda *_: ["127.0.0.9", "127.0.0.1"])
        assert isinstance(found[url], bytes)


def test_tls_is_asked_for_by_name(tmp_path: Path) -> None:
    with WebServer() as server:
        url = f"https://pictures.test:{server.port}/ok/1.png"
        assert fates(tmp_path, [url], Images(allow_private=LOOPBACK))[url] == "tls"
        assert server.hellos
        assert all(b"pictures.test" in hello for hello in server.hellos)
        assert not server.requests


def test_a_certificate_is_checked_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is needed to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -addext subjectAltName=DNS:pictures.test"
    command = [*made.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with WebServer(tls=context) as server:
        settings, good = Images(allow_private=LOOPBACK), server.url("ok", host="pictures.test")
        assert fates(tmp_path / "unknown", [good], settings)[good] == "tls"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        good, dot, bad = (server.url("ok", host=host) for host in ("pictures.test", "pictures.test.", "other.test"))
        found = fates(tmp_path / "known", [good, dot, bad], settings)
        assert [isinstance(found[url], bytes) for url in (good, dot)] == [True, True]
        assert found[bad] == "tls"
        assert server.most_by_host == {"pictures.test": 1, "pictures.test.": 1}


def test_proxies_of_the_environment_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with WebServer("127.0.0.2") as proxy, WebServer() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.2:{proxy.port}")
        url = server.url("ok")
        assert isinstance(fates(tmp_path, [url], Images(allow_private=LOOPBACK))[url], bytes)
        assert proxy.connections == 0


def test_credentials_in_a_url_are_not_sent(tmp_path: Path) -> None:
    with WebServer() as server:
        url = server.url("ok", host="user:word@a.test")
        assert isinstance(fates(tmp_path, [url], Images(allow_private=LOOPBACK), lookup=names)[url], bytes)
        assert "authorization" not in server.headers
