"""Datasets on the Hub: their names, the commits these resolve to, and their rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.row import Row
from nyxqa.schemas.errors import UsageError, WorldError, one_line

_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True)
class HubName:
    """``USER/NAME[/CONFIG][@REVISION]``: a dataset on the Hub."""

    name: str
    config: str | None = None
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> HubName:
        """Return the name that ``text`` spells.

        :raises UsageError: If ``text`` has another form.
        """
        path, _, revision = text.partition("@")
        parts = path.split("/")
        if not 1 <= len(parts) <= 3 or not all(parts) or ("@" in text and not revision):
            raise UsageError(f"hf:{text}: expected hf:USER/NAME[/CONFIG][@REVISION]")
        return cls("/".join(parts[:2]), parts[2] if len(parts) == 3 else None, revision or None)

    def pinned(self) -> HubName:
        """Return the name with the commit that its revision (default: the main branch) resolves to now.

        A full commit needs no network.

        :raises WorldError: If the Hub does not answer or does not have the dataset.
        """
        if self.revision is not None and _COMMIT.match(self.revision):
            return self
        import httpx2
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HFValidationError

        try:
            commit = HfApi().dataset_info(self.name, revision=self.revision).sha
        except (httpx2.HTTPError, HFValidationError, OSError) as error:
            line = one_line(error, 300)
            raise WorldError(
                f"cannot resolve hf:{self.name} to a commit: {line}; give one as hf:{self.name}@COMMIT"
            ) from error
        return replace(self, revision=str(commit))


def hub_configs(hub: HubName) -> list[str]:
    """Names of the configs of a dataset.

    :raises WorldError: If the Hub does not answer or does not have the dataset.
    """
    import datasets

    return _asked(hub, lambda: list(datasets.get_dataset_config_names(hub.name, revision=hub.revision)))


def hub_splits(hub: HubName) -> list[str]:
    """Names of the splits of a config.

    :raises WorldError: If the Hub does not answer or does not have the config.
    """
    import datasets

    return _asked(hub, lambda: list(datasets.get_dataset_split_names(hub.name, hub.config, revision=hub.revision)))


def _asked(hub: HubName, question: Callable[[], list[str]]) -> list[str]:
    import datasets
    import httpx2

    try:
        return question()
    except (OSError, ValueError, httpx2.HTTPError, datasets.exceptions.DatasetsError) as error:
        raise WorldError(f"cannot read hf:{hub.name}: {one_line(error, 300)}") from error


def hub_rows(hub: HubName, split: str) -> Iterator[Row | Drop]:
    """Yield the rows of one split, streamed; images are not decoded.

    :raises WorldError: If the Hub does not answer or does not have the dataset or split.
    """
    import datasets
    import httpx2

    try:
        rows = datasets.load_dataset(hub.name, hub.config, split=split, revision=hub.revision, streaming=True)
        rows = rows.decode(False)
        for number, values in enumerate(rows):
            yield Row(hub.name, number, values)
    except (OSError, ValueError, httpx2.HTTPError, datasets.exceptions.DatasetsError) as error:
        raise WorldError(f"cannot read hf:{hub.name}, split {split!r}: {one_line(error, 300)}") from error
