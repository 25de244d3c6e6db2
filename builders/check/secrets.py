"""Look for secrets and personal data in the texts of a dataset; what is found is told, and fails no check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from nyxqa.builders.check.context import CheckContext
from nyxqa.builders.filters.secrets.detect import find
from nyxqa.builders.formatting import listed

SECRETS = "secrets"
# Columns of texts; the first column says which row it is.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "corpus": ("doc_id", "text", "title", "section", "url", "captions", "image_urls", "external_id"),
    "qa": ("qa_id", "question", "answer", "answers", "answer_long", "choices", "evidence", "nuggets"),
    "triplets": ("query_id", "query", "answers", "instruction"),
    "qrels": ("query_id", "by"),  # spans are places in texts of corpus
    "feedback": ("query_id", "candidates", "closed_book"),
    "ledger": ("item_id", "detail"),
}
_SEEN = 100_000  # texts that are not searched again, such as titles that documents share


def check_secrets(context: CheckContext) -> None:
    """Record how many findings there are, of which kinds, and the first rows that hold one, without what they hold."""
    tables = [name for name in _COLUMNS if name not in context.unreadable and context.manifest.splits(name)]
    if not tables:
        context.findings.skip("no table with texts can be read", SECRETS)
        return
    context.findings.begin(SECRETS)
    kinds: Counter[str] = Counter()
    for name in tables:
        clean: set[str] = set()
        for split, row in context.keys(name, _COLUMNS[name]):
            own = [kind for text in _texts(row[1:]) for kind in _kinds(text, clean)]
            if own:
                kinds.update(own)
                context.findings.tell(SECRETS, f"{name} {split} {row[0]} ({listed(dict(Counter(own)))})", len(own))
    if kinds:
        context.findings.note(SECRETS, listed(dict(kinds.most_common())))


def _kinds(text: str, clean: set[str]) -> list[str]:
    if text in clean:
        return []
    found = [kind for kind, _, _ in find(text)]
    if not found and len(clean) < _SEEN:
        clean.add(text)
    return found


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value of a column, in those that it is made of as well."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(tuple(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
