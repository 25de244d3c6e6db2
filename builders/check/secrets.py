"""Checks of what must not be in a dataset: secrets, personal data, and leaks between splits (the certificate)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from nyxqa.builders.check.context import CheckContext
from nyxqa.builders.dedup.certificate import certify
from nyxqa.builders.engine.workdir import scratch_folder
from nyxqa.builders.filters.secrets.detect import find
from nyxqa.builders.formatting import listed
from nyxqa.schemas.errors import first_line
from nyxqa.schemas.recipe import Dedup

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

LEAK_CHECKS = ("certificate", "certificate_of_manifest")


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


def check_leaks(context: CheckContext) -> None:
    """Check that every count is zero and equals the one in the manifest."""
    if not context.ready(("corpus", "qa", "triplets"), *LEAK_CHECKS):
        return
    if context.incomplete:
        context.findings.skip(f"null where no null may be, in {min(context.incomplete)}", *LEAK_CHECKS)
        return
    scratch = scratch_folder(context.out)
    try:
        settings = Dedup.model_validate(context.manifest.recipe.get("dedup", {}))
    except ValidationError as error:
        context.findings.skip(f"the manifest's recipe is not valid: dedup: {first_line(error)}", *LEAK_CHECKS)
        return
    try:
        counts = certify(context.out, context.manifest.files, settings, scratch)
    except OSError as error:
        context.findings.skip(f"{scratch} cannot be written: {error.strerror or error}", *LEAK_CHECKS)
        return
    recorded = context.manifest.certificate
    for name, count in counts.items():
        if count:
            context.findings.fail("certificate", f"{name}: {count}")
    for name in sorted(counts.keys() | recorded.keys()):
        if counts.get(name) != recorded.get(name):
            line = f"{name}: {recorded.get(name, 'absent')} in the manifest, {counts.get(name, 'absent')} in the tables"
            context.findings.fail("certificate_of_manifest", line)
