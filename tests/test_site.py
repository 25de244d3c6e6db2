"""The site is built without a warning, and its reference pages have everything that the code has."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import typer

import nyxqa
from docs.generate.api import docstring
from docs.generate.pages import GENERATED
from docs.generate.tables import EXAMPLES
from nyxqa.cli import app
from nyxqa.schemas.reasons import REASONS
from nyxqa.schemas.recipe_text import recipe_keys
from nyxqa.schemas.tables import TABLES

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "docs.generate", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_every_page_is_in_the_site_and_fetches_nothing(site: Path) -> None:
    for page in (site / "pages").rglob("*.md"):
        name = page.relative_to(site / "pages").with_suffix("")
        html = (site / "html" / ("" if str(name) == "index" else name) / "index.html").read_text()
        fetched = re.findall(
            r'<(?:script|img|iframe)[^>]*src="(https?:[^"]*)|<link rel="stylesheet" href="(https?:[^"]*)', html
        )
        assert fetched == [], page
    assert (site / "html" / "figures" / "funnel.svg").read_text().count("<rect") > 10


def test_every_page_is_in_the_menu() -> None:
    menu = (ROOT / "docs" / "generate" / "zensical.toml").read_text()
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]
    assert [page for page in (*pages, *GENERATED) if f'"{page}"' not in menu] == []


def test_a_broken_link_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.md").write_text("# A\n\n[away](nowhere.md)\n")
    (tmp_path / "zensical.toml").write_text('[project]\nsite_name = "a"\ndocs_dir = "pages"\nsite_dir = "html"\n')
    command = [sys.executable, "-m", "zensical", "build", "--strict", "-f", str(tmp_path / "zensical.toml")]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_tables_have_every_column_with_an_example() -> None:
    examples = json.loads(EXAMPLES.read_text())
    page = GENERATED["reference/tables.md"]()
    for name, table in TABLES.items():
        assert list(examples[name]) == table.schema.names
        row = {key: _without_images(value) for key, value in examples[name].items()}
        pa.Table.from_pylist([row], schema=table.schema)  # of the declared types
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert [
            one.name
            for one in table.columns
            if f"| `{one.name}` |" not in section or one.description.replace("|", "\\|") not in section
        ] == []


def _without_images(value: object) -> object:
    if isinstance(value, list) and value and isinstance(value[0], dict) and "bytes" in value[0]:
        return []
    return value


def test_the_reference_has_every_key_command_name_and_reason() -> None:
    recipe, commands = GENERATED["reference/recipe.md"](), GENERATED["reference/commands.md"]()
    assert [key for key in recipe_keys() if f"| `{key.partition('.')[2] or key}` |" not in recipe] == []
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        section = commands.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert [
            one
            for parameter in command.params
            if not getattr(parameter, "hidden", False)
            for one in parameter.opts
            if one.startswith("--") and f"`{one}`" not in section
        ] == []
    assert [name for name in nyxqa.__all__ if f"## nyxqa.{name}\n" not in GENERATED["reference/api.md"]()] == []
    assert [name for name in REASONS if f"| `{name}` |" not in GENERATED["reference/reasons.md"]()] == []


def test_every_result_stands_among_the_numbers() -> None:
    page = GENERATED["numbers.md"]()
    assert [
        file.stem for file in (ROOT / "benchmarks" / "results").glob("*.json") if f"## {file.stem}\n" not in page
    ] == []


def test_a_docstring_becomes_markdown() -> None:
    text = (
        "What it is: ``a``. ::\n\n    call(a)\n\n:param a: First\n    and on.\n:returns: It.\n:raises KeyError: Never."
    )
    parts = [
        "What it is: `a`.",
        "```python\ncall(a)\n```",
        "| parameter | meaning |\n| --- | --- |\n| `a` | First and on. |",
    ]
    assert docstring(text) == "\n\n".join([*parts, "Returns: It.", "Raises `KeyError`: Never."]) + "\n"
