"""What stands at the root for those who find the project."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

import nyxqa

ROOT = Path(__file__).parents[1]


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == nyxqa.__version__
    assert {"cff-version", "message", "title", "authors", "license"} <= citation.keys()
    assert "2510.17354" in str(citation["references"])


def test_the_changelog_has_this_version() -> None:
    newest = re.search("^## (.*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest and nyxqa.__version__ in newest[1]


def test_issue_templates_are_forms() -> None:
    forms = [file for file in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if file.name != "config.yml"]
    assert len(forms) >= 3
    for file in forms:
        form = yaml.safe_load(file.read_text())
        assert form["name"] and form["description"]
        assert all(part["type"] in ("textarea", "input") and part["attributes"]["label"] for part in form["body"])


def test_what_is_declared_is_pinned() -> None:
    """Every package of the base and of the extras that CI installs stands in constraints.txt."""
    text = (ROOT / "pyproject.toml").read_text()
    base, extras = text.split("[project.optional-dependencies]")
    declared = re.findall(r'"([A-Za-z0-9_-]+)[><=]=', base.split("dependencies = [")[1] + extras.split("\nslow")[0])
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").open()}
    assert declared
    assert [name for name in declared if name.lower().replace("_", "-") not in pinned] == []
