import json
from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.question_sets.importers.repair import parse_list


@pytest.mark.parametrize(
    ("value", "items", "parsed"),
    [
        (None, [], False),
        ("", [], False),
        ("plain text", ["plain text"], False),
        ("['a', \"b's\", '']", ["a", "b's", ""], True),
        ("('a', 'b')", ["a", "b"], True),
        ('["a", null, "\\u00e9"]', ["a", None, "é"], True),
        ("[]", [], True),
        ("[['x.jpg'], []]", [["x.jpg"], []], True),
        ("'one string'", ["one string"], True),
        ('"To be or not"', ['"To be or not"'], False),
        ("[1] as cited", ["[1] as cited"], False),
        ("[1, 2]", ["[1, 2]"], False),
        ("(an aside)", ["(an aside)"], False),
        ("[" * 5000, ["[" * 5000], False),
        (["a", "b"], ["a", "b"], False),
        (("a",), ["a"], False),
        ({"bytes": b"x"}, [{"bytes": b"x"}], False),
    ],
)
def test_cells(value: Any, items: list[Any], parsed: bool) -> None:
    assert parse_list(value) == (items, parsed)


# The Nyx code calls eval() on dataset strings.
@pytest.mark.parametrize(
    "template",
    [
        "__import__('pathlib').Path({path}).touch()",
        "[__import__('pathlib').Path({path}).touch()]",
        "['a', open({path}, 'w')]",
        "(lambda: open({path}, 'w'))()",
        "[*map(open, [{path}], ['w'])]",
        '{{"a": open({path}, "w")}}',
    ],
)
def test_a_malicious_string_is_text_and_never_run(tmp_path: Path, template: str) -> None:
    target = tmp_path / "run"
    code = template.format(path=json.dumps(str(target)))
    assert parse_list(code) == ([code], False)
    assert not target.exists()
