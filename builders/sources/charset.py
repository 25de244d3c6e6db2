"""From the bytes of a page to its text: the character encoding is found as browsers find it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from nyxqa.builders.sources.charset_codecs import codec_of_label, decode_as

REPLACED = "\ufffd"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UTF16_BYTES = 512  # of a file, which are mostly markup: ASCII characters with a zero byte each
_ISO_2022_JP = b"\x1b$"  # the escape sequence before Japanese, which nothing else holds; all other bytes are ASCII
_XML_DECLARATION = re.compile(rb"\s*<\?xml\s[^>]*?\bencoding\s*=\s*[\"']\s*([^\"'>]+)", re.IGNORECASE)
_XML_BYTES = 1024  # of the file, in which its XML declaration must be
# What the search for <meta> reads or skips: comments, and elements whose content is text.
_MARKUP = re.compile(rb"<(?:!--|(meta|script|style|title|textarea|xmp|noframes)(?=[\s/>]))", re.IGNORECASE)
_META_BYTES = 4096
_ATTRIBUTE = re.compile(rb"[\s/]*([^\s/>=]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]*)))?")
_CHARSET_OF_CONTENT = re.compile(rb"charset\s*=\s*[\"']?\s*([^\s\"';]+)", re.IGNORECASE)
# Characters of two bytes or more that a page in one of these charsets hardly has by chance if read as UTF-8.
_CERTAIN_UTF8 = 8
_MULTI_BYTE = frozenset(("cp932", "euc_jp", "iso2022_jp", "cp949", "gb18030", "big5hkscs", "hz", "iso2022_kr"))
_DETECTED_BYTES = 64_000  # of the text outside ASCII that the detector reads


def decode_html(data: bytes) -> str:
    """Decode a page by its byte order mark, the charset it declares, as UTF-8, or by its letters.

    A declaration loses against text that is UTF-8 (templates declare whatever they like) and against bytes that mostly
    do not fit it. Bytes that do not fit the charset become U+FFFD, one by one.
    """
    if (text := _by_form(data)) is not None:
        return text
    declared = declared_codec(data)
    if (text := _as_utf8(data, declared)) is not None:
        return text
    if declared is not None and declared != "utf-8":
        text = decode_as(data, declared)
        broken = text.count(REPLACED)
        if 2 * broken <= _beyond_ascii(text):
            return text
    return decode_as(data, _detected(data))


def decode_text(data: bytes) -> str:
    """Decode a text that declares nothing by its byte order mark, as UTF-8, or by its letters."""
    text = _by_form(data)
    text = _as_utf8(data, None) if text is None else text
    return decode_as(data, _detected(data)) if text is None else text


def _by_form(data: bytes) -> str | None:
    """``data`` decoded by its byte order mark, or by the zero bytes of UTF-16; None if it has neither."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    even, odd = data[:_UTF16_BYTES:2], data[1:_UTF16_BYTES:2]
    for zeros, letters, name in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if letters and 2 * zeros.count(0) > len(zeros) and 0 not in letters:
            return data.decode(name, "replace")
    return None


def declared_codec(data: bytes) -> str | None:
    """Python's name of the charset that a page declares in a ``<meta>`` or its XML declaration; None if it does not."""
    for label in _meta_labels(data):
        if (codec := codec_of_label(label)) is not None:
            return codec
    declaration = _XML_DECLARATION.match(data[:_XML_BYTES])
    return codec_of_label(declaration.group(1)) if declaration else None


def _meta_labels(data: bytes) -> Iterator[bytes]:
    """Charset labels of all ``<meta>`` elements outside comments and text, in order."""
    at = 0
    unclosed: set[bytes] = set()
    while (match := _MARKUP.search(data, at)) is not None:
        at = match.end()
        if match.group(1) is None:
            end = data.find(b"-->", at - 2)  # "<!-->" is a whole comment
            if end < 0:
                return
            at = end + 3
        elif (tag := match.group(1).lower()) == b"meta":
            label, length = _label(data[at : at + _META_BYTES])
            at += length
            if label is not None:
                yield label
        elif tag not in unclosed:
            closing = re.compile(b"</" + tag, re.IGNORECASE).search(data, at)
            if closing is None:
                unclosed.add(tag)
            else:
                at = closing.end()


def _label(tag: bytes) -> tuple[bytes | None, int]:
    """Charset label of one ``<meta>``, whose attributes ``tag`` begins with, and their length."""
    attributes: dict[bytes, bytes] = {}
    at = 0
    while (match := _ATTRIBUTE.match(tag, at)) is not None:
        name, *values = match.groups()
        attributes.setdefault(name.lower(), next((value for value in values if value is not None), b""))
        at = match.end()
    if b"charset" in attributes:
        return attributes[b"charset"], at
    if attributes.get(b"http-equiv", b"").strip().lower() != b"content-type":
        return None, at
    content = _CHARSET_OF_CONTENT.search(attributes.get(b"content", b""))
    return (content.group(1) if content else None), at


def _as_utf8(data: bytes, declared: str | None) -> str | None:
    """``data`` decoded as UTF-8 if that is what it is, apart from a few bytes; else None."""
    if declared in (None, "iso2022_jp") and _ISO_2022_JP in data:
        return None
    text = data.decode("utf-8", "replace")
    broken = text.count(REPLACED) - data.count(REPLACED.encode())
    valid = _beyond_ascii(text) - text.count(REPLACED)
    if declared in _MULTI_BYTE:
        is_utf8 = valid >= _CERTAIN_UTF8 and broken <= decode_as(data, declared).count(REPLACED)
    elif declared == "utf-8":
        is_utf8 = broken <= valid
    else:  # in other languages a few letters look like UTF-8 by chance
        is_utf8 = broken == 0 or 4 * broken <= valid or broken < min(valid, 3)
    return text if is_utf8 else None


def _beyond_ascii(text: str) -> int:
    """Number of characters of ``text`` outside ASCII."""
    return len(text) - len(text.encode("ascii", "ignore"))


def _detected(data: bytes) -> str:
    """Python's name of the charset that the letters of ``data`` suggest."""
    from chardetng_py import EncodingDetector

    if _ISO_2022_JP in data:
        return "iso2022_jp"
    detector = EncodingDetector()
    left = _DETECTED_BYTES
    for piece in data.split(b"<"):  # no second byte of a character is this one
        if left > 0 and not piece.isascii():
            detector.feed(piece[:left] + b"<", last=False)
            left -= len(piece)
    detector.feed(b"", last=True)
    name = detector.guess(tld=None, allow_utf8=False)
    return codec_of_label(name.encode()) or codecs.lookup(name).name  # it has Python's names for some
