"""Which words are common in a pool, so that they occur in a document by accident."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# A word in more documents than this, and in more than this share of the pool's, is common.
MIN_DOCUMENTS = 5
SHARE = 0.005
# Documents that are counted; of a larger pool a fixed part, so that memory is bounded.
SAMPLE = 20_000
_ID_DIGITS = 12  # of a ``doc_id``, which is a hash; they choose the part


@dataclass(frozen=True)
class CommonWords:
    """The common words of a pool.

    :param total: Documents that were counted.
    :param counts: Documents with each common word.
    """

    total: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    def is_common(self, word: str) -> bool:
        """Whether a folded word is common."""
        return word in self.counts

    def weight(self, word: str) -> float:
        """Inverse document frequency of a folded word; of a rare one, that of the rarest common word."""
        return math.log((self.total + 1) / (self.counts.get(word, common_bound(self.total)) + 1))


def common_bound(total: int) -> int:
    """Documents, of ``total``, in which a word may be without being common."""
    return max(MIN_DOCUMENTS, int(total * SHARE))


def sampled(doc_id: str, total: int) -> bool:
    """Whether a document of a pool of ``total`` is counted."""
    return int(doc_id[:_ID_DIGITS], 16) % -(-max(total, 1) // SAMPLE) == 0


def count_common_words(documents: Iterable[str]) -> CommonWords:
    """The common words of folded documents (``fold_document``)."""
    counts: Counter[str] = Counter()
    total = 0
    for folded in documents:
        total += 1
        counts.update(set(folded.split()))
    bound = common_bound(total)
    return CommonWords(total, {word: count for word, count in sorted(counts.items()) if count > bound})
