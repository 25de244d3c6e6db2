"""``load`` from the Hub: what is there now, at the revision asked for, or one clear line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.builders.publish.hub.conftest import write_report
from tests.support.hub_client import Client
from tests.support.hub_server import Fault, HubServer
from tests.support.restamp import rewrite
from tests.support.snippets import fenced

NAME = "ann/set"
ROWS = """
import nyxqa, hashlib
def rows(*place, **more):
    digest = hashlib.sha256()
    for row in nyxqa.load("triplets", *place, split="train", images="bytes", **more):
        digest.update(repr(row).encode())
    return digest.hexdigest()
"""


@pytest.fixture
def pushed(client: Client, fit: Path) -> Path:
    client.push(fit, NAME, "--force")
    return fit


def test_rows_are_those_of_the_folder(client: Client, pushed: Path) -> None:
    local, remote, twice = client.python(
        ROWS + f"result = [rows({str(pushed)!r}), rows({NAME!r}), rows({NAME!r}, revision='main')]"
    )
    assert local == remote == twice


def test_only_files_of_the_table_are_fetched(server: HubServer, client: Client, pushed: Path) -> None:
    server.seen.clear()
    client.python(f"import nyxqa; nyxqa.load('ledger', {NAME!r}); result = 1")
    fetched = {one.path.rpartition("/")[2] for one in server.asked("^GET .*/resolve/")}
    assert fetched == {"manifest.json", "ledger-00000-of-00001.parquet".replace("ledger", "rows")}


def test_new_state_is_seen_and_the_old_one_by_its_revision(server: HubServer, client: Client, pushed: Path) -> None:
    first = server.store.repositories[NAME].refs["refs/heads/main"]
    (tag,) = [ref for ref in server.store.repositories[NAME].refs if "/tags/" in ref]
    old = client.python(ROWS + f"result = rows({NAME!r})")
    rewrite(pushed, "triplets", "train", lambda rows: [row | {"miner": "other"} for row in rows])
    write_report(pushed)
    client.push(pushed, NAME, "--force")
    new, by_commit, by_tag = client.python(
        ROWS
        + f"result = [rows({NAME!r}), rows({NAME!r}, revision={first!r}), "
        + f"rows({NAME!r}, revision={tag.removeprefix('refs/tags/')!r})]"
    )
    assert new != old
    assert by_commit == by_tag == old
    found = client.python(
        f"from nyxqa.builders.report.changes import diff; result = diff('{NAME}@{first}', {str(pushed)!r})"
    )
    assert found["questions"] == {} or all(counts["same"] for counts in found["questions"].values())
    assert found["old"] != found["new"]
    assert found["recipe"] == {}


def test_no_stale_copy_without_the_hub(server: HubServer, client: Client, pushed: Path) -> None:
    commit = server.store.repositories[NAME].refs["refs/heads/main"]
    rows = client.python(ROWS + f"result = rows({NAME!r})")
    server.faults = [Fault("GET|HEAD", "drop", times=99)]
    done = client.attempt(ROWS + f"result = rows({NAME!r})")
    assert "WorldError: dataset ann/set: the Hub cannot be reached" in done.stderr
    assert "may be of an older state" in done.stderr
    assert client.python(ROWS + f"result = rows({NAME!r}, revision={commit!r})") == rows
    assert server.faults[0].times > 90


@pytest.mark.parametrize("status", [500, 503])
def test_server_in_trouble_is_said(server: HubServer, client: Client, pushed: Path, status: int) -> None:
    client.python(ROWS + f"result = rows({NAME!r})")
    server.faults = [Fault("GET|HEAD", "status", status, times=99)]
    done = client.attempt(ROWS + f"result = rows({NAME!r})")
    assert f"WorldError: dataset ann/set: the Hub answered {status}" in done.stderr


def test_gated_set_is_not_served_from_the_cache(server: HubServer, client: Client, pushed: Path) -> None:
    client.python(ROWS + f"result = rows({NAME!r})")
    server.store.repositories[NAME].gated = True
    done = client.attempt(ROWS + f"result = rows({NAME!r})")
    assert "it is gated and this token has no access" in done.stderr
    server.may_read_gated.add("hf_write")
    assert client.python(ROWS + f"result = rows({NAME!r})")


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (f"{NAME!r}, revision='nowhere'", "the revision does not exist"),
        ("'ann/other'", "it does not exist on the Hub"),
    ],
)
def test_what_is_not_there_is_said(client: Client, pushed: Path, place: str, line: str) -> None:
    assert line in client.attempt(ROWS + f"result = rows({place})").stderr


def test_private_set_needs_a_token(client: Client, fit: Path) -> None:
    client.push(fit, NAME, "--force", "--private")
    client.token = None
    assert "hf auth login" in client.attempt(ROWS + f"result = rows({NAME!r})").stderr


def test_full_cache_disk_is_one_line(client: Client, pushed: Path) -> None:
    limited = (
        "import resource; old = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, old[1]))\n"
        "try:\n"
        f"    nyxqa.load('corpus', {NAME!r})\n"
        "except nyxqa.schemas.errors.WorldError as error:\n"
        "    result = str(error)\n"
        "finally:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, old)\n"
    )
    said = client.python("import nyxqa, nyxqa.schemas.errors\n" + limited)
    assert "File too large" in said
    assert "\n" not in said
    assert client.python(f"import nyxqa; result = nyxqa.load('corpus', {NAME!r}, split='web').num_rows") > 0


def test_datasets_reads_it_without_nyxqa(client: Client, pushed: Path) -> None:
    rows, streamed, preview = client.python(
        "from datasets import load_dataset\n"
        f"rows = load_dataset({NAME!r}, 'triplets', split='train')\n"
        f"stream = load_dataset({NAME!r}, 'triplets', split='train', streaming=True)\n"
        f"preview = load_dataset({NAME!r}, split='train')\n"
        "result = [rows['query_id'][:], [row['query_id'] for row in stream], preview[0]['positive']]"
    )
    assert rows == streamed
    assert preview
    assert len(rows) == len(set(rows)) > 0


def test_the_snippets_of_a_pushed_card_run(server: HubServer, client: Client, pushed: Path) -> None:
    text = server.store.repositories[NAME].files()["README.md"].content.decode()
    (code,) = fenced(text, "python")
    (call,) = re.findall(r"`(datasets\.load_dataset\(.*?\))`", text)
    assert NAME in code and NAME in call
    joined, stored = client.python(
        f"import datasets\n{code}\nresult = [triplets[0]['positive']['text'], {call}[0]['text']]"
    )
    assert joined and stored


def test_exported_shards_stream_from_the_hub(server: HubServer, client: Client, pushed: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    done = client.run("export", NAME, "--to", "shards", "--out", out, "--split", "train")
    assert done.returncode == 0, done.stderr
    server.store.create("ann/shards")
    client.python(
        f"import huggingface_hub as h; h.HfApi().upload_folder(folder_path={str(out)!r}, repo_id='ann/shards', "
        "repo_type='dataset'); result = 1"
    )
    ids, width = client.python(
        "from datasets import load_dataset\n"
        "rows = list(load_dataset('ann/shards', split='train', streaming=True))\n"
        "result = [[row['query_id'] for row in rows], "
        "next(image.width for row in rows for side in row['negatives'] for image in side['images'])]"
    )
    assert sorted(ids) == sorted(set(ids))
    assert ids != sorted(ids)
    assert width > 0


def test_rows_that_are_joined_on_access_make_no_repository(
    client: Client, server: HubServer, built_sample: Path
) -> None:
    loaded = f"import nyxqa\nrows = nyxqa.load('triplets', {str(built_sample)!r}"
    done = client.attempt(f"{loaded})\nrows.push_to_hub('ann/rows')")
    assert "rows that are joined on access cannot do push_to_hub: load them whole" in done.stderr
    assert (server.seen, server.store.repositories) == ([], {})
    assert client.python(f"{loaded}, join='whole')\nrows.push_to_hub('ann/rows')\nresult = True")
    assert list(server.store.repositories) == ["ann/rows"]
