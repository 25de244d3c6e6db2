"""How a refused request is spelled next: the server's sentence names what to leave out, rename or lower."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from nyxqa.builders.vlm.openai.agreement import Agreement
from nyxqa.builders.vlm.openai.server_text import ServerError

_LIMIT_NAMES = re.compile(
    r"max_tokens|max_completion_tokens|max_new_tokens|max_?output_?tokens|token count|output tokens"
)
_TOO_MANY_TOKENS = re.compile(
    r"too large|too high|at most"
    r"|less than or equal|must be <=|<= ?\d|maximum allowed|exceed|valid range|supported range"
    r"|maximum context length|context length|context size|context window|greater than|cannot be more than|max value"
)
_CONTEXT = re.compile(
    r"(?:context (?:length|window|size)(?: (?:is|of|only|limit))*|must be <=|context size \() ?`?(?P<context>\d{2,8})"
)
_PROMPT = (
    re.compile(r"(?P<tokens>\d{1,8}) (?:tokens )?(?:in|from) the (?:input |prompt )?(?:messages|prompt|input)"),
    re.compile(r"(?P<tokens>\d{1,8}) (?:`?inputs`?|input|prompt) tokens"),
    re.compile(r"prompt (?:contains|has)(?: at least)? (?P<tokens>\d{1,8})"),
)
_MAX_IMAGES = re.compile(
    r"(?:at most|up to|maximum(?: number)? of|no more than|only|limit of) (?P<count>\d{1,3})"
    r" (?:\w+ )?(?:image|picture|multimodal|media)"
)
_NO_VISION = re.compile(
    r"at most 0 image|not a multimodal model|image input is not supported|(?:does|do) not support (?:\w+ ){0,3}image"
    r"|support image input|images? (?:is|are) not supported|image_url is not supported|unknown variant `?image_url"
    r"|missing data required for image|not support(?:ed)? (?:vision|multimodal)|mmproj|only text|text.only"
    r"|content must be a string|no vision|vision is not|multimodal.{0,40}not (?:enabled|supported)"
)
_FORMAT = re.compile(
    r"response_format|response_schema|json_schema|json_object|json schema|json mode|schema|grammar|minitems|maxitems"
    r"|maxlength|additionalproperties|guided|structured|proto field|cannot start list|xgrammar|outlines|\bstrict\b"
)
_NO_SCHEMA = re.compile(
    r"type.{0,60}(?:unavailable|json_object|not supported|must be)|json_schema"
    r".{0,40}(?:not|un)[ -]?(?:available|supported)"
    r"|does not support.{0,40}(?:json_schema|structured)"
)
_STREAM = re.compile(
    r"only supports? stream|non-streaming|stream.{0,20}(?:must be (?:true|set|enabled)|is required)|enable the stream"
)
_MODEL = re.compile(
    r"model.{0,100}(?:not found|does not exist|not exist|is not available|not loaded)|model_not_found|no models? loaded"
    r"|(?:invalid|unknown) model"
)
_KEY = re.compile(
    r"api[ _-]?key.{0,60}(?:invalid|not valid|expired|missing|incorrect)|(?:invalid|incorrect).{0,20}api[ _-]?key"
)
_FILTERED = re.compile(
    r"content[ _-]?filter|content management policy|data_inspection_failed|moderation|prohibited|flagged"
    r"|responsible ?ai|inappropriate|safety|content policy|usage policies|sensitive"
)
_RAN_OUT = re.compile(r"could not finish the message|output limit was reached|max_tokens_reached")
_QUOTA = re.compile(r"insufficient_quota|insufficient (?:balance|credit|quota)|billing|out of credit|credit balance")
_PICTURE = re.compile(
    r"image|picture|aspect ratio|pixels|photo|media|vision|height|width|base64|data uri|data url|webp"
)
_TOO_LARGE = re.compile(r"too large|too big|exceeds?|maximum (?:size|allowed)|larger than|payload|dimension")


@dataclass(frozen=True, slots=True)
class Sent:
    """How a request was sent.

    :param tokens: Limit of tokens in it.
    :param images: Number of its images.
    """

    agreement: Agreement
    tokens: int
    images: int


def concession(error: ServerError, sent: Sent) -> Agreement | None:
    """The next spelling for the form of a refused request; None if the server's sentence leads to none."""
    for rule in (_fewer_images, _renamed_limit, _without_parameters, _streamed, _plainer_format):
        agreed = rule(error, sent)
        if agreed is not None and agreed != sent.agreement:
            return agreed
    if error.status in (400, 422, 501) and not sent.agreement.confirmed and not (sent.images and names_picture(error)):
        return sent.agreement.plainer()
    return None


def fewer_tokens(error: ServerError, sent: Sent) -> tuple[int, bool] | None:
    """A limit of tokens that the server takes, and whether it holds for every request; None if it is not the limit.

    :return: With False the rest of the context, which depends on the length of the prompt.
    """
    text = error.text
    context = _CONTEXT.search(text)
    if context is None and not (_LIMIT_NAMES.search(text) and _TOO_MANY_TOKENS.search(text)):
        return None
    if context is not None:
        prompt = next((m for m in (pattern.search(text) for pattern in _PROMPT) if m is not None), None)
        room = int(context["context"]) - (int(prompt["tokens"]) if prompt else sent.tokens)
        return (room, False) if 16 <= room < sent.tokens else None
    numbers = [int(number) for number in re.findall(r"\d{2,9}", text) if int(number) < sent.tokens]
    if "exclusive" in text:
        numbers = [int(n) - 1 for n in re.findall(r"(\d{2,9}) ?\(exclusive", text) if int(n) <= sent.tokens]
    room = max(numbers, default=sent.tokens // 4)
    return (room, True) if room >= 16 else None


def names_picture(error: ServerError) -> bool:
    """Whether the server's sentence is about a picture."""
    return error.status in (413, 415) or _PICTURE.search(error.text) is not None


def is_too_large(error: ServerError) -> bool:
    """Whether the server takes the request if its pictures are smaller."""
    return error.status == 413 or (names_picture(error) and _TOO_LARGE.search(error.text) is not None)


def refuses_vision(error: ServerError) -> bool:
    """Whether the server says that its model sees no pictures."""
    return _NO_VISION.search(error.text) is not None


def refuses_format(error: ServerError) -> bool:
    """Whether the server's sentence is about the form of the answer."""
    return _FORMAT.search(error.text) is not None


def refuses_model(error: ServerError) -> bool:
    """Whether the server does not know the model."""
    return error.status in (400, 404, 422) and _MODEL.search(error.text) is not None


def refuses_key(error: ServerError) -> bool:
    """Whether the server does not take the key, although its status does not say so."""
    return _KEY.search(error.text) is not None


def is_filtered(error: ServerError) -> bool:
    """Whether a filter before the model refused the content."""
    return error.status in (400, 403, 422, 451) and _FILTERED.search(error.text) is not None


def ran_out_of_tokens(error: ServerError) -> bool:
    """Whether a model reasoned up to the limit of tokens, which some servers report as an error."""
    return error.status == 400 and _RAN_OUT.search(error.text) is not None


def is_out_of_quota(error: ServerError) -> bool:
    """Whether waiting does not help."""
    return _QUOTA.search(error.text) is not None


def _fewer_images(error: ServerError, sent: Sent) -> Agreement | None:
    found = _MAX_IMAGES.search(error.text)
    if found is None or not 0 < int(found["count"]) < sent.images:
        return None
    return replace(sent.agreement, images=int(found["count"]))


def _renamed_limit(error: ServerError, sent: Sent) -> Agreement | None:
    agreement, text = sent.agreement, error.text
    if fewer_tokens(error, sent) is not None or _CONTEXT.search(text):
        return None
    if agreement.confirmed and not re.search(r"unsupported|not supported|instead|not permitted", text):
        return None
    if agreement.limit == "max_tokens" and re.search(r"max_tokens|max_completion_tokens", text):
        return replace(agreement, limit="max_completion_tokens")
    if agreement.limit == "max_completion_tokens" and "max_completion_tokens" in text:
        return replace(agreement, limit="")
    return None


def _without_parameters(error: ServerError, sent: Sent) -> Agreement | None:
    agreement = sent.agreement
    for name in ("temperature", "seed"):
        if re.search(rf"(?<![\w-]){name}(?![\w-])", error.text):
            agreement = agreement.without(name)
    return agreement


def _streamed(error: ServerError, sent: Sent) -> Agreement | None:
    return replace(sent.agreement, streamed=True) if _STREAM.search(error.text) else None


def _plainer_format(error: ServerError, sent: Sent) -> Agreement | None:
    agreement = sent.agreement
    if not refuses_format(error) or agreement.level == "none":
        return None
    if _NO_SCHEMA.search(error.text):
        return replace(agreement, level="none" if agreement.level == "object" else "object")
    return agreement.plainer()
