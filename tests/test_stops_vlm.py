"""Builds with a model that are killed, interrupted, refused or out of budget: what was paid for is never paid again."""

from __future__ import annotations

import base64
import json
import logging
import os
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from nyxqa.cli import main
from nyxqa.schemas.errors import BudgetError
from tests.support.evidence_builds import ALL_TRAIN, IMAGES, build_with_model
from tests.support.evidence_model import EvidenceModel
from tests.support.model_answers import FEW_RETRIES, SECRET, use_retry_policy
from tests.support.pages import picture
from tests.support.published import table
from tests.support.running import STEP_LINE, published, started, wait_for_none
from tests.support.vlm_server import Act, Payload, VlmServer

CONCURRENCY = 4  # as the recipe has it


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NYXQA_API_KEY", SECRET)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    use_retry_policy(monkeypatch, FEW_RETRIES)


def arguments(recipe: Path, out: Path, url: str, *more: str) -> list[str]:
    model = f"openai:model@{url}"
    return ["build", "--recipe", str(recipe), "--out", str(out), "--workers", "1", "--vlm", model, *more]


def asked(server: VlmServer) -> Counter[str]:
    return Counter(json.dumps(payload, sort_keys=True) for payload in server.payloads)


@pytest.mark.timeout(240)
def test_killed_three_times_it_asks_no_stored_answer_again(
    evidence_recipe: Path, evidence_build: tuple[Path, EvidenceModel], tmp_path: Path
) -> None:
    out, calm = tmp_path / "out", len(evidence_build[1].seen)
    with VlmServer(reply=EvidenceModel(IMAGES), latency=0.02) as server:
        command = arguments(evidence_recipe, out, server.url, "--split", "all")
        for kill in range(1, 4):
            with started(*command) as process:
                until = time.monotonic() + 40
                while server.served < kill * calm // 4 and time.monotonic() < until:
                    time.sleep(0.005)
                assert process.poll() is None
                process.kill()
                process.wait()
                assert wait_for_none(process.pid) == []
            assert not (out / "manifest.json").exists()
        build_with_model(evidence_recipe, out, server)
        repeated = sum(count - 1 for count in asked(server).values())
        assert len(asked(server)) == calm
        assert repeated <= 3 * CONCURRENCY
        served = server.served
        build_with_model(evidence_recipe, out, server)
        assert server.served == served
    assert published(out) == published(evidence_build[0])


def test_interrupted_while_it_waits_for_answers_it_ends_without_them_and_goes_on(
    evidence_recipe: Path, evidence_build: tuple[Path, EvidenceModel], tmp_path: Path
) -> None:
    """An answer may take ten minutes by default, and those that are waited for never come."""
    out = tmp_path / "out"

    def script(number: int, payload: Payload) -> Act:
        return Act() if number < 60 or not hanging else Act("hang")

    hanging = True
    with VlmServer(script, EvidenceModel(IMAGES)) as server:
        with started(*arguments(evidence_recipe, out, server.url, "--split", "all")) as process:
            until = time.monotonic() + 120
            while server.served < 60 + CONCURRENCY and time.monotonic() < until:
                time.sleep(0.01)
            os.killpg(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=120)
            assert server.served == 60 + CONCURRENCY
            assert process.returncode == 130, err
            assert wait_for_none(process.pid) == []
        assert [line for line in err.splitlines() if not STEP_LINE.match(line)] == [
            "nyxqa: interrupted; run again to continue"
        ]
        assert not (out / "manifest.json").exists()
        hanging = False
        build_with_model(evidence_recipe, out, server)
        assert sum(count - 1 for count in asked(server).values()) <= CONCURRENCY
    assert published(out) == published(evidence_build[0])


@pytest.mark.parametrize("budget", [{"vlm.max_requests": 90}, {"vlm.max_tokens": 90 * 15}])
def test_a_spent_budget_publishes_nothing_and_a_new_one_goes_on(
    budget: dict[str, int], evidence_recipe: Path, evidence_build: tuple[Path, EvidenceModel], tmp_path: Path
) -> None:
    """An answer of the server counts 15 tokens. The same budget again is a new budget; no answer is paid for twice."""
    out, calm = tmp_path / "out", len(evidence_build[1].seen)
    (name,) = budget
    with VlmServer(reply=EvidenceModel(IMAGES)) as server:
        for run in (1, 2):
            with pytest.raises(
                BudgetError, match=rf"{name} = {budget[name]} is spent .*run again to continue"
            ) as caught:
                build_with_model(evidence_recipe, out, server, **budget)
            assert caught.value.exit_code == 4
            assert 90 * run <= server.served + len(server.probes) < 90 * run + 2 * CONCURRENCY
            assert not (out / "manifest.json").exists()
            assert not (out / "data").exists()
        build_with_model(evidence_recipe, out, server, **{name: 10**6})
        assert server.served == len(asked(server)) == calm
    assert {path: hash_ for path, hash_ in published(out).items() if path != "README.md"} == {
        path: hash_ for path, hash_ in published(evidence_build[0]).items() if path != "README.md"
    }


def test_the_command_line_leaves_with_4_when_the_budget_is_spent(
    evidence_recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with VlmServer(reply=EvidenceModel(IMAGES)) as server, pytest.raises(SystemExit) as left:
        main(arguments(evidence_recipe, tmp_path, server.url, "--split", "train", "--set", "vlm.max_requests=3"))
    assert left.value.code == 4
    said = [line for line in capsys.readouterr().err.splitlines() if not STEP_LINE.match(line)]
    assert len(said) == 1
    assert "vlm.max_requests = 3 is spent" in said[0]


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize(
    ("act", "named"),
    [
        (Act("status", 401), "refuses the key (401): set NYXQA_API_KEY"),
        (Act("status", 403), "forbids access (403)"),
        (Act("status", 404), "does not know the model or the path (404)"),
        (Act("status", 503), "consecutive requests got no answer"),
        (Act("hang"), "consecutive requests got no answer"),
        (None, "is the server running?"),
    ],
)
def test_an_endpoint_that_is_dead_or_refuses_ends_the_build_with_one_line(
    act: Act | None, named: str, evidence_recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with VlmServer(lambda number, payload: act or Act()) as server:
        url = server.url if act else "http://127.0.0.1:9/v1"
        with pytest.raises(SystemExit) as left:
            main(arguments(evidence_recipe, tmp_path, url, "--split", "train"))
        assert server.served < 40
    assert left.value.code == 1
    said = [line for line in capsys.readouterr().err.splitlines() if not STEP_LINE.match(line)]
    assert len(said) == 1
    assert named in said[0]
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.usefixtures("_quick")
def test_no_key_header_or_image_leaves_the_request(
    evidence_recipe: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Searched: every file of OUT, all output and logs, of a build that fails, is in trouble, and gets through."""
    out = tmp_path / "out"

    def script(number: int, payload: Payload) -> Act:
        if number == 20 and failing:
            return Act("status", 401)
        return Act("html", 502) if number % 5 == 0 else Act("refusal") if number % 31 == 0 else Act()

    failing = True
    with caplog.at_level(logging.DEBUG), VlmServer(script, EvidenceModel(IMAGES)) as server:
        login = server.url.replace("http://", "http://someone:hunter2@")
        with pytest.raises(SystemExit) as left:
            main(arguments(evidence_recipe, out, login, "--split", "train", "--set", "split.validation=0.0", "--json"))
        assert left.value.code == 1
        failing = False
        build_with_model(evidence_recipe, out, server, "train", **ALL_TRAIN)
        assert all(headers["authorization"] for headers in server.headers)
        assert {headers["authorization"] for headers in server.headers} >= {f"Bearer {SECRET}"}
    assert table(out, "qa")
    output = "".join(capfd.readouterr()) + caplog.text
    images = [picture(f"{page}_{ordinal}") for page, count in IMAGES.items() for ordinal in range(count)]
    encoded = [base64.b64encode(data)[60:120] for data in images]
    secret = [SECRET.encode(), b"Bearer ", b"hunter2", b"data:image", *encoded]
    files = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    texts = {"output": output.encode(), **{path.relative_to(out).as_posix(): data for path, data in files.items()}}
    assert not [(name, word) for name, data in texts.items() for word in secret if word in data]
    for name, data in texts.items():  # pictures as they are belong into packs and the corpus, nowhere else
        if "answers" in name or "ledger" in name or name in ("output", "manifest.json", "README.md"):
            assert not [image for image in images if image[40:100] in data]
    assert any(images[0] in data for data in files.values())


def test_a_finished_build_is_up_to_date_with_its_server_off(
    evidence_recipe: Path, evidence_build: tuple[Path, EvidenceModel], tmp_path: Path
) -> None:
    out = shutil.copytree(evidence_build[0], tmp_path / "out")
    with VlmServer() as server:
        pass
    assert not build_with_model(evidence_recipe, out, server).changed
    assert not build_with_model(evidence_recipe, out, server, **{"vlm.batch": True}).changed
