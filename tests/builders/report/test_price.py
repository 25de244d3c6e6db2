from __future__ import annotations

import json

import pytest

from nyxqa.builders.report.estimate import Cost, Estimate
from nyxqa.builders.report.price import Price
from nyxqa.cli import main
from nyxqa.schemas.errors import UsageError

ESTIMATE = Estimate("openai:m", {("train", "verify"): Cost(10, 2_000_000, 500_000, 3)})


def test_an_estimate_says_what_its_tokens_cost() -> None:
    price = Price.parse("0.4,1.6")
    assert "cost at most 1.60 (0.4 and 1.6 for a million tokens)" in ESTIMATE.text(price)
    assert json.loads(ESTIMATE.json(price))["estimate"]["cost"] == 1.6
    assert "cost" not in ESTIMATE.text()
    assert "cost" not in json.loads(ESTIMATE.json())["estimate"]


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "-1,2", "nan,1", "inf,1"])
def test_a_price_is_two_numbers(text: str) -> None:
    with pytest.raises(UsageError, match=r"is not IN,OUT"):
        Price.parse(text)


def test_a_price_without_an_estimate_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["build", "--split", "train", "--price", "1,2"])
    assert ended.value.code == 2
    assert "give --estimate as well" in capsys.readouterr().err
