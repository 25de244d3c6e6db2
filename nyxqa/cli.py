"""The command line."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nyxqa.evaluate_command import evaluate
from nyxqa.look_commands import browse, diff, recipe, report, review, show, sql
from nyxqa.panels import FIRST, Commands, SetOption, VersionOption, into_panels
from nyxqa.share_commands import DataArgument, DebugOption, export, push, remove
from nyxqa.train_command import improve, train

app = typer.Typer(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Training data for mixed-modal retrievers: build, curate, load, publish.",
    epilog=FIRST,
)

SplitOption = Annotated[
    Literal["train", "validation", "test", "all"] | None,
    typer.Option(help="Split to build; with --update it may be left out."),
]
PriceOption = Annotated[str | None, typer.Option(metavar="IN,OUT", help="With --estimate: prices of a million tokens.")]
OutOption = Annotated[Path, typer.Option(help="Folder of the dataset.")]
ExecutorOption = Annotated[str, typer.Option(help="Where shards are worked on: local, or ray[:HOST:PORT].")]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Worker processes; default one per core.")]


@app.callback()
def _commands(version: VersionOption = False) -> None:
    pass


def _prices(price: str | None, estimate: bool) -> Any:
    """The prices of ``--price``, if it was given."""
    from nyxqa.builders.report.price import Price

    return Price.given(price, estimate)


def _print_estimate(split: Any, options: Any, price: str | None, as_json: bool) -> None:
    """Print what a build would ask of a model."""
    from nyxqa.builders.runner.api import estimate

    prices = _prices(price, True)
    estimated = estimate(split, **options)
    sys.stdout.write(estimated.json(prices) if as_json else estimated.text(prices))


@app.command()
def build(
    split: SplitOption = None,
    recipe: Annotated[str | None, typer.Option(help="sample, nyxqa, paper, or a TOML file.")] = None,
    out: OutOption = Path("nyxqa_data"),
    source: Annotated[
        str | None,
        typer.Option(
            help="sample, html:, markdown:, pdf:, docling:DIR, jsonl:FILE, obelics[:DIR], "
            "jsonl: and obelics: at s3://BUCKET/KEY; takes recipe nyxqa by default"
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Most pages to read.")] = None,
    vlm: Annotated[str | None, typer.Option(help="extractive, or openai:MODEL@URL.")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Miner of negatives: bm25, tiny[:PATH], e5:MODEL, nyx:MODEL, hf:MODEL.")
    ] = None,
    executor: ExecutorOption = "local",
    workers: WorkersOption = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    set_: SetOption = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Print what models would be asked and exit.")] = False,
    price: PriceOption = None,
    update: Annotated[bool, typer.Option("--update", help="Update what OUT holds; what did not change stays.")] = False,
    rescan: Annotated[bool, typer.Option("--rescan", help="Read the source again.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Retry URLs and questions that failed.")] = False,
    drop_stale: Annotated[
        bool, typer.Option("--drop-stale", help="Unpublish splits made with other parameters.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per step on stdout.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="A line for each step within a stage, too.")] = False,
    debug: DebugOption = False,
) -> None:
    """Build a dataset from web pages and question sets: one split, or all of them."""
    from nyxqa.builders.runner.api import BuildOptions, run
    from nyxqa.schemas.errors import UsageError
    from nyxqa.schemas.recipe_file import parse_override

    options: BuildOptions = {
        "recipe": recipe,
        "out": out,
        "source": source,
        "limit": limit,
        "vlm": vlm,
        "encoder": encoder,
        "executor": executor,
        "workers": workers,
        "seed": seed,
        "settings": dict(parse_override(text) for text in set_ or []),
        "update": update,
        "rescan": rescan,
        "as_json": as_json,
        "verbose": verbose,
    }
    if split is None and not update:
        raise UsageError("Missing option '--split'. Choose from: train, validation, test, all")
    if estimate:
        _print_estimate(split, options, price, as_json)
    else:
        _prices(price, False)  # refuses one without --estimate
        run(split, retry_failed=retry_failed, drop_stale=drop_stale, **options)


@app.command()
def feedback(
    data: DataArgument,
    retriever: Annotated[str | None, typer.Option(help="bm25, tiny[:PATH], e5:MODEL, nyx:MODEL, hf:MODEL.")] = None,
    vlm: Annotated[str | None, typer.Option(help="openai:MODEL@URL.")] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="Candidates per question.")] = None,
    window: Annotated[int | None, typer.Option(min=1, help="Documents shown at once.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Lowest F1 at which an answer counts as right.")] = None,
    positives: Annotated[
        Literal["all", "first"] | None,
        typer.Option(help="Which windows the model answered right become positives: all, or the first."),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="nyxqa, paper, or a TOML file; default the dataset's own.")] = None,
    set_: SetOption = None,
    relabel: Annotated[
        bool, typer.Option("--relabel", help="Compute the labels again from the stored answers.")
    ] = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Print the most that would be asked and exit.")] = False,
    price: PriceOption = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Retry the questions that failed.")] = False,
    executor: ExecutorOption = "local",
    workers: WorkersOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per step on stdout.")] = False,
    debug: DebugOption = False,
) -> None:
    """Let a model answer train questions with retrieved documents, and label those by its answers (stage 2)."""
    from nyxqa.builders.engine.progress import Progress
    from nyxqa.builders.feedback.options import FeedbackOptions
    from nyxqa.builders.feedback.run import estimate as estimate_feedback
    from nyxqa.builders.feedback.run import feedback as run_feedback
    from nyxqa.builders.feedback.run import relabel as run_relabel
    from nyxqa.schemas.errors import UsageError
    from nyxqa.schemas.recipe_file import parse_override

    given = {"top_k": top_k, "window": window, "threshold": threshold, "positives": positives}
    settings = {f"feedback.{name}": value for name, value in given.items() if value is not None}
    set_values = dict(parse_override(text) for text in set_ or [])
    flags = {key: f"--{key.partition('.')[2].replace('_', '-')}" for key in settings if key not in set_values}
    options = FeedbackOptions(retriever, vlm, recipe, settings | set_values, retry_failed, flags, executor, workers)
    if estimate and relabel:
        raise UsageError("--relabel asks no model, so there is nothing to estimate; leave out --relabel or --estimate")
    prices = _prices(price, estimate)
    if estimate:
        estimated = estimate_feedback(data, options, Progress(as_json))
        sys.stdout.write(estimated.json(prices) if as_json else estimated.text(prices))
        return
    done = (run_relabel if relabel else run_feedback)(data, options, Progress(as_json))
    sys.stdout.write(done.json() if as_json else done.text())


app.command()(train)
app.command()(improve)


@app.command()
def check(
    out: DataArgument = Path("nyxqa_data"),
    structure: Annotated[bool, typer.Option("--structure", help="Skip the training of a small retriever.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="List checks that hold as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    debug: DebugOption = False,
) -> None:
    """Check a dataset against its laws and for a training signal; exit code 3 if a check fails."""
    from nyxqa.schemas.live import display

    if structure:
        from nyxqa.builders.check.structure import check as run_checks
    else:  # imports what trains
        from nyxqa.builders.check.check import check_all as run_checks

    with display():
        result = run_checks(out)
    sys.stdout.write(result.json() if as_json else result.text(verbose))
    result.raise_failed()


@app.command("serve-check")
def serve_check(
    vlm: Annotated[str, typer.Argument(metavar="openai:MODEL@URL", help="A model and its server, or URL1,URL2.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    debug: DebugOption = False,
) -> None:
    """Find out what a model's server can do: JSON schema, pictures, context length, tokens a second."""
    from nyxqa.builders.vlm.openai.serve_check import as_json as in_json
    from nyxqa.builders.vlm.openai.serve_check import serve_check as check_servers

    reports = check_servers(vlm)
    sys.stdout.write(in_json(reports) if as_json else "".join(report.text() for report in reports))


for command in (push, export, evaluate, browse, review, report, show, sql, recipe, diff, remove):
    app.command()(command)
into_panels(app)


@cache
def _root() -> Any:
    """All commands with their options; reading them from the functions takes 25 ms."""
    return typer.main.get_command(app)


def run(arguments: list[str]) -> object:
    """Run the command line; what it raises is the caller's to report."""
    return _root()(arguments, standalone_mode=False, prog_name="nyxqa")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its exit code."""
    from nyxqa.guard import guarded

    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(guarded(lambda: run(given), debug="--debug" in given))
