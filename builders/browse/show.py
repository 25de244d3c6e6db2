"""``show``: one item, in a terminal and in a notebook."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from nyxqa.builders.browse.find import find_item
from nyxqa.builders.browse.lineage import lineage
from nyxqa.builders.browse.story import Story, story_of, story_of_row
from nyxqa.builders.report.views import connect
from nyxqa.builders.report.visible import visible
from nyxqa.builders.report.working_texts import texts_of
from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.loading.published import default_folder

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console

# Columns that name a row, and what they name.
_IDS = (("query_id", "question"), ("qa_id", "question"), ("doc_id", "document"), ("item_id", "item"))
_SIDES = ("images", "query", "query_images", "positive", "negatives", "document")
_PICTURES, _SIZE = 12, 160  # pictures that are shown, and their longest side in pixels


class Shown:
    """An item to look at: its text in a terminal, HTML in a notebook.

    :param story: What is known of it.
    :param pictures: Its pictures, as far as the row had them, with what they belong to.
    """

    def __init__(self, story: Story, pictures: tuple[tuple[str, bytes], ...] = ()) -> None:
        self.story = story
        self.pictures = pictures

    def __repr__(self) -> str:
        """The text, 100 columns wide."""
        stream = io.StringIO()
        write_story(self.story, stream, 100)
        return stream.getvalue().rstrip()

    def _repr_html_(self) -> str:
        """The same as HTML; everything in it is escaped."""
        from markupsafe import Markup

        story = self.story
        parts = [Markup("<h4>{}</h4><p>{}</p>").format(story.head, story.fate)]
        for label, data in self.pictures:
            source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
            parts.append(Markup('<img src="{}" title="{}" alt="{}">').format(source, label, label))
        for block in story.blocks:
            rows = Markup("").join(
                Markup("<tr><th>{}</th><td><bdi>{}</bdi></td></tr>").format(name, text) for name, text in block.lines
            )
            title = Markup("<h5>{}</h5>").format(block.title) if block.title else Markup("")
            parts.append(Markup("{}<table>{}</table>").format(title, rows))
        return str(Markup('<div class="nyxqa-show">{}</div>').format(Markup("").join(parts)))


def show(row: Mapping[str, Any] | str, path: str | Path | None = None) -> Shown:
    """What a row is, where it came from and what became of it.

    :param row: A row of ``nyxqa.load`` or of a frame, or an id or its beginning.
    :param path: Folder of the dataset; default ``NYXQA_DATA``, else ``nyxqa_data``. A row that is in no dataset there
        is shown by itself.
    :raises UsageError: If an id is in no row, or begins several ids; or a row has no column of an id.
    :raises FormatError: If an id is given and there is no dataset.
    """
    folder = default_folder() if path is None else Path(path)
    if isinstance(row, str):
        return Shown(tell(folder, row))
    item_id, kind = _named(row)
    pictures = tuple(_thumbnails(row))
    try:
        return Shown(tell(folder, item_id), pictures)
    except (FormatError, UsageError):
        return Shown(story_of_row(f"{kind} {visible(item_id)}", row), pictures)


def show_item(folder: Path, item: str, stream: TextIO) -> None:
    """Write the story of an item of the dataset in ``folder``, as wide as the terminal.

    :raises UsageError: If ``item`` is not the beginning of one id alone.
    :raises FormatError: If there is no dataset, or it does not match its manifest.
    """
    write_story(tell(folder, item), stream)


def tell(folder: Path, item: str) -> Story:
    """The story of the item whose id is or begins with ``item``; raises as ``show_item``."""
    with closing(connect(folder)) as db:
        name = find_item(db, item)
        found = lineage(db, name)
    texts = {} if found.facts else texts_of(folder, name.id, name.kind)
    return story_of(found, texts)


def write_story(story: Story, stream: TextIO, width: int | None = None) -> None:
    """Write a story as text, with colours where ``stream`` is a terminal."""
    from rich.console import Console

    if stream.isatty():
        _print_story(story, Console(file=stream, width=width, highlight=False))
        return
    plain = io.StringIO()  # tables are padded to their width, which no file needs
    _print_story(story, Console(file=plain, width=width, highlight=False))
    stream.writelines(f"{line.rstrip()}\n" for line in plain.getvalue().splitlines())


def _print_story(story: Story, console: Console) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console.print(Text(story.head, "bold"), Text(story.fate), soft_wrap=True)
    for block in story.blocks:
        if block.title:
            console.print(Text(f"\n{block.title}", "bold"))
        if max(len(name) for name, _ in block.lines) > console.width // 3:  # ids: the text goes below them
            for name, text in block.lines:
                console.print(Padding(Text(name, "dim"), (0, 0, 0, 2)))
                console.print(Padding(Text(text), (0, 0, 0, 4)))
            continue
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for name, text in block.lines:
            grid.add_row(Text(f"  {name}", "dim"), Text(text))
        console.print(grid)


def _named(row: Mapping[str, Any]) -> tuple[str, str]:
    for column, kind in _IDS:
        if row.get(column):
            return str(row[column]), kind
    raise UsageError(f"the row has none of the columns {', '.join(column for column, _ in _IDS)}, so it has no name")


def _thumbnails(row: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """PNG files of the first decoded pictures of a row."""
    found = [(side, image) for side in _SIDES for image in _pictures(row.get(side))]
    for side, image in found[:_PICTURES]:
        small = image.convert("RGB")
        small.thumbnail((_SIZE, _SIZE))
        out = io.BytesIO()
        small.save(out, "PNG")
        yield side, out.getvalue()


def _pictures(value: Any) -> Iterator[Image]:
    if isinstance(value, Mapping):
        value = value.get("images")
    for one in value if isinstance(value, list | tuple) else ():
        if isinstance(one, Mapping):
            yield from _pictures(one)
        elif hasattr(one, "thumbnail"):
            yield one
