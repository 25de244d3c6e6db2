"""Pushes of datasets with findings, and after a take-down."""

from __future__ import annotations

import shlex
from pathlib import Path

from nyxqa.build import run
from nyxqa.builders.runner.removal.remove import remove
from tests.builders.publish.hub.conftest import write_report
from tests.support.hub_client import Client
from tests.support.hub_server import HubServer
from tests.support.pages import page, sentences, write_source

SETTINGS = {"negatives.ranks": [2, 10], "sample.min_tokens": 20, "split.validation": 0, "split.test": 0}
EMAIL = "anna.muster@contoso.com"


def test_findings_are_refused_and_what_was_removed_leaves_the_history(
    server: HubServer, client: Client, tmp_path: Path
) -> None:
    rows = [page(number) for number in range(24)]
    rows[3]["texts"][0] += f" Ask {EMAIL}."
    out = tmp_path / "out"
    run("train", source=f"jsonl:{write_source(tmp_path, rows)}", out=out, workers=1, settings=SETTINGS)
    write_report(out)
    refused = client.run("push", out, "ann/data", "--images", "bytes", "--force")
    assert refused.returncode == 3
    assert "findings of secrets or personal data (" in refused.stderr
    assert EMAIL not in refused.stderr
    assert "\n" not in refused.stderr.strip()
    client.push(out, "ann/data", "--images", "bytes", "--force", "--accept-findings")

    remove(out, urls=["https://example.org/0003"], workers=1)
    write_report(out)
    told = client.push(out, "ann/data", "--images", "bytes", "--force").stdout.splitlines()
    start = told.index("the history of ann/data still holds what was removed; clear it with:")
    commands = [shlex.split(line) for line in told[start + 1 :]]
    repository = server.store.repositories["ann/data"]
    assert len(repository.commits) == 3
    for command in commands:
        if command[:2] == ["python", "-c"]:
            client.python(f"{command[2]}\nresult = None")
        else:
            ask = f"import sys; sys.argv = {command!r}\nfrom huggingface_hub.cli.hf import main\n"
            done = client.attempt(f"{ask}main()")
            assert done.returncode == 0, done.stderr
    assert len(repository.commits) == 1, "the commits before are gone"
    tag = next(name for name in repository.refs if name.startswith("refs/tags/nyxqa-"))
    code = "import nyxqa\nd = nyxqa.load('corpus', 'ann/data', split='web', revision='{}')\nresult = list(d['text'])"
    texts = client.python(code.format(tag.removeprefix("refs/tags/")))
    assert not any(sentence in text for sentence in sentences(3) for text in texts)
    assert any(sentences(4)[0] in text for text in texts)
