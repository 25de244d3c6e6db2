"""ms-swift's own loader reads the export: it has an environment of its own, since it pins an older transformers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import nyxqa
from nyxqa.schemas.content import PLACEHOLDER
from tests.builders.export.conftest import sides
from tests.support.tiny_dataset import SPLITS, TinyDataset

INTERPRETER = os.environ.get("NYXQA_SWIFT", "")
_READ = """
import json, sys
from swift.dataset import load_dataset
from swift.template import TemplateInputs

def side(one):
    images = [image["path"] if isinstance(image, dict) else image for image in one.images]
    return [one.system or "", [[said["role"], said["content"]] for said in one.messages], images]

out = {}
for split in sys.argv[1:]:
    rows, _ = load_dataset(f"{split}.jsonl", split_dataset_ratio=0.0, strict=True)
    inputs = [TemplateInputs.from_dict(row) for row in rows]
    out[split] = [[side(one) for one in (row.chosen, *row.positive, *row.negative)] for row in inputs]
print(json.dumps(out))
"""


@pytest.mark.slow
@pytest.mark.skipif(not INTERPRETER, reason="NYXQA_SWIFT names no interpreter with ms-swift")
def test_ms_swift_itself_reads_every_row(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out = tmp_path / "swift"
    nyxqa.export(root, "ms-swift", out)
    places = {"HF_HOME": str(tmp_path / "hf"), "MODELSCOPE_CACHE": str(tmp_path / "modelscope")}
    done = subprocess.run(
        [INTERPRETER, "-c", _READ, *SPLITS],
        capture_output=True,
        text=True,
        check=False,
        cwd=out,
        env={**os.environ, **places},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    read = json.loads(done.stdout.splitlines()[-1])
    for split in SPLITS:
        triplets = tiny.rows("triplets", split)
        assert [row[0][0] for row in read[split]] == [row["instruction"] for row in triplets]
        for row, triplet in zip(read[split], triplets, strict=True):
            assert [role for _, messages, _ in row for role, _ in messages] == ["user"] * len(row)
            found = [
                (text.replace("<image>", PLACEHOLDER), [(out / path).read_bytes() for path in paths])
                for _, ((_, text),), paths in row
            ]
            assert found == sides(tiny, triplet)
