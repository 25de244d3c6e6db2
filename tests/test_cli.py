"""The command line: help, usage errors, exit codes, and what it prints."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import nyxqa
from nyxqa.builders.check import training_signal
from nyxqa.cli import app
from nyxqa.panels import PANELS
from nyxqa.schemas.tables import TABLES
from nyxqa.schemas.version import VERSION
from tests.support.restamp import rewrite
from tests.support.running import leave

MOST_HELP = 4  # times the import of typer, rich and pydantic; measured: 2.0


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "nyxqa", *arguments], capture_output=True, text=True, check=False)


def test_help_costs_little_more_than_the_libraries_that_print_it() -> None:
    """A ratio of CPU seconds; half a second, the absolute goal, is measured by hand on a quiet machine."""

    def seconds(command: Callable[[], object]) -> float:
        spent = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        return min(spent)

    libraries = [sys.executable, "-c", "import typer.rich_utils, rich.markdown, pydantic"]
    assert called("build", "--help").returncode == 0
    helped = seconds(lambda: called("build", "--help"))
    assert helped < MOST_HELP * seconds(lambda: subprocess.run(libraries, check=True))


@pytest.mark.parametrize("command", ["build", "feedback", "report", "train", "check", "sql"])
def test_help_imports_nothing_heavy(command: str) -> None:
    code = (
        "import sys; from nyxqa.cli import main\n"
        f"try: main(['{command}', '--help'])\n"
        "except SystemExit as left: assert left.code == 0, left.code\n"
        "heavy = {'torch', 'transformers', 'datasets', 'duckdb', 'pyarrow', 'PIL', 'numpy', 'faiss'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert f"nyxqa {command}" in done.stdout


@pytest.mark.parametrize("command", [["report"], ["check", "--structure"], ["sql", "SELECT 1"]])
def test_no_torch_is_imported(built_sample: Path, command: list[str]) -> None:
    arguments = [command[0], str(built_sample), *command[1:]]
    code = (
        "import sys; from nyxqa.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit as left: assert left.code == 0, left.code\n"
        "print(sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["build"], "Missing option '--split'"),
        (["build", "--split", "dev"], "'--split': 'dev' is not one of 'train', 'validation', 'test', 'all'"),
        (["build", "--split"], "Option '--split' requires an argument"),
        (["build", "--split", "train", "--workers", "0"], "'--workers'"),
        (["build", "--split", "train", "--limit", "many"], "'--limit'"),
        (["build", "--split", "train", "--speed", "1"], "No such option: --speed"),
        (["build", "--split", "train", "--executor", "rays"], "'rays' is not an executor; choose --executor from"),
        (["build", "--splt", "train"], "--split"),
        (["build", "--split", "train", "--set", "seed"], "--set takes KEY=VALUE, not 'seed'"),
        (["build", "--split", "train", "--set", "chunk.max_token=9"], "chunk.max_token"),
        (["build", "--split", "train", "more"], "unexpected extra argument"),
        (["train", "folder", "--model", "tiny"], "Missing option '--out'"),
        (["train", "folder", "--model", "tiny", "--out", "m", "--stage", "3"], "'--stage'"),
        (["chek"], "Did you mean 'check'?"),
        (["sql", "folder"], "Missing argument 'query'"),
        (["sql", "folder", "SELECT 1", "--json", "--csv"], "--json and --csv exclude each other"),
    ],
)
def test_usage_errors_name_what_is_wrong(
    arguments: list[str],
    named: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert leave(*arguments) == 2
    told = capsys.readouterr().err
    assert named in told
    assert told.startswith("nyxqa: ") and told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_help_has_three_panels(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("-h") == 0
    told = capsys.readouterr().out
    places = [told.index(f" {name} ") for name in ("Make", "build", "train", "Look", "report", "sql", "Use", "push")]
    assert places == sorted(places)
    assert "First: nyxqa build --split train" in told
    assert "--install-completion" in told


def test_every_command_is_in_a_panel() -> None:
    known = {name for names in PANELS.values() for name in names}
    assert {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    } <= known


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("--version") == 0
    assert capsys.readouterr().out == f"nyxqa {VERSION}\n"
    assert nyxqa.__version__ == VERSION


def test_keys_of_a_recipe_are_completed() -> None:
    environment = {
        **os.environ,
        "_NYXQA_COMPLETE": "complete_bash",
        "COMP_WORDS": "nyxqa build --set chunk.max_",
        "COMP_CWORD": "3",
    }
    done = subprocess.run([sys.executable, "-m", "nyxqa"], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["chunk.max_tokens=", "chunk.max_images="], done.stderr


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * FROM leger", "no table leger; did you mean ledger? Tables: corpus, feedback, funnel, ledger, "),
        ("SELECT * FROM zzz", "no table zzz. Tables: corpus"),
        ("SELECT stag FROM ledger", 'not found in FROM clause! Candidate bindings: "stage"'),
        ("FROM 'x.parquet'", "only one SELECT over this dataset's tables; --unlocked lifts that"),
        ("DELETE FROM ledger", "only one SELECT over this dataset's tables, and this is DELETE; --unlocked lifts that"),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
    ],
)
def test_sql_says_what_is_wrong(built_sample: Path, query: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("sql", str(built_sample), query) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_sql_of_one_argument_asks_the_default_folder(
    built_sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NYXQA_DATA", str(built_sample))
    assert leave("sql", "SELECT count(*) AS n FROM qa", "--json") == 0
    assert json.loads(capsys.readouterr().out)["n"] > 0


def test_show_tables_lists_no_helpers(built_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("sql", str(built_sample), "SHOW TABLES", "--csv") == 0
    assert capsys.readouterr().out.split()[1:] == sorted([*TABLES, "funnel", "pairs"])


@pytest.mark.parametrize("width", [60, 100, 200])
def test_a_table_is_as_wide_as_the_terminal(
    built_sample: Path, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert leave("sql", str(built_sample), "SELECT query_id, query, answers, miner FROM triplets LIMIT 5") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) in range(width - 4, width + 1)


def test_a_dataset_near_by_is_named(
    built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nyxqa_data").symlink_to(built_sample)
    monkeypatch.chdir(tmp_path)
    for given in (".", "nyxqa_dta", "nyxqa_data/data", "nyxqa-data"):
        for command in (["report"], ["sql", "SELECT 1"], ["show", "ab"]):
            assert leave(command[0], given, *command[1:]) == 1
            assert f"{given} holds no dataset; did you mean ./nyxqa_data?" in capsys.readouterr().err


def test_bare_call_shows_the_commands(capfd: pytest.CaptureFixture[str]) -> None:
    assert leave() == 2
    told = capfd.readouterr()
    assert all(name in told.out + told.err for name in ("build", "report", "train", "check", "sql"))
    assert "nyxqa: " not in told.err


@pytest.mark.parametrize("command", [["report"], ["check"], ["sql", "SELECT 1"]])
def test_no_dataset_is_met_in_the_world(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(command[0], str(tmp_path / "absent"), *command[1:]) == 1
    told = capsys.readouterr().err
    assert "python -m nyxqa.build --split train" in told
    assert told.count("\n") == 1


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = called("report", str(tmp_path / "absent"), "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "FormatError" in done.stderr


def test_report(built_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("report", str(built_sample)) == 0
    assert "STAGES" in capsys.readouterr().out
    assert leave("report", str(built_sample), "--json") == 0
    assert json.loads(capsys.readouterr().out)["source"] == "sample"


def test_check_of_the_structure(built_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("check", str(built_sample), "--structure", "--verbose") == 0
    *lines, ending = capsys.readouterr().out.splitlines()
    assert "ok certificate" in lines
    assert all(line.startswith("ok ") for line in lines)
    assert ending == f"{len(lines)} of {len(lines)} checks hold."
    assert leave("check", str(built_sample), "--structure") == 0
    assert capsys.readouterr().out == f"{ending}\n"


def test_check_of_a_broken_dataset(
    dataset: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_signal, "MIN_QUESTIONS", 10_000)  # tests/builders/check trains
    rewrite(dataset, "qa", "test", lambda rows: rows[0].update(label=7))
    assert leave("check", str(dataset)) == 3
    told = capsys.readouterr()
    assert "FAILED choices: 1, such as qa test" in told.out
    assert "1 of" in told.err and "checks failed: choices" in told.err
    assert leave("check", str(dataset), "--json") == 3
    assert json.loads(capsys.readouterr().out)["failed"] == ["choices"]


def test_sql(built_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = "SELECT split, count(*) AS n FROM qa GROUP BY split ORDER BY split"
    assert leave("sql", str(built_sample), query) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["split", "n"]
    assert [line.split()[0] for line in lines[1:-1]] == ["test", "train", "validation"]
    assert lines[-1] == "(3 rows)"
    assert leave("sql", str(built_sample), query, "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["split"] for row in rows] == ["test", "train", "validation"]
    assert leave("sql", str(built_sample), query, "--csv") == 0
    table = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert table == [["split", "n"], *([row["split"], str(row["n"])] for row in rows)]


def test_sql_cells(built_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = "SELECT NULL AS a, ['x', 'y'] AS b, 'one' || chr(10) || 'two, three' AS c, repeat('z', 100) AS d, 1 AS d"
    assert leave("sql", str(built_sample), query) == 0
    row = capsys.readouterr().out.splitlines()[1]
    *_, listed, lines, cut, last = [cell.strip() for cell in row.split("  ") if cell.strip()]
    assert (listed, lines, last) == ('["x", "y"]', "one two, three", "1")
    assert re.fullmatch(r"z{9,99}\.\.\.", cut)  # to the width of the terminal
    assert leave("sql", str(built_sample), query, "--csv") == 0
    table = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert table[1] == ["", '["x", "y"]', "one\ntwo, three", "z" * 100, "1"]


def test_sql_that_duckdb_refuses(built_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("sql", str(built_sample), "SELECT nothing FROM qa") == 2
    assert "the query failed: Binder Error" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough(built_sample: Path) -> None:
    query = "SELECT range FROM range(200000)"
    with subprocess.Popen(
        [sys.executable, "-m", "nyxqa", "sql", str(built_sample), query, "--csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "range\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1
