"""A trained folder on the Hub: whole, without checkpoints and without a path of this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.hub_client import Client
from tests.support.hub_server import HubServer

NAME = "ann/retriever"


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """The files that training leaves, small."""
    folder = tmp_path / "mine"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "1_Pooling").mkdir()
    (folder / "checkpoints" / "step-00000002.pt").write_bytes(b"state")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("private")
    (folder / "1_Pooling" / "config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    base = str(tmp_path / "models" / "base-3b")
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base, "r": 8}))
    (folder / "embedder.toml").write_text(f'pooling = "last"\nbase = "{base}"\n')
    (folder / "README.md").write_text('---\nlicense: other\n---\nAutoModel.from_pretrained("base-3b"), "FOLDER"\n')
    return folder


def stored(server: HubServer, name: str) -> str:
    content = server.store.content(server.store.repositories[NAME].files()[name])
    return (content if isinstance(content, bytes) else content.read_bytes()).decode()


def test_a_trained_folder_names_no_path_of_this_machine(server: HubServer, client: Client, trained: Path) -> None:
    done = client.run("push", trained, NAME)
    assert done.returncode == 0, done.stderr
    assert "is published as 'base-3b'; name it as on the Hub with --base USER/NAME" in done.stderr
    repository = server.store.repositories[NAME]
    assert len(repository.history) == 1
    assert set(repository.files()) == {
        *("README.md", "adapter_config.json", "adapter_model.safetensors", "embedder.toml", "1_Pooling/config.json"),
    }
    assert json.loads(stored(server, "adapter_config.json"))["base_model_name_or_path"] == "base-3b"
    assert all(str(trained.parent) not in stored(server, name) for name in ("embedder.toml", "README.md"))
    assert '"ann/retriever"' in stored(server, "README.md")
    again = client.run("push", trained, NAME, "--base", "org/base-3B")
    assert again.returncode == 0 and again.stderr.count("--base USER/NAME") == 0
    assert json.loads(stored(server, "adapter_config.json")) == {"base_model_name_or_path": "org/base-3B", "r": 8}
    assert 'base = "org/base-3B"' in stored(server, "embedder.toml")
    assert 'from_pretrained("org/base-3B")' in stored(server, "README.md")


def test_dry_run_sends_nothing(server: HubServer, client: Client, trained: Path) -> None:
    done = client.run("push", trained, NAME, "--dry-run")
    assert done.returncode == 0
    assert "would send adapter_model.safetensors" in done.stdout
    assert NAME not in server.store.repositories


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (("--base", "/home/ann/base"), "--base '/home/ann/base' is not the name of a Hub repository"),
        (("--force",), "is a trained model, which has neither images nor checks"),
    ],
)
def test_what_does_not_fit_a_model_is_refused(
    options: tuple[str, ...], wrong: str, client: Client, trained: Path
) -> None:
    done = client.run("push", trained, NAME, *options)
    assert done.returncode == 2
    assert wrong in done.stderr


def test_a_link_out_of_the_folder_is_not_sent(client: Client, trained: Path) -> None:
    (trained / "secret.json").symlink_to("/etc/hostname")
    done = client.run("push", trained, NAME)
    assert done.returncode == 1
    assert "secret.json is a link out of the model's folder" in done.stderr
