from __future__ import annotations

import json
from typing import Any

import pytest

from nyxqa.builders.vlm.openai.messages import Body, Message, body_json

URI = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("message", "rest"),
    [
        ({"role": "user", "content": 'Is "3" < \u00e9\n\\alpha?'}, {"seed": 4}),
        ({"role": "user", "content": "a"}, {}),
        (
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": 'a "b"'},
                    {"type": "image_url", "image_url": {"url": URI}},
                    {"type": "image_url", "image_url": {"url": URI, "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": 'https://a/"b'}},
                ],
            },
            {"temperature": 0.0, "response_format": {"type": "json_object"}},
        ),
    ],
)
def test_the_spliced_json_says_what_the_body_says(message: Message, rest: dict[str, Any]) -> None:
    body = body_json('m "x"', Body(message, json.dumps(rest)))
    assert json.loads(body) == {"model": 'm "x"', "messages": [message], **rest}
