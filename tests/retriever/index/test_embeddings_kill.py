import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from nyxqa.retriever.index.embeddings import Embeddings

CODE = """
import sys, time, pathlib
import numpy as np
from nyxqa.retriever.index import embeddings

class Slow:
    dimensions = 2
    def encode(self, texts):
        with open(sys.argv[2], "a") as log:
            log.write(" ".join(texts) + "\\n")
        time.sleep(float(sys.argv[3]))
        return np.array([[int(text), 1] for text in texts], dtype=np.float32)

embeddings.SHARD_ROWS = 4
rows = ((f"id{n}", str(n)) for n in range(40))
embeddings.write_embeddings(rows, pathlib.Path(sys.argv[1]), "f", lambda: [Slow()])
"""


def start(folder: Path, log: Path, pause: float) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", CODE, str(folder), str(log), str(pause)], env=environment)


def test_killed_while_encoding_no_whole_shard_is_encoded_twice(tmp_path: Path) -> None:
    folder, log = tmp_path / "vectors", tmp_path / "log"
    process = start(folder, log, 0.1)
    journal = folder / "journal.jsonl"
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    whole = journal.read_bytes().count(b"\n")
    started = log.read_text().splitlines()
    assert whole < 10
    assert start(folder, log, 0.0).wait() == 0
    again = log.read_text().splitlines()[len(started) :]
    assert not set(started[:whole]) & set(again)
    assert len(again) == 10 - whole
    stored = np.concatenate([np.array(shard) for _, shard in Embeddings(folder, "f").shards()])
    assert stored[:, 0].tolist() == list(range(40))
