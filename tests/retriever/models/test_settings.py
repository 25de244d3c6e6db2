from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from nyxqa.retriever.models.settings import MAX_PIXELS, EmbedderSettings, read_settings, write_settings

DOCS = (Path(__file__).parents[3] / "docs" / "encoders.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", EmbedderSettings.model_fields)
def test_every_setting_is_documented_with_its_default(key: str) -> None:
    row = re.search(rf"^\| `{key}` \| (.*?) \|", DOCS.replace("\\|", "/"), re.MULTILINE)
    assert row is not None
    documented = tomllib.loads(f"value = {row[1]}")["value"]
    default = EmbedderSettings.model_fields[key].default
    assert documented == (default.replace("|", "/") if isinstance(default, str) else default)


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    settings = EmbedderSettings(template='<a>\n"{text}"', dimensions=256, max_pixels=MAX_PIXELS["paper"], base="a/b")
    write_settings(settings, tmp_path)
    assert read_settings(tmp_path) == settings
    assert read_settings(tmp_path, {"dimensions": 512}).dimensions == 512
    assert read_settings(tmp_path / "none") == EmbedderSettings()
