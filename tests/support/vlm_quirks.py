# ruff: noqa: E501 - the sentences of servers stand on one line
"""Servers as they really are: what each refuses, says or returns beside a plain chat completion.

Each quirk is a function of a request's body that returns a status, headers and a body, or None to answer plainly.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image

Body = dict[str, Any]
Returned = tuple[int, dict[str, str], bytes]
Quirk = Callable[[Body, str, int], Returned | None]


def returned(status: int, value: Any, **headers: str) -> Returned:
    """A response with a JSON body."""
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return status, {"Content-Type": "application/json", **names}, json.dumps(value).encode()


def refused(message: str, status: int = 400, **more: Any) -> Returned:
    """An error as OpenAI spells it."""
    return returned(status, {"error": {"message": message, "type": "invalid_request_error", **more}})


def completion(content: Any, finish: str = "stop", **message: Any) -> Returned:
    """A completion with one choice."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return returned(200, {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 4}})


def images(body: Body) -> list[bytes]:
    """Images of a request."""
    content = body["messages"][0]["content"]
    parts = content if isinstance(content, list) else []
    return [base64.b64decode(p["image_url"]["url"].partition(",")[2]) for p in parts if p["type"] == "image_url"]


def schema(body: Body) -> str:
    """The response format as text."""
    return json.dumps(body.get("response_format", {}))


def named(message: str, *names: str, status: int = 400) -> Quirk:
    """Refuses a request that has any of the parameters."""
    return lambda body, text, tries: refused(message, status) if any(name in body for name in names) else None


def in_schema(message: str, *keywords: str, status: int = 400) -> Quirk:
    """Refuses a response format in which any of the keywords stands."""
    return lambda body, text, tries: refused(message, status) if any(k in schema(body) for k in keywords) else None


def said(template: str) -> Quirk:
    """Writes the answer into a text."""
    return lambda body, text, tries: completion(template.replace("ANSWER", text))


def first(times: int, quirk: Returned) -> Quirk:
    """The first tries of each prompt get ``quirk``."""
    return lambda body, text, tries: quirk if tries < times else None


def stream(*events: Any, text: str = "") -> bytes:
    """Server-sent events."""
    lines = [f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events]
    return (text + "".join(lines)).encode()


def delta(text: str, finish: str | None = None, **more: Any) -> Body:
    """A piece of a streamed answer."""
    return {"choices": [{"index": 0, "delta": {"content": text, **more}, "finish_reason": finish}]}


def streamed(body: Body, text: str, tries: int) -> Returned:
    """The answer as a stream with comments, reasoning and usage."""
    half = len(text) // 2
    events = (
        delta("", reasoning_content="hm"), delta(text[:half]), delta(text[half:], "stop"),
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}, "[DONE]",
    )  # fmt: skip
    return 200, {"Content-Type": "text/event-stream"}, stream(*events, text=": PROCESSING\n\n")


def only_streams(body: Body, text: str, tries: int) -> Returned | None:
    """A model that is served as a stream alone."""
    if not body.get("stream"):
        return refused("This model only support stream mode, please enable the stream parameter to access the model.")
    return streamed(body, text, tries)


def small_context(body: Body, text: str, tries: int) -> Returned | None:
    """A context that the limit of tokens does not fit into."""
    if body.get("max_tokens", 0) <= 1548 and body["max_tokens"] != 256:
        return None
    if body["max_tokens"] == 256:
        return None
    return refused(
        f"'max_tokens' or 'max_completion_tokens' is too large: {body['max_tokens']}. This model's maximum context length "
        f"is 2048 tokens and your request has 500 input tokens ({body['max_tokens']} > 2048 - 500).", 400, code=400
    )  # fmt: skip


def at_most(most: int, message: str) -> Quirk:
    """A limit of tokens for each answer."""
    return lambda body, text, tries: refused(message) if body.get("max_tokens", 0) > most else None


def reasons_first(body: Body, text: str, tries: int) -> Returned | None:
    """A model whose reasoning takes up a small limit of tokens."""
    if body["max_tokens"] < 4096 or (body["max_tokens"] == 4096 and "pairs" in schema(body)):
        return completion(None, "length", reasoning_content="so " * 99)
    return completion(text, reasoning_content="so")


def runs_out(body: Body, text: str, tries: int) -> Returned | None:
    """The same, reported as an error."""
    if body["max_tokens"] < 4096:
        return refused("Could not finish the message because max_tokens or model output limit was reached.")
    return None


def no_webp(body: Body, text: str, tries: int) -> Returned | None:
    """A server that reads PNG and JPEG only."""
    wrong = [data for data in images(body) if Image.open(BytesIO(data)).format not in ("PNG", "JPEG")]
    return refused("Failed to load image or audio file", 500) if wrong else None


def sized(body: Body, text: str, tries: int) -> Returned | None:
    """A processor that refuses small and thin images."""
    for data in images(body):
        width, height = Image.open(BytesIO(data)).size
        if min(width, height) < 28:
            return refused(f"height:{height} and width:{width} must be larger than factor:28")
        if max(width, height) / min(width, height) > 200:
            return refused("absolute aspect ratio must be smaller than 200")
    return None


def dislikes_red(message: str, status: int = 400) -> Quirk:
    """A server that fails at one kind of image."""

    def quirk(body: Body, text: str, tries: int) -> Returned | None:
        reds = [data for data in images(body) if Image.open(BytesIO(data)).convert("RGB").getpixel((1, 1))[0] > 200]
        return refused(message, status) if reds else None

    return quirk


def one_image(body: Body, text: str, tries: int) -> Returned | None:
    """The default of older vLLM."""
    return refused("At most 1 image(s) may be provided in one request.") if len(images(body)) > 1 else None


def small_body(body: Body, text: str, tries: int) -> Returned | None:
    """A proxy that takes small bodies only."""
    if sum(map(len, images(body))) > 2_000:
        return 413, {"Content-Type": "text/html"}, b"<html><h1>413 Request Entity Too Large</h1></html>"
    return None


def gzipped(body: Body, text: str, tries: int) -> Returned:
    """A compressed answer."""
    status, headers, data = completion(text)
    return status, {**headers, "Content-Encoding": "gzip"}, gzip.compress(data)


@dataclass(frozen=True)
class Played:
    """A quirk with its name."""

    name: str
    quirk: Quirk


QUIRKS = [
    # Parameters.
    # github.com/anomalyco/opencode/issues/5421, github.com/danny-avila/LibreChat/issues/4349
    Played("max_tokens renamed", named(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "max_tokens")),
    # platform.openai.com/docs/guides/reasoning: sampling parameters of reasoning models
    Played("temperature refused", named(
        "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default (1) value is supported.",
        "temperature")),
    # docs.mistral.ai/api: extra inputs are forbidden, the seed is called random_seed
    Played("seed forbidden", lambda body, text, tries: returned(
        422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted",
                          "input": 42}]}) if "seed" in body else None),
    # learn.microsoft.com/azure/ai-services/openai: unrecognised arguments
    Played("seed unrecognised", named("Unrecognized request argument supplied: seed", "seed")),
    # github.com/huggingface/text-generation-inference, router/src/validation.rs
    Played("temperature strictly positive", lambda body, text, tries: returned(
        422, {"error": "Input validation error: `temperature` must be strictly positive", "error_type": "validation"})
        if "temperature" in body else None),
    # console.groq.com/docs/openai: properties that lead to a 400
    Played("seed unsupported property", named("property 'seed' is unsupported", "seed")),
    # github.com/BerriAI/litellm: drop_params
    Played("gateway lists parameters", named(
        "litellm.UnsupportedParamsError: m does not support parameters: ['seed', 'temperature']", "seed", "temperature")),
    # openrouter.ai/docs: require_parameters
    Played("404 for parameters", named(
        "No endpoints found that can handle the requested parameters: response_format", "response_format", status=404)),
    # help.aliyun.com/zh/model-studio/error-code
    Played("streams only", only_streams),
    # github.com/QwenLM/Qwen3/issues: enable_thinking
    Played("thinking must be off unless streamed", lambda body, text, tries: None if body.get("stream") else refused(
        "parameter.enable_thinking must be set to false for non-streaming calls")),
    # Response formats.
    # github.com/langchain-ai/langchainjs/issues/11328, github.com/genkit-ai/genkit/issues/1393
    Played("no lists of types", in_schema(
        "Unknown name \"type\" at 'response_schema.properties[0].value': Proto field is not repeating, cannot start list.",
        '"null"')),
    # platform.openai.com/docs/guides/structured-outputs: unsupported keywords in strict mode
    Played("no bounds", in_schema("Invalid schema for response_format: 'maxLength' is not permitted.", "maxLength",
                                  "minItems", "maxItems")),
    # ai.google.dev/gemini-api/docs/structured-output: additionalProperties was unknown at first
    Played("no additionalProperties", in_schema(
        "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'generation_config.response_schema'",
        "additionalProperties")),
    # api-docs.deepseek.com/guides/json_mode
    Played("json_object only", in_schema("This response_format type is unavailable now", "json_schema")),
    # github.com/lmstudio-ai/lmstudio-bug-tracker: response_format.type must be 'json_schema' or 'text'
    Played("no response_format at all", named("Unsupported parameter: response_format", "response_format")),
    # github.com/ggml-org/llama.cpp, common/json-schema-to-grammar.cpp
    Played("500 for a grammar", in_schema("failed to parse grammar", "maxLength", status=500)),
    # github.com/vllm-project/vllm/issues: xgrammar does not support
    Played("grammar backend", in_schema("The provided JSON schema contains features not supported by xgrammar.",
                                        "maxItems")),
    # github.com/ollama/ollama/issues: a crash without a sentence
    Played("500 without a sentence", lambda body, text, tries: (500, {}, b"") if "response_format" in body else None),
    # github.com/sgl-project/sglang/issues: a 400 without a sentence
    Played("400 without a sentence", lambda body, text, tries: (400, {}, b"") if "strict" in schema(body) else None),
    # Limits.
    # github.com/vllm-project/vllm, vllm/entrypoints/openai: max_tokens against the context
    Played("small context", small_context),
    # api-docs.deepseek.com/quick_start/error_codes
    Played("range of max_tokens", at_most(
        2048, "Invalid max_tokens value, the valid range of max_tokens is [1, 2048]")),
    # console.groq.com/docs/models: maximum completion tokens
    Played("max_tokens at most", at_most(1024, "`max_tokens` must be less than or equal to `1024`")),
    # github.com/sgl-project/sglang/issues/4539
    Played("reasoning takes the limit", reasons_first),
    # community.openai.com: could not finish the message
    Played("limit reached is an error", runs_out),
    # Errors and waits.
    # openrouter.ai/docs/api-reference/errors: an error with status 200
    Played("error with status 200", first(1, returned(200, {"error": {"code": 502, "message": "Provider returned error"}}))),
    # platform.openai.com/docs/guides/rate-limits
    Played("429 in words", first(1, refused("Rate limit reached. Please try again in 20ms.", 429))),
    # ai.google.dev/gemini-api/docs/rate-limits: RetryInfo, in a list
    Played("429 in a list", first(1, returned(429, [{"error": {"code": 429, "message": "Resource exhausted", "details": [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.02s"}]}}]))),
    # learn.microsoft.com/azure: retry-after-ms
    Played("429 in milliseconds", first(1, returned(429, {"error": "slow down"}, retry_after_ms="20"))),
    # github.com/ggml-org/llama.cpp, tools/server: loading model
    Played("503 while loading", first(2, refused("Loading model", 503))),
    # docs.anthropic.com/en/api/errors: 529
    Played("529 overloaded", first(1, refused("Overloaded", 529))),
    # developers.cloudflare.com: 524 as HTML
    Played("524 as HTML", first(1, (524, {"Content-Type": "text/html"}, b"<html>A timeout occurred</html>"))),
    # Bodies.
    # api-docs.deepseek.com: empty lines and comments keep the connection alive
    Played("blank lines first", lambda body, text, tries: (200, {}, b"\n\n\n" + completion(text)[2])),
    # github.com/microsoft/azure: byte order mark
    Played("byte order mark", lambda body, text, tries: (200, {}, b"\xef\xbb\xbf" + completion(text)[2])),
    # github.com/open-webui/open-webui/issues: a stream that nobody asked for
    Played("stream unasked", streamed),
    # github.com/encode/httpx: compressed answers
    Played("gzip", gzipped),
    # docs.mistral.ai/capabilities/reasoning: chunks of thinking in the content
    Played("parts with thinking", lambda body, text, tries: completion(
        [{"type": "thinking", "thinking": [{"type": "text", "text": "no"}]}, {"type": "text", "text": text}])),
    # github.com/BerriAI/litellm: JSON mode by a call of a tool
    Played("call of a tool", lambda body, text, tries: completion(
        None, "tool_calls", tool_calls=[{"id": "1", "type": "function", "function": {"name": "json", "arguments": text}}])),
    # github.com/vllm-project/vllm: reasoning_content beside content
    Played("reasoning beside the text", lambda body, text, tries: completion(text, reasoning_content='{"answer": "no"}')),
    # Texts.
    # github.com/vllm-project/vllm/issues/13125, github.com/deepseek-ai/DeepSeek-R1/issues/352
    Played("closing mark only", said('Draft {"answer": "1777"}, {"pairs": []}.\n</think>\n\nANSWER')),
    # huggingface.co/LGAI-EXAONE: <thought>
    Played("thought", said('<thought>{"answer": "1777"}</thought>ANSWER')),
    # cookbook.openai.com/articles/openai-harmony
    Played("channels", said(
        '<|channel|>analysis<|message|>{"answer": "1777"}<|end|><|start|>assistant<|channel|>final<|message|>ANSWER')),
    # huggingface.co/moonshotai/Kimi-VL-A3B-Thinking
    Played("Kimi's marks", said('\u25c1think\u25b7{"answer": "1777"}\u25c1/think\u25b7ANSWER')),
    # huggingface.co/mistralai/Magistral-Small-2506
    Played("Magistral's brackets", said('[THINK]{"answer": "1777"}[/THINK]ANSWER')),
    # github.com/ollama/ollama/issues: a fence around JSON
    Played("fence", said("Sure!\n```json\nANSWER\n```\nAnything else?")),
    # huggingface.co/zai-org/GLM-4.1V-9B-Thinking: box around the answer
    Played("box", said("<think>no</think><|begin_of_box|>ANSWER<|end_of_box|>")),
    # github.com/guidance-ai, several projects: JSON as a JSON string
    Played("JSON in a string", lambda body, text, tries: completion(json.dumps(text))),
    # Images.
    # github.com/cline/cline/issues/8977, github.com/lmstudio-ai/lmstudio-bug-tracker/issues/1150
    Played("no WebP", no_webp),
    # github.com/vllm-project/vllm/issues/15080, github.com/2U1/Qwen-VL-Series-Finetune/issues/133
    Played("sizes of images", sized),
    # docs.vllm.ai/en/latest/features/multimodal_inputs: limit_mm_per_prompt
    Played("one image a request", one_image),
    # nginx.org/en/docs/http/ngx_http_core_module: client_max_body_size
    Played("small bodies", small_body),
    # github.com/ggml-org/llama.cpp/issues: one image fails
    Played("one image refused", dislikes_red("Failed to load image or audio file")),
    # github.com/ollama/ollama/issues: the same as a 500
    Played("one image fails the server", dislikes_red("failed to process inputs: invalid image", 500)),
]  # fmt: skip
