"""The export targets: a name, what it is for, and its writer. A new export is a module and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nyxqa.builders.export.dataset import LeftOut, Source

    Writer = Callable[[Source, Path, LeftOut], None]


@dataclass(frozen=True, slots=True)
class Target:
    """A tool, or way of reading, that a dataset can be exported for.

    :param description: What reads the export, in a few words.
    :param writer: Imports and returns the function that writes it, so that naming the targets stays cheap.
    :param one_negative: Whether a row of the target has one negative.
    :param load: How it is read, in a line, with places for ``folder`` and ``split``.
    :param images: Whether the target has a place for images.
    """

    name: str
    description: str
    writer: Callable[[], Writer]
    one_negative: bool = False
    load: str = "see {folder}/README.md"
    images: bool = True


def _sentence_transformers() -> Writer:
    from nyxqa.builders.export.sentence_transformers import write_sentence_transformers

    return write_sentence_transformers


def _tevatron() -> Writer:
    from nyxqa.builders.export.tevatron import write_tevatron

    return write_tevatron


def _vlm2vec() -> Writer:
    from nyxqa.builders.export.vlm2vec import write_vlm2vec

    return write_vlm2vec


def _beir() -> Writer:
    from nyxqa.builders.export.beir import write_beir

    return write_beir


def _shards() -> Writer:
    from nyxqa.builders.export.shards import write_shards

    return write_shards


def _mteb() -> Writer:
    from nyxqa.builders.export.mteb import write_mteb

    return write_mteb


def _flagembedding() -> Writer:
    from nyxqa.builders.export.flagembedding import write_flagembedding

    return write_flagembedding


def _ms_swift() -> Writer:
    from nyxqa.builders.export.ms_swift import write_ms_swift

    return write_ms_swift


def _mme5() -> Writer:
    from nyxqa.builders.export.mme5 import write_mme5

    return write_mme5


def _flashrag() -> Writer:
    from nyxqa.builders.export.flashrag import write_flashrag

    return write_flashrag


def _colpali() -> Writer:
    from nyxqa.builders.export.colpali import write_colpali

    return write_colpali


_DATASETS = 'datasets.load_dataset("{folder}", split="{split}")'

TARGETS = {
    target.name: target
    for target in (
        Target("sentence-transformers", "trainers of sentence-transformers", _sentence_transformers, load=_DATASETS),
        Target("tevatron", "Tevatron", _tevatron),
        Target("vlm2vec", "VLM2Vec, in the columns of MMEB", _vlm2vec, one_negative=True, load=_DATASETS),
        Target("beir", "BEIR and its readers", _beir, load='GenericDataLoader("{folder}").load("{split}")'),
        Target("mteb", "MTEB, with a task class", _mteb),
        Target("flagembedding", "trainers of FlagEmbedding", _flagembedding, images=False),
        Target("ms-swift", "embedding training of ms-swift", _ms_swift),
        Target("mme5", "mmE5", _mme5, load=_DATASETS),
        Target("flashrag", "FlashRAG", _flashrag, images=False),
        Target("colpali", "colpali-engine: pages as pictures", _colpali),
        Target("shards", "streaming: shuffled, self-contained rows", _shards, load=_DATASETS),
    )
}
