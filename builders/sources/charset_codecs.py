"""Labels of charsets and their decoders as browsers have them (WHATWG Encoding Standard)."""

from __future__ import annotations

import codecs
import re

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
