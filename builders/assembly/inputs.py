"""The inputs of stage ``assemble``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.question_sets.outputs import SetParts, Sets
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.tables import DATASET

RESULT = "result.json"


@dataclass(frozen=True)
class WebInputs:
    """Outputs of the web builder's stages.

    :param documents: Documents of all splits.
    :param questions: Mined questions by split, in the order train, validation, test.
    :param packs: Folder of the image packs.
    :param seeds: Seeds by split.
    :param judged: Questions with what the model said of their negatives, by split, where they were judged.
    :param updated: Whether questions of a published version are among them.
    """

    documents: StepOutput
    questions: Mapping[str, StepOutput]
    packs: Path
    seeds: Mapping[str, StepOutput] = field(default_factory=dict)
    judged: Mapping[str, StepOutput] = field(default_factory=dict)
    updated: bool = False


@dataclass(frozen=True)
class ReviewOutput:
    """What stage ``review`` made of one split.

    :param rows: Rows of REVIEWED.
    :param figures: JSON file with what the verdicts say about the split.
    """

    rows: StepOutput
    figures: Path


@dataclass(frozen=True)
class Judgements:
    """What stage ``qrels`` judged of one builder's questions of a split.

    :param rows: Rows of JUDGEMENTS.
    :param pool: The pool of a set; "" for pages, whose documents are all published.
    :param found: What each system found in that pool: documents by id and row.
    """

    rows: StepOutput
    pool: str = ""
    found: tuple[StepOutput, ...] = ()


@dataclass(frozen=True)
class Assembly:
    """Everything that decides the published tables.

    :param recipe: The recipe.
    :param splits: Splits to publish, in the order train, validation, test.
    :param web: Outputs of the web builder, if the recipe has one.
    :param sets: Outputs of the question sets and imports.
    :param reviews: What people decided, by split with verdicts.
    :param qrels: Judgements by split, where documents were judged.
    :param ledgers: Outputs of all steps whose ledger rows are published, in the order of the stages.
    """

    recipe: Recipe
    splits: tuple[str, ...]
    web: WebInputs | None
    sets: Sets
    ledgers: tuple[StepOutput, ...]
    reviews: Mapping[str, ReviewOutput] = field(default_factory=dict)
    qrels: Mapping[str, Sequence[Judgements]] = field(default_factory=dict)

    def judged(self) -> dict[str, StepOutput]:
        """Outputs of the steps that judged negatives, by dataset and split."""
        web = {} if self.web is None else {f"{DATASET} {split}": output for split, output in self.web.judged.items()}
        sets = {(part.text.name, part.split): part.judged for part in self.sets.triplets if part.text is not None}
        return web | {" ".join(key): output for key, output in sets.items() if output is not None}

    def packs(self) -> Packs:
        """Readers of the images of all builders."""
        return Packs(self.web.packs if self.web is not None else None, self.sets.triplets)


@dataclass
class Packs:
    """Readers of image packs: those of the web builder, and those of each set by its number in ``Sets.triplets``."""

    web_folder: Path | None
    sets: tuple[SetParts, ...]
    _open: dict[int, PackReader] = field(default_factory=dict)

    def web(self) -> PackReader:
        """Reader of the web builder's images.

        :raises ValueError: If the recipe has no web builder.
        """
        if self.web_folder is None:
            raise ValueError("the recipe has no web builder")
        return self._reader(-1, self.web_folder)

    def of_set(self, number: int) -> PackReader:
        """Reader of the images of one set."""
        part = self.sets[number]
        return self._reader(number, part.packs or part.triplets.folder)

    def _reader(self, number: int, folder: Path) -> PackReader:
        if number not in self._open:
            self._open[number] = PackReader(folder)
        return self._open[number]
