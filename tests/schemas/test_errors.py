from __future__ import annotations

import pytest

from nyxqa.schemas.errors import first_line, one_line


@pytest.mark.parametrize(
    ("said", "whole", "first"),
    [
        ("no such\n  file ", "no such file", "no such"),
        ("\nlate", "late", "late"),
        (" \n", "OSError", "OSError"),
        ("", "OSError", "OSError"),
    ],
)
def test_an_error_is_told_on_one_line(said: str, whole: str, first: str) -> None:
    error = OSError(said)
    assert (one_line(error), first_line(error)) == (whole, first)


def test_a_long_error_is_cut() -> None:
    assert one_line(ValueError("ab \n cd"), 4) == "ab c"
