"""The dataset card: the template ``DATASET_CARD.md`` filled from the manifest, merged with what people wrote in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.report.changes import version_log
from nyxqa.builders.report.funnel import funnel_picture
from nyxqa.builders.report.lines import feedback_lines, has_negatives, judge_lines, probe_line, shortfall_lines
from nyxqa.builders.report.question_figures import figure_lines
from nyxqa.builders.report.review_figures import review_lines
from nyxqa.builders.report.set_reports import report_texts
from nyxqa.builders.vlm.prompt import PROMPT_NAMES, load_prompt
from nyxqa.schemas.card_configs import dataset_configs
from nyxqa.schemas.content import KINDS
from nyxqa.schemas.files import write_bytes
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import TABLES, WEB

CARD = "README.md"
TITLE = "A mixed-modal retrieval dataset"
_TEMPLATE = Path(__file__).parent / "DATASET_CARD.md"
# Parts of the summary that the card shows in sections of their own.
_OWN_SECTION = (
    frozenset(
        ("drops", "mining", "repairs", "overlaps", "outcomes", "probe", "prompts", "feedback", "judge", "reviews")
    )
    | frozenset(
        ("shortfall", "sample_shortfall", "without_negatives", "types", "difficulty", "question_words", "pictures")
    )
    | frozenset(("changes",))
)
_TASK_IDS = ("visual-question-answering", "open-domain-qa", "document-retrieval")  # of the task categories, in order
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LICENSES = {
    "CC0-1.0": "cc0-1.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "CC-BY-SA-3.0": "cc-by-sa-3.0",
}
_FOLDER = "nyxqa_data"  # replaces the folder of the card, whose name is not part of what was built

BEGIN = "<!-- nyxqa: from here to the end mark this card is generated; write above or below -->"
END = "<!-- nyxqa: end -->"
# Keys of the front matter that follow from the data alone; an old value would be wrong for new files.
_DERIVED = ("configs", "size_categories", "language", "license", "dataset_info")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)(?:\r?\n)?^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


def write_card(out: Path, manifest: Manifest) -> None:
    """Write ``README.md`` of the dataset in ``out``; text that people added to the existing one is retained."""
    card = out / CARD
    existing = card.read_text(encoding="utf-8") if card.is_file() else ""
    write_bytes(card, merge_card(existing, render_card(manifest)).encode("utf-8"))


def render_card(manifest: Manifest, location: str = _FOLDER) -> str:
    """The text of the card.

    :param location: Folder or repository that its examples load.
    """
    import jinja2
    import tomli_w
    import yaml

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701 - the card is Markdown
    splits = manifest.splits("triplets")
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        front_matter=yaml.safe_dump(front_matter(manifest), sort_keys=False, allow_unicode=True).rstrip(),
        title=TITLE,
        location=location,
        in_folder=location == _FOLDER,
        first_split="train" if "train" in splits else splits[0],
        versions=manifest.versions,
        seed=manifest.seed,
        tables=_tables(manifest),
        summary={name: counts for name, counts in manifest.summary.items() if name not in _OWN_SECTION},
        drops=manifest.summary["drops"],
        prompts=card_prompts(manifest.summary.get("prompts", {})),
        reports=report_texts(manifest.summary),
        feedback=feedback_lines(manifest.summary["feedback"]) if "feedback" in manifest.summary else [],
        versions_log=version_log(manifest.summary.get("changes", [])),
        reviews={split: review_lines(figures) for split, figures in manifest.summary.get("reviews", {}).items()},
        overlaps=manifest.summary.get("overlaps", {}),
        first_pool=next(iter(manifest.splits("corpus")), WEB),
        has_web=WEB in manifest.splits("corpus"),
        shortfalls=shortfall_lines(manifest),
        has_negatives=has_negatives(manifest),
        judged=judge_lines(manifest),
        evidence=_evidence(manifest.summary["evidence"]),
        outcomes=_outcomes(manifest),
        types=manifest.summary.get("types", []),
        figures=figure_lines(manifest.summary),
        probe=probe_line(manifest.summary.get("probe", {})),
        stages=manifest.stages,
        funnel=funnel_picture(manifest.stages),
        certificate=manifest.certificate,
        deviations=manifest.deviations,
        recipe=tomli_w.dumps(_without_nulls(manifest.recipe)).rstrip(),
    )


def front_matter(manifest: Manifest) -> dict[str, Any]:
    """The front matter of the card, with the keys of the Hub's schema."""
    licenses = {name.partition(": ")[2] for name in manifest.summary["licenses"]}
    tags = sorted({_LICENSES.get(name, "other") for name in licenses if name != "unknown"})
    languages = sorted({name.split("-")[0].lower() for name in manifest.summary["languages"]} - {"unknown"})
    rows = sum(entry.rows for path, entry in manifest.files.items() if path.startswith("data/triplets/"))
    return {
        **({"language": languages} if languages else {}),
        "license": (tags if len(tags) > 1 else tags[0]) if tags else "unknown",
        "pretty_name": TITLE,
        "task_categories": ["visual-question-answering", "question-answering", "text-retrieval"],
        "task_ids": list(_TASK_IDS),
        "tags": ["retrieval", "mixed-modal", *(["hard-negatives"] if has_negatives(manifest) else []), "rag", "nyxqa"],
        "size_categories": [next((name for limit, name in _SIZES if rows < limit), "n>1M")],
        "configs": dataset_configs(manifest),
    }


def _tables(manifest: Manifest) -> list[dict[str, Any]]:
    return [
        {"table": name, "split": split, "rows": sum(manifest.files[path].rows for path in manifest.paths(name, split))}
        for name in TABLES
        for split in manifest.splits(name)
    ]


def _evidence(counts: dict[str, int]) -> str:
    verified = counts.get("verified", 0)
    return "not verified" if not verified else f"{verified} of {sum(counts.values())} questions were verified"


def _outcomes(manifest: Manifest) -> list[dict[str, Any]]:
    return [
        {"split": split, "outcome": outcome, **{kind: kinds.get(kind, 0) for kind in KINDS}}
        for split, outcomes in manifest.summary.get("outcomes", {}).items()
        for outcome, kinds in outcomes.items()
    ]


def _without_nulls(value: Any) -> Any:
    """``value`` without its nulls, which TOML cannot represent."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class CardPrompt:
    """A prompt in the card.

    :param hash: Its short hash, as in column ``prompts`` of table ``qa``.
    :param questions: Published questions that it was used for.
    :param text: Its text; empty if this version of nyxqa has another text under that name.
    """

    name: str
    hash: str
    questions: int
    text: str


def card_prompts(counts: Mapping[str, int]) -> list[CardPrompt]:
    """The prompts of a manifest, in the order in which a build uses them.

    :param counts: ``summary["prompts"]``: questions by ``NAME HASH``.
    """
    prompts = []
    for key, questions in counts.items():
        name, _, short = key.partition(" ")
        known = load_prompt(name) if name in PROMPT_NAMES else None
        prompts.append(CardPrompt(name, short, questions, known.text if known and known.hash == short else ""))
    order = {name: position for position, name in enumerate(PROMPT_NAMES)}
    return sorted(prompts, key=lambda each: (order.get(each.name, len(order)), each.hash))


def merge_card(existing: str, fresh: str) -> str:
    """``fresh`` with the text of ``existing`` around its generated part, and with the keys that people added.

    Lists such as tags are merged; a value that does not follow from the data, such as ``pretty_name``, is taken from
    ``existing``. An existing card without markers is text by people and stays above the generated part.
    """
    old_head, old_body = split_front_matter(existing)
    head, body = split_front_matter(fresh)
    import yaml

    merged = yaml.safe_dump(_merged_head(old_head, head), sort_keys=False, allow_unicode=True).rstrip()
    return f"---\n{merged}\n---\n{_merged_body(old_body, body)}"


def split_front_matter(card: str) -> tuple[dict[str, Any], str]:
    """Front matter and body; front matter that is not a YAML mapping counts as empty."""
    import yaml

    match = _FRONT_MATTER.match(card)
    if match is None:
        return {}, card
    try:
        head = yaml.safe_load(match[1])
    except yaml.YAMLError:
        head = None
    return (head if isinstance(head, dict) else {}), card[match.end() :]


def _merged_head(old: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    merged = dict(fresh)
    for key, value in old.items():
        if key in _DERIVED:
            continue
        own = fresh.get(key)
        if isinstance(own, list) and isinstance(value, list):
            merged[key] = [*own, *(item for item in value if item not in own)]
        else:
            merged[key] = value
    return merged


def _merged_body(old: str, fresh: str) -> str:
    """The body: the generated part of ``fresh`` in the position of the old one."""
    start = old.find(BEGIN)
    if start < 0:
        return f"{old.rstrip()}\n{fresh}" if old.strip() else fresh
    end = old.find(END, start)
    after = old[end + len(END) :] if end >= 0 else "\n"
    first, last = fresh.index(BEGIN), fresh.index(END) + len(END)
    return old[:start] + fresh[first:last] + after
