# ruff: noqa: E501 - the sentences of servers stand on one line
"""Servers as they really are: what each refuses, says or returns beside a plain chat completion.

Each quirk is a function of a request's body that returns a status, headers and a body, or None to answer plainly. The
comment above it names where the server's sentence or answer can be read; "documentation" means a page that was not read
for this, "not found" that no public thread with the very sentence was found.
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
    return refused("Failed to load image or audio file") if wrong else None


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
    # github.com/teilomillet/gollm/issues/33, github.com/ITSpecialist111/ai_automation_suggester/issues/38
    Played("max_tokens renamed", named(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "max_tokens")),
    # github.com/OpenHands/OpenHands/issues/4131, github.com/QwenLM/qwen-code/issues/921
    Played("temperature refused", named(
        "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default (1) value is supported.",
        "temperature")),
    # github.com/langchain-ai/langchain-azure/issues/82; as 422: github.com/mistralai/platform-docs-public/issues/7
    Played("seed forbidden", lambda body, text, tries: returned(
        422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted",
                          "input": 42}]}) if "seed" in body else None),
    # github.com/sinaptik-ai/pandas-ai/issues/749
    Played("seed unrecognised", named("Unrecognized request argument supplied: seed", "seed")),
    # github.com/huggingface/text-generation-inference/issues/1236
    Played("temperature strictly positive", lambda body, text, tries: returned(
        422, {"error": "Input validation error: `temperature` must be strictly positive", "error_type": "validation"})
        if "temperature" in body else None),
    # github.com/fanenr/chatbot/issues/21, of another property
    Played("seed unsupported property", named("property 'seed' is unsupported", "seed")),
    # github.com/BerriAI/litellm, documentation of drop_params; not found
    Played("gateway lists parameters", named(
        "litellm.UnsupportedParamsError: m does not support parameters: ['seed', 'temperature']", "seed", "temperature")),
    # github.com/BerriAI/litellm/pull/33738
    Played("gateway explains a temperature", named(
        "litellm.UnsupportedParamsError: m doesn't support temperature=0.0 while reasoning is active. Only temperature=1 is "
        "supported unless reasoning_effort resolves to 'none'. To drop unsupported params set `litellm.drop_params = True`.",
        "temperature")),
    # openrouter.ai/docs, require_parameters: not found; of tools: github.com/dnakov/anon-kode/issues/2
    Played("404 for parameters", named(
        "No endpoints found that can handle the requested parameters: response_format", "response_format", status=404)),
    # github.com/infiniflow/ragflow/issues/5912, github.com/FoundationAgents/OpenManus/issues/330
    Played("streams only", only_streams),
    # github.com/infiniflow/ragflow/issues/8972, github.com/langchain4j/langchain4j/issues/3974
    Played("thinking must be off unless streamed", lambda body, text, tries: None if body.get("stream") else refused(
        "parameter.enable_thinking must be set to false for non-streaming calls")),
    # Response formats.
    # github.com/langchain-ai/langchainjs/issues/11328, github.com/genkit-ai/genkit/issues/1393
    Played("no lists of types", in_schema(
        "Unknown name \"type\" at 'response_schema.properties[0].value': Proto field is not repeating, cannot start list.",
        '"null"')),
    # github.com/jina-ai/node-DeepResearch/issues/79
    Played("no bounds", in_schema("Invalid schema for response_format: 'maxLength' is not permitted.", "maxLength",
                                  "minItems", "maxItems")),
    # github.com/QuantumNous/new-api/pull/1037, of $schema; github.com/glowingjade/obsidian-smart-composer/issues/455, of tools
    Played("no additionalProperties", in_schema(
        "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'generation_config.response_schema'",
        "additionalProperties")),
    # github.com/llm-exe/llm-exe/issues/662, github.com/UKGovernmentBEIS/inspect_ai/issues/4916
    Played("json_object only", in_schema("This response_format type is unavailable now", "json_schema")),
    # github.com/browser-use/browser-use/pull/215, github.com/BerriAI/litellm/pull/31466
    Played("json_object only, as 422", in_schema(
        "Failed to deserialize the JSON body into the target type: response_format: response_format.type `json_schema` is "
        "unavailable now at line 1 column 12440", "json_schema", status=422)),
    # github.com/lmstudio-ai/lmstudio-bug-tracker/issues/189 and 307
    Played("neither bounds nor json_object", lambda body, text, tries: (
        returned(400, {"error": "'response_format.type' must be 'json_schema' or 'text'"})
        if "json_object" in schema(body) else refused("Unsupported keyword in schema", 400) if '"null"' in schema(body)
        else None)),
    # not found
    Played("no response_format at all", named("Unsupported parameter: response_format", "response_format")),
    # github.com/ggml-org/llama.cpp/issues/26596 and 25746
    Played("400 for a grammar", in_schema("Failed to initialize samplers: failed to parse grammar", "maxLength")),
    # the same before such errors had status 400: not found
    Played("500 for a grammar", in_schema("failed to parse grammar", "maxLength", status=500)),
    # github.com/vllm-project/vllm/issues/16880
    Played("grammar backend", in_schema("The provided JSON schema contains features not supported by xgrammar.",
                                        "maxItems")),
    # a crash without a sentence: not found
    Played("500 without a sentence", lambda body, text, tries: (500, {}, b"") if "response_format" in body else None),
    # a proxy that swallows the sentence: not found
    Played("400 without a sentence", lambda body, text, tries: (400, {}, b"") if "strict" in schema(body) else None),
    # Limits.
    # github.com/vllm-project/vllm/issues/42474
    Played("small context, in other words", lambda body, text, tries: None if body["max_tokens"] <= 1548 else refused(
        f"This model's maximum context length is 2048 tokens. However, you requested {body['max_tokens']} output tokens and "
        f"your prompt contains at least 500 input tokens, for a total of at least {500 + body['max_tokens']} tokens.")),
    # github.com/ogx-ai/ogx/issues/4534, github.com/vllm-project/vllm/issues/20409
    Played("small context, counted in the messages", lambda body, text, tries: None if body["max_tokens"] <= 1548 else refused(
        f"This model's maximum context length is 2048 tokens. However, you requested {500 + body['max_tokens']} tokens (500 in "
        f"the messages, {body['max_tokens']} in the completion). Please reduce the length of the messages or completion.")),
    # vLLM between these two: not found
    Played("small context", small_context),
    # github.com/deepseek-ai/DeepSeek-V3/issues/69
    Played("range of max_tokens", at_most(
        2048, "Invalid max_tokens value, the valid range of max_tokens is [1, 2048]")),
    # github.com/anomalyco/opencode/issues/1000
    Played("max_tokens at most", at_most(1024, "`max_tokens` must be less than or equal to `1024`")),
    # github.com/BerriAI/litellm-docs/pull/559, github.com/darkmatter/nixmac/issues/199
    Played("reasoning takes the limit", reasons_first),
    # github.com/nextlevelbuilder/goclaw/issues/245
    Played("limit reached is an error", runs_out),
    # Errors and waits.
    # github.com/reVrost/go-openrouter/pull/21; with status 200: documentation of openrouter.ai
    Played("error with status 200", first(1, returned(200, {"error": {"code": 502, "message": "Provider returned error"}}))),
    # documentation of platform.openai.com, rate limits
    Played("429 in words", first(1, refused("Rate limit reached. Please try again in 20ms.", 429))),
    # the list: github.com/n4ze3m/page-assist/issues/406; retryDelay: github.com/Aider-AI/aider/issues/3694
    Played("429 in a list", first(1, returned(429, [{"error": {"code": 429, "message": "Resource exhausted", "details": [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.02s"}]}}]))),
    # github.com/simonkurtz-MSFT/python-openai-loadbalancer/issues/14, github.com/Azure/azure-openai-benchmark/issues/31
    Played("429 in milliseconds", first(1, returned(429, {"error": "slow down"}, retry_after_ms="20"))),
    # github.com/mostlygeek/llama-swap/issues/146, github.com/mindverse/Second-Me/issues/20
    Played("503 while loading", first(2, refused("Loading model", 503))),
    # documentation of docs.anthropic.com, errors
    Played("529 overloaded", first(1, refused("Overloaded", 529))),
    # documentation of developers.cloudflare.com; 502 as HTML: github.com/vybestack/llxprt-code/issues/1180
    Played("524 as HTML", first(1, (524, {"Content-Type": "text/html"}, b"<html>A timeout occurred</html>"))),
    # Bodies.
    # documentation of api-docs.deepseek.com: empty lines keep the connection alive
    Played("blank lines first", lambda body, text, tries: (200, {}, b"\n\n\n" + completion(text)[2])),
    # a proxy that writes a byte order mark: not found
    Played("byte order mark", lambda body, text, tries: (200, {}, b"\xef\xbb\xbf" + completion(text)[2])),
    # a stream that nobody asked for: not found
    Played("stream unasked", streamed),
    # any proxy that compresses
    Played("gzip", gzipped),
    # github.com/agentjido/req_llm/issues/742, github.com/simonw/llm-mistral/pull/39
    Played("parts with thinking", lambda body, text, tries: completion(
        [{"type": "thinking", "thinking": [{"type": "text", "text": "no"}]}, {"type": "text", "text": text}])),
    # documentation of github.com/BerriAI/litellm: JSON mode by a call of a tool
    Played("call of a tool", lambda body, text, tries: completion(
        None, "tool_calls", tool_calls=[{"id": "1", "type": "function", "function": {"name": "json", "arguments": text}}])),
    # github.com/darkmatter/nixmac/issues/199 shows the field
    Played("reasoning beside the text", lambda body, text, tries: completion(text, reasoning_content='{"answer": "no"}')),
    # Texts.
    # github.com/vllm-project/vllm/issues/13125 and 12999, github.com/deepseek-ai/DeepSeek-R1/issues/350
    Played("closing mark only", said('Draft {"answer": "1777"}, {"pairs": []}.\n</think>\n\nANSWER')),
    # documentation of huggingface.co/LGAI-EXAONE
    Played("thought", said('<thought>{"answer": "1777"}</thought>ANSWER')),
    # github.com/ggml-org/llama.cpp/pull/15181, github.com/ml-explore/mlx-lm/pull/1867
    Played("channels", said(
        '<|channel|>analysis<|message|>{"answer": "1777"}<|end|><|start|>assistant<|channel|>final<|message|>ANSWER')),
    # github.com/openai/harmony/issues/56
    Played("channel with a form", said(
        '<|channel|>analysis<|message|>{"answer": "1777"}<|end|><|start|>assistant<|channel|>final json<|message|>ANSWER')),
    # github.com/Augustas11/macprovider/issues/743
    Played("channels without their marks", said('analysisWe need {"answer": "1777"}. And nothing else.assistantfinalANSWER')),
    # github.com/MoonshotAI/Kimi-VL/issues/45
    Played("Kimi's marks", said('\u25c1think\u25b7{"answer": "1777"}\u25c1/think\u25b7ANSWER')),
    # github.com/LostRuins/koboldcpp/pull/1970
    Played("Magistral's brackets", said('[THINK]{"answer": "1777"}[/THINK]ANSWER')),
    # github.com/lmstudio-ai/lmstudio-bug-tracker/issues/2403
    Played("fence", said("Sure!\n```json\nANSWER\n```\nAnything else?")),
    # documentation of huggingface.co/zai-org/GLM-4.1V-9B-Thinking
    Played("box", said("<think>no</think><|begin_of_box|>ANSWER<|end_of_box|>")),
    # JSON as a JSON string: not found
    Played("JSON in a string", lambda body, text, tries: completion(json.dumps(text))),
    # Images.
    # github.com/cline/cline/issues/8977, github.com/ollama/ollama/issues/11410, github.com/lmstudio-ai/lmstudio-bug-tracker/issues/1150
    Played("no WebP", no_webp),
    # github.com/zai-org/GLM-V/issues/146, github.com/huggingface/transformers/pull/37264; the ratio: not found
    Played("sizes of images", sized),
    # github.com/vllm-project/vllm/issues/13513
    Played("one image a request", one_image),
    # documentation of nginx.org, client_max_body_size
    Played("small bodies", small_body),
    # github.com/fpgaminer/joycaption/issues/48
    Played("one image refused", dislikes_red("Failed to load image or audio file")),
    # github.com/ollama/ollama/issues/11320
    Played("one image fails the server", dislikes_red("Failed to create new sequence: failed to process inputs: image: unknown format", 500)),
]  # fmt: skip
