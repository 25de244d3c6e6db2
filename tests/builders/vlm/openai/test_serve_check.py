from __future__ import annotations

import json
from typing import Any

import pytest

from nyxqa.builders.vlm.openai.serve_check import as_json, serve_check
from nyxqa.cli import main
from nyxqa.schemas.errors import WorldError
from tests.support.vlm_server import Act, VlmServer, prompt_text

MODELS = [{"id": "m", "max_model_len": 32_768}]


def test_an_able_server_is_reported_as_such() -> None:
    with VlmServer(models=MODELS) as server:
        (report,) = serve_check(f"openai:m@{server.url}")
    assert (report.vision, report.pictures, report.context) == (True, 16, 32_768)
    assert report.json_schema == {form: {"level": "bounded", "obeyed": True} for form in ("pairs", "answer", "options")}
    assert report.tokens_a_second is not None
    assert json.loads(as_json([report]))["servers"][0]["models"] == ["m"]
    assert "at least 16 pictures a prompt" in report.text()


def test_a_server_without_schema_and_with_few_pictures_is_reported_as_such() -> None:
    def script(number: int, payload: dict[str, Any]) -> Act:
        refused = "response_format" in payload or prompt_text(payload).count("[image]") > 4
        return Act("status", 400) if refused else Act()

    with VlmServer(script=script, scripts_probes=True) as server:
        (report,) = serve_check(f"openai:m@{server.url}")
    assert report.pictures == 4
    assert {one["level"] for one in report.json_schema.values()} == {"none"}
    assert report.context is None
    assert "the server does not list its models" in report.notes


def test_a_prompt_that_is_cut_silently_is_noticed() -> None:
    class Cutting(VlmServer):
        def completion(self, act: Act, payload: dict[str, Any]) -> dict[str, Any]:
            whole = super().completion(act, payload)
            whole["usage"]["prompt_tokens"] = min(2048, len(prompt_text(payload)) // 4)
            return whole

    with Cutting(models=MODELS) as server:
        (report,) = serve_check(f"openai:m@{server.url}")
    assert report.long_prompt == 2048
    assert any("cuts long prompts silently" in note for note in report.notes)


def test_each_server_of_a_model_has_a_report_and_a_dead_one_is_an_error() -> None:
    with VlmServer(models=MODELS) as one, VlmServer() as other:
        reports = serve_check(f"openai:m@{one.url},{other.url}")
    assert [report.url for report in reports] == [one.url, other.url]
    with pytest.raises(WorldError, match="cannot reach"):
        serve_check("openai:m@http://127.0.0.1:9/v1")


def test_the_command_prints_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    with VlmServer(models=MODELS) as server, pytest.raises(SystemExit) as ended:
        main(["serve-check", f"openai:m@{server.url}"])
    assert ended.value.code == 0
    assert "context length  32,768 tokens" in capsys.readouterr().out
