"""From the bytes of a page to its text: the character encoding is found as browsers find it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

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

_ERRORS = "nyxqa.browser"
# Decoders that hold more characters than the charsets which the labels name.
_SUPERSETS = {"gbk": "gb18030", "euc-jp": "euc_jp", "iso-2022-jp": "iso2022_jp"}
# A declaration of UTF-16 was read as ASCII, so it is wrong; browsers map the other name likewise.
_IN_META = {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "cp1252"}
# Browsers refuse these as unsafe for scripts; text is safe to read.
_REFUSED = {"hz-gb-2312": "hz", "iso-2022-kr": "iso2022_kr", "csiso2022kr": "iso2022_kr"}
# Where Python's tables of JIS X 0208, Windows-31J and Big5 have other characters than browsers and editors.
_TRANSLATED = {
    "cp932": dict.fromkeys(range(0xF8F0, 0xF8F4), 0xFFFD),  # bytes that are no character
    "euc_jp": str.maketrans("\u301c\u2016\u2212\u00a2\u00a3\u00ac", "\uff5e\u2225\uff0d\uffe0\uffe1\uffe2"),
    "big5hkscs": str.maketrans(
        "\u2022\uff64\u203e\u223c\u2641\u2609\u00a5\u00a2\u00a3\uffed",
        "\u2027\ufe51\u00af\uff5e\u2295\u2299\uffe5\uffe0\uffe1\u2593",
    ),
}
_ESCAPES = re.compile(rb"\x1b(\$[@B]|\([BJI])")
_TO_HIGH = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else byte for byte in range(256))
_HALF_WIDTH = re.compile(rb"[\xa1-\xdf]")


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


def codec_of_label(label: bytes) -> str | None:
    """Python's name of the decoder that a browser takes for a charset label in a page; None if it knows none."""
    from webencodings import PYTHON_NAMES, lookup

    text = label.strip(b"\t\n\f\r \"'/").decode("latin-1")  # the slash of "charset=x/>"
    if text.lower() in _REFUSED:
        return _REFUSED[text.lower()]
    encoding = lookup(text)
    if encoding is None or encoding.name == "replacement":
        return None
    known = _IN_META.get(encoding.name) or _SUPERSETS.get(encoding.name) or PYTHON_NAMES.get(encoding.name)
    return known or str(encoding.codec_info.name)


def decode_as(data: bytes, codec: str) -> str:
    """``data`` in a codec of ``codec_of_label``; each byte that does not fit becomes U+FFFD."""
    if codec == "iso2022_jp":
        data, codec = _as_euc(data), "euc_jp"
    text = data.decode(codec, _ERRORS)
    return text.translate(_TRANSLATED[codec]) if codec in _TRANSLATED else text


def _as_euc(data: bytes) -> bytes:
    """ISO-2022-JP as EUC-JP, which has the same characters at the same places."""
    first, *rest = _ESCAPES.split(data)
    pieces = [first]
    for escape, piece in zip(rest[::2], rest[1::2], strict=True):
        if escape.startswith(b"$"):
            pieces.append(piece.translate(_TO_HIGH))
        elif escape == b"(I":
            pieces.append(_HALF_WIDTH.sub(b"\x8e\\g<0>", piece.translate(_TO_HIGH)))
        else:
            pieces.append(piece)
    return b"".join(pieces)


def _browser_character(error: UnicodeError) -> tuple[str, int]:
    """The character of browsers where Python's decoder has none, else U+FFFD for one byte; and where to go on."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    pair = error.object[error.start : error.start + 2]
    if error.encoding in ("gb18030", "gbk") and pair[:1] == b"\x80":
        return "\u20ac", error.start + 1
    try:
        if error.encoding == "euc_jp" and len(pair) == 2 and min(pair) > 0xA0 and max(pair) < 0xFF:
            return _as_shift_jis(pair).decode("cp932"), error.start + 2  # the rows of NEC and IBM
        if error.encoding == "big5hkscs":
            return pair.decode("cp950"), error.start + 2  # the euro
    except UnicodeDecodeError:
        pass
    return "\ufffd", error.start + 1


def _as_shift_jis(pair: bytes) -> bytes:
    """A character of two bytes in EUC-JP as Shift_JIS."""
    row, cell = pair[0] - 0xA1, pair[1] - 0xA1
    lead = row // 2 + (0x81 if row < 0x3E else 0xC1)
    return bytes((lead, cell + (0x9F if row % 2 else 0x40 if cell < 0x3F else 0x41)))


codecs.register_error(_ERRORS, _browser_character)
