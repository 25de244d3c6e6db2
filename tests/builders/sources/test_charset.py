"""Character encodings as browsers find them."""

# ruff: noqa: RUF001

from __future__ import annotations

import pytest

from nyxqa.builders.sources.charset import declared_codec, decode_html, decode_text

# A sentence of each language about a mill, and the charsets in which its pages were written before UTF-8.
MILL = {
    "ru": ("Старая мельница стоит у реки, и каждое утро мельник открывает шлюз.", ["cp1251", "koi8-r", "iso8859-5"]),
    "uk": ("Старий млин стоїть біля річки, і щоранку мельник відкриває шлюз.", ["cp1251", "koi8-u"]),
    "cs": (
        "Starý mlýn stojí u řeky a každé ráno mlynář otevírá stavidlo, když přijde dělník.",
        ["cp1250", "iso8859-2"],
    ),
    "pl": (
        "Stary młyn stoi nad rzeką i każdego ranka młynarz otwiera śluzę, gdy świeci słońce.",
        ["cp1250", "iso8859-2"],
    ),
    "el": ("Ο παλιός μύλος στέκεται δίπλα στο ποτάμι και κάθε πρωί ανοίγει η πόρτα.", ["cp1253", "iso8859-7"]),
    "tr": ("Eski değirmen ırmağın yanında durur ve değirmenci her sabah kapağı açar, işçiler gelir.", ["cp1254"]),
    "he": ("הטחנה הישנה עומדת ליד הנהר ובכל בוקר הטוחן פותח את השער לפועלים.", ["cp1255"]),
    "ar": ("تقع الطاحونة القديمة بجانب النهر ويفتح الطحان البوابة كل صباح للعمال.", ["cp1256"]),
    "th": ("โรงสีเก่าตั้งอยู่ริมแม่น้ำและทุกเช้าคนโม่แป้งจะเปิดประตูน้ำ", ["cp874"]),
    "ja": ("古い水車小屋は川のそばにあり、毎朝粉屋が水門を開けます。", ["cp932", "euc_jp", "iso2022_jp"]),
    "ko": ("오래된 물레방아는 강가에 서 있고 매일 아침 방앗간 주인이 수문을 연다.", ["cp949"]),
    "zh": ("旧磨坊在河边，每天早晨磨坊主打开水闸，两个工人来上班。", ["gb18030"]),
    "zh-TW": ("舊磨坊在河邊，每天早晨磨坊主打開水閘，兩個工人來上班。", ["big5"]),
    "de": ("Die alte Mühle steht am Fluß, und jeden Morgen öffnet der Müller das Wehr für fünf Arbeiter.", ["cp1252"]),
    "fr": ("Le vieux moulin se trouve près de la rivière ; l\u2019été, le meunier ouvre l\u2019écluse.", ["cp1252"]),
}
WRITTEN = [(text, charset) for text, charsets in MILL.values() for charset in charsets]


def page(text: str, head: str = "", charset: str = "utf-8") -> bytes:
    return f"<!doctype html><html><head>{head}<title>x</title></head><body><p>{text}</p></body></html>".encode(charset)


def body(data: bytes) -> str:
    return decode_html(data).partition("<p>")[2].partition("</p>")[0]


@pytest.mark.parametrize(("text", "charset"), WRITTEN)
def test_pages_that_declare_nothing_are_read_by_their_letters(text: str, charset: str) -> None:
    assert body(page(text, charset=charset)) == text
    assert decode_text(text.encode(charset)) == text


@pytest.mark.parametrize(
    ("label", "charset", "text"),
    [
        ("Shift_JIS", "cp932", "㈱髙島 ① №"),
        ("x-sjis", "cp932", "水車"),
        ("Windows-31J", "cp932", "㈱水車"),
        ("ms_kanji", "cp932", "水車"),
        ("EUC-KR", "cp949", "똠방각하"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("gb2312", "gb18030", "镕㐀€"),
        ("x-gbk", "gb18030", "水车"),
        ("Big5", "cp950", "約翰‧史密斯 €"),
        ("x-x-big5", "big5", "水車"),
        ("iso-8859-1", "cp1252", "“a” – €"),
        ("latin1", "cp1252", "œuvre"),
        ("us-ascii", "cp1252", "œuvre"),
        ("iso-8859-9", "cp1254", "“değirmen” –"),
        ("latin5", "cp1254", "değirmen"),
        ("iso-8859-11", "cp874", "โรงสี"),
        ("TIS-620", "cp874", "โรงสี…"),
        ("windows-874", "cp874", "โรงสี"),
        ("iso-8859-8-i", "iso8859-8", "טחנה"),
        ("logical", "iso8859-8", "טחנה"),
        ("x-cp1251", "cp1251", "мельница"),
        ("koi8-ru", "koi8-u", "річка"),
        ("cp866", "cp866", "мельница"),
        ("l2", "iso8859-2", "młyn"),
        ("x-mac-roman", "mac-roman", "œuvre"),
        (" 'utf8' ", "utf-8", "mlýn"),
        ("utf-16", "utf-8", "mlýn"),
        ("unicode-1-1-utf-8", "utf-8", "mlýn"),
        ("hz-gb-2312", "hz", "水车"),
        ("iso-2022-kr", "iso2022_kr", "방아"),
    ],
)
def test_labels_name_the_charsets_that_browsers_take(label: str, charset: str, text: str) -> None:
    quoted = label.strip().strip("'")
    for head in (
        f'<meta charset="{label}">',
        f"<META content='text/html;charset={quoted}' http-equiv = content-type >",
        f"<meta data-x='a>b' charset={quoted}/>",
    ):
        assert body(page(text, head, charset)) == text


def test_japanese_has_the_characters_of_browsers_in_each_charset() -> None:
    text = "① ㈱ 髙 ～ － ｱ"
    shifted = text.encode("cp932")
    euc = b"\xad\xa1 \xad\xea \xfc\xe2 \xa1\xc1 \xa1\xdd \x8e\xb1"
    iso = b"\x1b$B\x2d\x21\x1b(B \x1b$B\x2d\x6a\x1b(B \x1b$B\x7c\x62\x1b(B \x1b$B\x21\x41\x1b(B \x1b$B\x21\x5d\x1b(B "
    iso += b"\x1b(I1\x1b(B"
    for label, data in (("shift_jis", shifted), ("euc-jp", euc), ("iso-2022-jp", iso)):
        assert decode_html(f"<meta charset={label}>".encode() + data).partition(">")[2] == text


def test_xml_declarations_count_where_no_meta_does() -> None:
    declaration = '<?xml version="1.0" encoding="iso-8859-2"?>'
    assert decode_html(f"{declaration}<p>młyn".encode("iso8859-2")).endswith("młyn")
    assert declared_codec(b"\n<?xml version='1.0' encoding = 'Shift_JIS' ?><p>") == "cp932"
    assert declared_codec(declaration.encode() + b"<meta charset=windows-1250>") == "cp1250"
    assert declared_codec(b"<p>encoding='iso-8859-2'") is None


@pytest.mark.parametrize("size", [2_000, 20_000, 1_000_000])
def test_a_declaration_may_stand_far_behind_the_start(size: int) -> None:
    filler = f"<style>{'p {}' * (size // 4)}</style><!-- {'-' * size} -->"
    assert body(page("mlýn řeka", f'{filler}<meta charset="windows-1250">', "cp1250")) == "mlýn řeka"


@pytest.mark.parametrize(
    "head",
    [
        "<!-- <meta charset=koi8-r> -->",
        "<!--><meta charset=windows-1250><!-- <meta charset=koi8-r>-->",
        "<script>x = '<meta charset=koi8-r>'</script>",
        "<style>/* <meta charset=koi8-r> */</style>",
        "<meta name=description content='text/html; charset=koi8-r'>",
        "<meta charset=no-such-thing><meta charset=windows-1250><meta charset=koi8-r>",
    ],
)
def test_only_a_meta_that_counts_is_read(head: str) -> None:
    assert declared_codec(f"{head}<meta charset=windows-1250>".encode()) == "cp1250"


@pytest.mark.parametrize(
    ("text", "head", "charset", "bad"),
    [
        (MILL["cs"][0], "", "utf-8", b"\xff"),
        (MILL["ru"][0], "", "utf-8", b"\xd0"),
        (MILL["th"][0], "<meta charset=iso-8859-1>", "utf-8", b"\xe9"),
        (MILL["ja"][0], "<meta charset=shift_jis>", "utf-8", b"\xff"),
        ("Café", "<meta charset=utf-8>", "utf-8", b"\xe9"),
        (MILL["ja"][0], "<meta charset=shift_jis>", "cp932", b"\xff"),
        (MILL["ja"][0], "<meta charset=euc-jp>", "euc_jp", b"\xff"),
        (MILL["zh"][0], "<meta charset=gb2312>", "gb18030", b"\xff"),
        (MILL["zh-TW"][0], "<meta charset=big5>", "big5", b"\xff"),
        (MILL["ko"][0], "<meta charset=euc-kr>", "cp949", b"\xff"),
        (MILL["cs"][0], "<meta charset=windows-1250>", "cp1250", b"\x81"),
        (MILL["ru"][0], "", "koi8-r", b""),
    ],
)
def test_one_bad_byte_costs_one_character(text: str, head: str, charset: str, bad: bytes) -> None:
    data = page(text, head, charset)
    assert body(data.replace(b"</p>", bad + b" a</p>")) == text + ("\ufffd a" if bad else " a")


def test_a_page_cut_inside_a_character_stays_utf8() -> None:
    data = page(MILL["cs"][0] + MILL["ja"][0])
    cut = data[: data.index("古い水車".encode()) + 5]
    assert body(cut + b"</p>") == MILL["cs"][0] + "古\ufffd"


def test_utf8_wins_over_a_wrong_declaration() -> None:
    for label in ("iso-8859-1", "windows-1251", "iso-8859-2", "gb2312", "shift_jis", "euc-kr"):
        assert body(page(MILL["cs"][0] + MILL["ru"][0], f"<meta charset={label}>")) == MILL["cs"][0] + MILL["ru"][0]
    assert body(page(MILL["ru"][0], "<meta charset=utf-8>", "cp1251")) == MILL["ru"][0]


def test_byte_order_marks_and_zero_bytes_decide() -> None:
    html = "<meta charset=latin-1><p>mlýn 水</p>"
    for charset in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        assert decode_html(("\ufeff" + html).encode(charset)) == html
    assert decode_html(html.encode("utf-16-le")) == decode_html(html.encode("utf-16-be")) == html
    assert decode_text("\ufeffmlýn".encode("utf-16-le")) == "mlýn"
    assert decode_html(b"") == ""
    assert decode_html(b"\0") == "\0"


def test_hostile_pages_are_read_in_linear_time() -> None:
    """Each would take hours if a search began again at every opening."""
    for piece in (b"<script ", b"<meta ", b"<!--", b"<meta x='", b"<title><style>", b"<?xml ", b"\x1b$B", b"<\xff\xe9"):
        assert decode_html(piece * (2_000_000 // len(piece))).count("<") >= 0


def test_short_pages_and_wrong_declarations() -> None:
    assert decode_html(b"<p>caf\xe9 \x93x\x94</p>") == "<p>caf\u00e9 \u201cx\u201d</p>"
    assert decode_html(b"<meta charset=iso-8859-1>\x80").endswith("\u20ac")
    assert decode_html("<meta charset=utf-8>\u00e9\u00e8".encode() + b"a\xffb").endswith("\u00e9\u00e8a\ufffdb")
    assert decode_html(b"<meta charset=utf-8>caf\xe9").endswith("caf\u00e9")
