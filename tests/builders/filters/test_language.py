"""Languages of pages: stated, detected, and kept or dropped by stage ``prefilter``."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from nyxqa.builders.engine.run import PlannedRun
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.filters.language import MIN_BYTES, detect, is_tag, matches
from nyxqa.builders.filters.language_scores import language_model
from nyxqa.builders.stages.prefilter import prefilter
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Prefilter, Web
from tests.support.ingest import drops, files_of, make_run, source_pages, text_row, write_jsonl
from tests.support.running import ROOT, environment

TEXTS = {
    "en": "The bakery on the corner opens at six in the morning and sells fresh bread all day. We walked along the "
    "river until the lights of the town came on, and she told me about the letters of her grandfather.",
    "de": "Die Bäckerei an der Ecke öffnet um sechs Uhr morgens und verkauft den ganzen Tag frisches Brot. Wir gingen "
    "am Fluss entlang, bis die Lichter der Stadt angingen, und sie erzählte mir von den Briefen ihres Großvaters.",
    "fr": "La boulangerie du coin ouvre à six heures du matin et vend du pain frais toute la journée. Nous avons "
    "marché le long de la rivière jusqu'à ce que les lumières de la ville s'allument.",
    "pl": "Piekarnia na rogu otwiera się o szóstej rano i przez cały dzień sprzedaje świeży chleb. Szliśmy wzdłuż "
    "rzeki, aż zapaliły się światła miasta.",
    "ru": "Пекарня на углу открывается в шесть утра и весь день продаёт свежий хлеб. Мы шли вдоль реки.",
    "ja": "角のパン屋は朝六時に開き、一日中焼きたてのパンを売っています。"
    "私たちは町の明かりがともるまで川に沿って歩きました。",
    "zh": "街角的面包店早上六点开门。这家店整天出售新鲜面包。我们沿着河边走到城里的灯亮起来。",
    "ko": "모퉁이에 있는 빵집은 아침 여섯 시에 문을 열고 하루 종일 갓 구운 빵을 판다.",
    "ar": "يفتح المخبز الموجود في الزاوية في السادسة صباحا ويبيع الخبز الطازج طوال اليوم. مشينا على طول النهر.",
    "th": "ร้านขนมปังที่หัวมุมเปิดตอนหกโมงเช้าและขายขนมปังสดทั้งวัน เราเดินไปตามแม่น้ำจนไฟในเมืองสว่างขึ้น",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_paragraph_tells_its_language(language: str) -> None:
    found = detect([TEXTS[language]])
    assert found is not None
    assert found.tag == language
    assert 0.7 <= found.score <= 1


def test_too_little_or_no_language_gives_no_tag() -> None:
    assert detect([TEXTS["en"][: MIN_BYTES - 1]]) is None
    assert detect([]) is None
    for nothing in ("0123 456 789 / " * 20, "xkcd qwrt zxcv pppq " * 10, "😀" * 100):
        found = detect([nothing])
        assert found is None or found.tag is None


def test_detection_is_the_same_in_every_process() -> None:
    code = (
        "import json, sys\nfrom nyxqa.builders.filters.language import detect\n"
        "print(json.dumps([[d.tag, d.score] for t in json.load(sys.stdin) if (d := detect([t]))]))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps(list(TEXTS.values())),
            env={**environment(), "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "7")
    }
    assert len(outputs) == 1
    assert [tag for tag, _ in json.loads(outputs.pop())] == list(TEXTS)


def test_tags_match_by_their_beginning() -> None:
    assert matches("en", ["de", "EN"])
    assert matches("en-GB", ["en"])
    assert not matches("en", ["en-GB"])
    assert not matches("eng", ["en"])
    assert [is_tag(tag) for tag in ("en", "pt-BR", "zh-Hant", "english", "", "e")] == [True] * 3 + [False] * 3


def filtered(tmp_path: Path, rows: list[dict[str, Any]], **settings: Any) -> StepOutput:
    tmp_path.mkdir(exist_ok=True)
    run = make_run(tmp_path / "w")
    pages = source_pages(run, Web(source=f"jsonl:{write_jsonl(tmp_path / 'p.jsonl', rows)}"))
    return prefilter(run, pages, Prefilter(**settings))


def test_the_language_column_is_filled_where_the_page_is_silent(tmp_path: Path) -> None:
    rows = [
        text_row(TEXTS["de"]),
        text_row(TEXTS["fr"], language="nl"),
        text_row("Six words are not enough here."),
        {"texts": [TEXTS["ru"][:50], None, TEXTS["ru"][50:]], "images": [None, "x.png", None]},
    ]
    for enabled in (True, False):
        kept = filtered(tmp_path / str(enabled), rows, enabled=enabled)
        assert [row["language"] for row in kept.rows()] == ["de", "nl", None, "ru"]


def test_only_the_wanted_languages_stay(tmp_path: Path) -> None:
    rows = [text_row(text) for text in TEXTS.values()]
    rows += [text_row("Six words are not enough here."), text_row(TEXTS["fr"] * 2, language="de-AT")]
    kept = list(filtered(tmp_path, rows, languages=["en", "de"]).rows())
    assert [row["language"] for row in kept] == ["en", "de", "de-AT"]
    found = [row["detail"].partition(": ")[2] for row in drops(tmp_path / "w", reason="language")]
    assert len(found) == len(rows) - 3
    assert any(detail.startswith("fr, score ") for detail in found)
    assert "too little text to tell" in found


def test_a_language_that_is_no_tag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'english' is not a BCP-47 tag"):
        prefilter(PlannedRun(tmp_path), StepOutput("", tmp_path), Prefilter(languages=["english"]))


def test_copies_are_found_across_shards_and_keep_the_first(tmp_path: Path) -> None:
    # Parts of 256 rows: copies lie in other shards than the pages they repeat.
    rows = [
        text_row(f"Page number {number % 400} has a few words", url=f"http://e.org/{number}") for number in range(900)
    ]
    kept = list(filtered(tmp_path, rows).rows())
    assert [row["url"] for row in kept] == [f"http://e.org/{number}" for number in range(400)]
    found = drops(tmp_path / "w", reason="same_page_content")
    first = {row["parts"][0]["text"]: row["page_id"] for row in kept}
    assert len(found) == 500
    assert {row["detail"].partition(": equal to page ")[2] for row in found} == set(first.values())


def test_equal_whatever_the_workers(tmp_path: Path) -> None:
    rows = [text_row(f"{text} {number}") for number in range(60) for text in TEXTS.values()]
    file = write_jsonl(tmp_path / "p.jsonl", rows)
    found = []
    for workers in (1, 2):
        work = tmp_path / str(workers)
        run = make_run(work, workers)
        prefilter(run, source_pages(run, Web(source=f"jsonl:{file}")), Prefilter(languages=["en", "ja"]))
        found.append(files_of(work))
    assert found[0] == found[1]


def test_many_texts_at_once_have_the_scores_of_each_alone() -> None:
    chance = random.Random(1)
    texts = [*TEXTS.values(), "", "ABC DEF GHI " * 20, "\x00" * 200]
    for first, last in ((32, 127), (0x400, 0x450), (0x4E00, 0x9000), (0x600, 0x650), (32, 0x3000)):
        texts += ["".join(chr(chance.randrange(first, last)) for _ in range(length)) for length in range(0, 300, 11)]
    alone = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    assert language_model().classify(texts) == [alone.classify(text) for text in texts]
