"""The help of the command line: commands in panels, version, completion of recipe keys."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nyxqa.guard import Interrupted

PANELS = {
    "Make": ("build", "feedback", "train", "improve"),
    "Look": ("report", "browse", "review", "show", "sql", "check", "evaluate", "recipe", "serve-check", "diff"),
    "Use": ("push", "export", "remove"),
}
FIRST = "First: nyxqa build --split train"
_ORDER = [name for names in PANELS.values() for name in names]


class Commands(TyperGroup):
    """The commands, panel by panel, with Ctrl-C left to the guard."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the panels; one of no panel comes last."""
        return sorted(
            super().list_commands(ctx), key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER)
        )

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Interrupted from error


def into_panels(app: typer.Typer) -> None:
    """Put every command of ``app`` into its panel."""
    panel_of = {name: panel for panel, names in PANELS.items() for name in names}
    for command in app.registered_commands:
        name = str(command.name or getattr(command.callback, "__name__", ""))
        command.rich_help_panel = panel_of.get(name, "Look")


def _print_version(asked: bool) -> None:
    if asked:
        from nyxqa.schemas.version import VERSION

        sys.stdout.write(f"nyxqa {VERSION}\n")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
]


def complete_key(incomplete: str) -> list[str]:
    """Keys of a recipe that begin with ``incomplete``, each ready for its value."""
    from nyxqa.schemas.recipe_text import recipe_keys

    return [f"{key}=" for key in recipe_keys() if key.startswith(incomplete)]


SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        autocompletion=complete_key,
        help="Change one recipe value: chunk.max_tokens=300; repeatable. All keys: nyxqa recipe",
    ),
]
