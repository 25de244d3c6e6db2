"""Secrets and personal data: what is found, what is no finding, and what a mask leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.build import run
from nyxqa.builders.check.structure import check, look_for_secrets
from nyxqa.builders.filters.secrets.detect import find, mask
from nyxqa.builders.rows import SOURCE_PAGES
from nyxqa.builders.stages.secrets import secrets_shard
from nyxqa.schemas.ids import doc_id
from tests.support.pages import page, row, sentences, write_source
from tests.support.planted_secrets import planted
from tests.support.published import table

EMAIL, KEY, PHONE = "anna.muster@contoso.com", "ghp_" + "a1B2" * 9, "+49 30 1234567"
SETTINGS: dict[str, Any] = {"negatives.ranks": [2, 10], "sample.min_tokens": 20, "split.validation": 0, "split.test": 0}


def test_planted_secrets_are_found_and_masked_whole() -> None:
    secrets = planted(200)
    missed = [(kind, secret) for kind, secret, text in secrets if not find(text) or secret in mask(text)[0]]
    assert len({kind for kind, _, _ in secrets}) == 20
    assert len(missed) <= 10, missed
    for _, secret, text in secrets:
        masked, kinds = mask(text)
        assert find(masked) == [], "a mask is no finding"
        if kinds:
            assert not any(piece in masked for piece in secret.split() if len(piece) > 12)


@pytest.mark.parametrize(
    "text",
    [
        "Chapter 10.3.2.1. Strategies\n10.3.2.2. Introduction",
        "doi 10.1016/j.cell.2006.01.040, ISBN 978-3-16-148410-0, arXiv:2510.17354",
        "diff: + 2018-04-26T00:42:54Z, version 1.24.3, 2001:db8::1, 127.0.0.1:8080, 192.168.1.1",
        "Write to user@example.com or debian-user@lists.debian.org; git@github.com:user/name.git; @decorator",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "uuid 123e4567-e89b-12d3-a456-426614174000",
        "password = your_password_here, api_key: YOUR-API-KEY-HERE, token=None, http://user:password@host/",
        "import threading.local; com.sun.internal.Thing; numpy.core.internal(x); cell 2006; call 12",
        "the tasks-us1 page, sk-learn, hf_hub, npm_config, /usr/local, ~/.local/share, population 12,345,678",
    ],
)
def test_what_is_no_secret_is_not_found(text: str) -> None:
    assert [(kind, text[start:end]) for kind, start, end in find(text)] == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["a@", "eyJ", "://a:", "10.1.", "+49 ", "AKIA", "aws ", "a.b-", "sk-", "password "])
def test_a_long_hostile_text_comes_to_an_end(piece: str) -> None:
    text = piece * (300_000 // len(piece))
    assert len(mask(text)[0]) <= len(text)


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source of pages of which four hold something: in the text, the title, the URL and a caption."""
    rows = [page(number, 1 if number == 3 else 0) for number in range(24)]
    rows[0]["texts"][1] += f" Ask {EMAIL} or {PHONE}."
    rows[1]["title"] = f"Notes of {EMAIL}"
    rows[2]["general_metadata"] = json.dumps({"url": f"https://example.org/2?mail={EMAIL}"})
    rows[3]["metadata"] = json.dumps([None, {"src": "x", "alt_text": f"A drawing with the key {KEY}"}, *[None] * 3])
    rows.append(row("https://example.org/p", [*sentences(99), None], [*[None] * 4, "images/99_0.png"]))
    return write_source(tmp_path_factory.mktemp("leaking"), rows)


@pytest.mark.parametrize("mode", ["mask", "report"])
def test_pages_are_masked_or_reported(mode: str, leaking: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("train", source=f"jsonl:{leaking}", out=out, workers=1, settings={**SETTINGS, "filters.secrets": mode})
    corpus, ledger = table(out, "corpus", "web"), table(out, "ledger")
    told = json.dumps([{k: v for k, v in one.items() if k != "images"} for one in [*corpus, *table(out, "qa")]])
    noted = [one for one in ledger if one["reason"].startswith("secret_")]
    assert {one["stage"] for one in noted} == {"prefilter"}
    assert {one["reason"] for one in noted} == {"secret_email_address", "secret_github_token"}
    assert not any(secret in json.dumps(ledger) for secret in (EMAIL, KEY, PHONE))
    assert {one["item_type"] for one in noted} == {"block"}
    assert len({one["parent_id"] or one["item_id"] for one in noted}) == 4
    assert (EMAIL in told and KEY in told) == (mode == "report")
    assert all(one["doc_id"] == doc_id(one["text"], one["image_ids"]) for one in corpus)
    assert len({one["page_id"] for one in corpus}) == 25
    assert ("[email address]" in told) == (mode == "mask")
    finding = check(out).finding("secrets")
    assert finding is not None
    if mode == "report":
        assert finding.status == "found"
        assert finding.line().startswith("found secrets: ")
        assert EMAIL not in finding.line()
        assert look_for_secrets(out) == finding
    else:
        assert (finding.status, finding.count) == ("ok", 0)


def test_a_page_is_dropped_with_the_kinds_that_it_holds(tmp_path: Path) -> None:
    part = {"text": None, "image": None, "caption": "", "caption_origin": "", "section": "", "locator": None}
    fields = dict.fromkeys(SOURCE_PAGES.names)
    pages = [
        {**fields, "page_id": "clean", "parts": [{**part, "text": "Nothing here."}]},
        {**fields, "page_id": "two", "parts": [{**part, "text": f"{EMAIL}, {PHONE} and {EMAIL}"}]},
        {**fields, "page_id": "image", "parts": [{**part, "image": f"https://example.org/a.png?by={EMAIL}"}]},
    ]
    pq.write_table(pa.Table.from_pylist(pages, schema=SOURCE_PAGES), tmp_path / "pages.parquet")
    output = secrets_shard("drop", tmp_path / "pages.parquet")
    assert output.rows["page_id"].to_pylist() == ["clean"]
    dropped = [(one.item_id, one.reason, one.detail) for one in output.account.dropped]
    assert dropped[0][:2] == ("two", "secret_email_address")
    assert "phone_number" in dropped[0][2]
    assert dropped[1][:2] == ("image", "secret_email_address")
    masked = secrets_shard("mask", tmp_path / "pages.parquet").rows.to_pylist()
    assert masked[1]["parts"][0]["text"] == "[email address], [phone number] and [email address]"
    assert masked[2]["parts"] == [], "an image whose address holds one is left out"
