"""A push makes a dataset visible at once, sends each byte once, and keeps what people wrote."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nyxqa.builders.publish.hub.preconditions import require_passed_report
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.writing import file_hash
from tests.builders.publish.hub.conftest import write_report
from tests.support.hub_client import WRITES, Client
from tests.support.hub_server import Fault, HubServer
from tests.support.hub_store import small_blob
from tests.support.restamp import rewrite

NAME = "ann/set"


@pytest.fixture
def pushed(client: Client, fit: Path) -> Path:
    client.push(fit, NAME, "--force")
    return fit


def test_one_commit_holds_all_files_and_is_tagged(server: HubServer, pushed: Path) -> None:
    repository = server.store.repositories[NAME]
    assert len(repository.history) == 1
    manifest = read_manifest(pushed)
    beside = {"manifest.json", "README.md", "report.json", "croissant.json"}
    assert set(repository.files()) == {*manifest.files, *beside}
    croissant = json.loads(repository.files()["croissant.json"].content)
    assert croissant["url"].endswith(f"/datasets/{NAME}")
    for path, entry in manifest.files.items():
        assert repository.files()[path].sha256 == entry.sha256
    (tag,) = [ref for ref in repository.refs if ref.startswith("refs/tags/")]
    assert tag.startswith("refs/tags/nyxqa-")
    assert repository.refs[tag] == repository.refs["refs/heads/main"]


def test_push_without_force_checks_first(server: HubServer, client: Client, fit: Path) -> None:
    client.push(fit, NAME)
    assert len(server.store.repositories[NAME].history) == 1


def test_second_push_sends_no_file(server: HubServer, client: Client, pushed: Path) -> None:
    server.seen.clear()
    assert "the repository has every file already" in client.push(pushed, NAME, "--force").stdout
    assert server.uploads() == []
    assert server.asked("preupload|commit/") == []
    assert len(server.store.repositories[NAME].history) == 1


def test_changed_table_sends_only_its_file(server: HubServer, client: Client, pushed: Path) -> None:
    rewrite(pushed, "ledger", "rows", lambda rows: [row | {"detail": row["detail"] + " again"} for row in rows])
    write_report(pushed)
    server.seen.clear()
    client.push(pushed, NAME, "--force")
    assert len(server.uploads()) == 1
    (ledger,) = read_manifest(pushed).paths("ledger", "rows")
    files = server.store.repositories[NAME].files()
    assert files[ledger].sha256 == read_manifest(pushed).files[ledger].sha256
    assert len(server.store.repositories[NAME].history) == 2


def test_file_that_is_no_longer_listed_goes_and_foreign_files_stay(
    server: HubServer, client: Client, pushed: Path
) -> None:
    repository = server.store.repositories[NAME]
    foreign = {"data/qa/dev-00000-of-00001.parquet": small_blob(b"old"), "notes.txt": small_blob(b"mine")}
    server.store.add_commit(repository, "refs/heads/main", "by hand", {**repository.files(), **foreign})
    assert "removed data/qa/dev-00000-of-00001.parquet" in client.push(pushed, NAME, "--force").stdout
    assert "data/qa/dev-00000-of-00001.parquet" not in repository.files()
    assert repository.files()["notes.txt"].content == b"mine"


def test_existing_card_keeps_its_prose(server: HubServer, client: Client, fit: Path) -> None:
    repository = server.store.create(NAME)
    card = "---\npretty_name: Flags\ntags: [flags]\nviewer: false\nlicense: mit\n---\n# Our flags\n\nRead me first.\n"
    server.store.add_commit(repository, "refs/heads/main", "card", {"README.md": small_blob(card.encode())})
    client.push(fit, NAME, "--force")
    text = repository.files()["README.md"].content.decode()
    assert text.index("Read me first.") < text.index("## Load")
    assert "pretty_name: Flags" in text
    assert "- flags" in text
    assert "viewer: false" in text
    assert "license: cc0-1.0" in text
    client.push(fit, NAME, "--force")
    assert repository.files()["README.md"].content.decode() == text


def test_private_branch_and_pull_request(server: HubServer, client: Client, fit: Path) -> None:
    client.push(fit, NAME, "--private", "--revision", "next", "--force")
    repository = server.store.repositories[NAME]
    assert repository.private
    assert repository.files() == {}
    assert "manifest.json" in repository.files("next")
    done = client.push(fit, NAME, "--create-pr", "--force")
    assert "is at refs/pr/1" in done.stdout
    assert "manifest.json" in repository.files("refs/pr/1")
    assert repository.files() == {}


def test_dry_run_makes_nothing(server: HubServer, client: Client, fit: Path) -> None:
    done = client.push(fit, NAME, "--dry-run", "--force")
    assert "would send manifest.json" in done.stdout
    assert server.store.repositories == {}
    assert server.asked("^(POST|PUT)") == []


def test_dry_run_needs_no_token(server: HubServer, client: Client, fit: Path) -> None:
    """Of an absent or private dataset every file is told, of a public one those that it lacks."""
    unseen = f"without a token the Hub shows no dataset {NAME}: it does not exist yet, or is private"
    client.token = None
    done = client.run("push", fit, NAME, "--dry-run", "--force")
    assert done.returncode == 0, done.stderr
    assert unseen in done.stderr
    everything = done.stdout.splitlines()
    assert "would send manifest.json" in everything
    assert client.run("push", fit, NAME, "--force").returncode == 1
    client.token = WRITES
    client.push(fit, NAME, "--private", "--force")
    client.token = None
    done = client.run("push", fit, NAME, "--dry-run", "--force")
    assert (done.returncode, done.stdout.splitlines()) == (0, everything)
    assert unseen in done.stderr
    server.store.repositories[NAME].private = False
    done = client.run("push", fit, NAME, "--dry-run", "--force")
    plan, *rest = done.stdout.splitlines()
    assert plan.startswith("would send ")
    assert (done.returncode, rest, done.stderr) == (0, ["the repository has every file already"], "")
    client.token = WRITES[::-1]
    assert client.run("push", fit, NAME, "--dry-run", "--force").returncode == 1


@pytest.mark.parametrize("offline", ["0", "1"])
def test_dry_run_needs_neither_report_nor_hub(fit: Path, offline: str) -> None:
    (fit / "report.json").unlink()
    away = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": offline}
    variables = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}
    command = [sys.executable, "-m", "nyxqa", "push", str(fit), NAME, "--dry-run"]
    done = subprocess.run(command, env={**variables, **away}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    plan, hub = done.stdout.splitlines()
    files = len(read_manifest(fit).files) + 3  # manifest, card and croissant.json
    assert re.fullmatch(rf"would send {files} files, \d+\.\d MB, licence cc0-1\.0; checks: not run", plan)
    assert hub == "(Hub not reachable)"


def test_the_page_is_sent_when_asked_for(server: HubServer, client: Client, fit: Path) -> None:
    client.push(fit, NAME, "--force")
    repository = server.store.repositories[NAME]
    assert "report.html" not in repository.files()
    done = client.push(fit, NAME, "--force", "--report")
    assert re.search(r"sent 1 file, 0\.\d MB: ann/set is at \w+, tag nyxqa-", done.stdout)
    assert repository.files()["report.html"].sha256 == file_hash(fit / "report.html")
    assert "removed report.html" in client.push(fit, NAME, "--force").stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["bad name"], "is not the name of a Hub repository"),
        ([NAME, "--create-pr", "--revision", "next"], "leave out --revision"),
        ([NAME, "--revision", "0" * 40], "is a commit"),
    ],
)
def test_what_the_command_line_shows_is_wrong_exits_2(
    client: Client, fit: Path, arguments: list[str], line: str
) -> None:
    done = client.run("push", fit, *arguments, "--force")
    assert (done.returncode, done.stdout) == (2, "")
    assert line in done.stderr


def test_lost_table_is_refused_even_with_force(server: HubServer, client: Client, fit: Path) -> None:
    (path,) = read_manifest(fit).paths("qa", "train")
    (fit / path).unlink()
    assert client.run("push", fit, NAME).returncode == 3
    done = client.run("push", fit, NAME, "--force")
    assert done.returncode == 1
    assert "build the dataset again" in done.stderr
    assert server.store.repositories == {}


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (None, "it has no report.json"),
        ('{"passed": false}', "does not say that it passed"),
        ('{"passed": "yes"}', "does not say that it passed"),
        ('{"passed": true, "manifest_sha256": "00"}', "is about other bytes"),
        ('{"passed": true}', "is about other bytes"),
        ("{}", "does not say that it passed"),
        ("[1]", "is not a JSON object"),
        ("[", "is not JSON"),
    ],
)
def test_report_must_have_passed_on_these_bytes(fit: Path, report: str | None, line: str) -> None:
    require_passed_report(fit)
    path = fit / "report.json"
    path.unlink() if report is None else path.write_text(report)
    with pytest.raises(LawError, match=line):
        require_passed_report(fit)


def test_images_of_unknown_licence_must_be_meant(server: HubServer, client: Client, fit: Path) -> None:
    rewrite(fit, "corpus", "web", lambda rows: [row | {"license": None} for row in rows])
    done = client.run("push", fit, NAME, "--force")
    assert done.returncode == 2
    assert "--images urls" in done.stderr
    assert server.store.repositories == {}
    client.push(fit, NAME, "--force", "--images", "bytes")
    done = client.run("push", fit, NAME, "--force", "--images", "urls")
    assert done.returncode == 2
    assert "has no http address" in done.stderr


def test_public_repository_is_not_taken_for_a_private_one(server: HubServer, client: Client, fit: Path) -> None:
    server.store.create(NAME)
    done = client.run("push", fit, NAME, "--private", "--force")
    assert done.returncode == 1
    assert "exists and is public" in done.stderr


def test_interrupted_push_sends_the_rest(server: HubServer, client: Client, fit: Path) -> None:
    server.faults = [Fault("POST .*/preupload/", "status", 403, times=0), Fault("POST .*/commit/", "status", 400)]
    done = client.run("push", fit, NAME, "--force")
    assert done.returncode == 1
    assert server.store.repositories[NAME].files() == {}
    sent = len(server.uploads())
    assert sent == len(read_manifest(fit).files)
    client.push(fit, NAME, "--force")
    assert len(server.uploads()) == sent
    assert len(server.store.repositories[NAME].history) == 1
