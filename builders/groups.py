"""Groups: pages that must share a split because they share a document or a cluster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nyxqa.builders.components import components
from nyxqa.builders.engine.step import Parts


@dataclass(frozen=True)
class Groups:
    """Pages by group and groups by page; a group bears its smallest page_id."""

    pages: dict[str, list[str]]
    of: dict[str, str]


def find_groups(documents: Parts) -> Groups:
    """Join the pages of each document (its own and those of its copies) and of each cluster."""
    links: list[tuple[str, str]] = []
    first_page: dict[str, str] = {}
    pages: set[str] = set()
    for row in documents.rows(["page_id", "cluster", "also_at"]):
        page = row["page_id"]
        pages.add(page)
        links.append((page, first_page.setdefault(row["cluster"], page)))
        links.extend((page, other["page_id"]) for other in row["also_at"])
    pages.update(page for link in links for page in link)
    names = sorted(pages)
    number = {name: index for index, name in enumerate(names)}
    ends = np.array([[number[a], number[b]] for a, b in links if a != b], dtype=np.int64).reshape(-1, 2)
    labels = components(len(names), ends[:, 0], ends[:, 1])
    of = {name: names[label] for name, label in zip(names, labels.tolist(), strict=True)}
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(of[name], []).append(name)
    return Groups(grouped, of)
