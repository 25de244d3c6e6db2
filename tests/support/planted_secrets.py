"""Made-up secrets of 20 kinds, none of them real, and sentences that hold them."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

_ALNUM, _HEX = string.ascii_letters + string.digits, "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits
_NAMES = ("anna.muster", "j.doe42", "m_okafor", "li.wei", "sofia-brandt", "tkowalski", "r.patel", "emma.l")
_HOSTS, _ENDS = ("db", "ci", "vault", "wiki"), ("corp", "internal", "lan", "local")
_DOMAINS = ("contoso.com", "fabrikam.de", "northwind.co.uk", "acme-labs.io", "tailspin.fr")


def _some(pick: random.Random, letters: str, count: int) -> str:
    return "".join(pick.choice(letters) for _ in range(count))


def _key_block(pick: random.Random) -> str:
    kind = pick.choice(["RSA ", "EC ", "OPENSSH ", ""])
    lines = "\n".join(_some(pick, _ALNUM + "+/", 64) for _ in range(6))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


def _phone(pick: random.Random) -> str:
    number = _some(pick, string.digits, 7)
    return pick.choice(
        [
            f"+49 30 {number}",
            f"+1 {pick.randint(201, 989)} {pick.randint(200, 999)} {pick.randint(1000, 9999)}",
            f"({pick.randint(201, 989)}) {pick.randint(200, 999)}-{pick.randint(1000, 9999)}",
            f"+44 20 7946 {pick.randint(1000, 9999)}",
        ]
    )


def _address(pick: random.Random) -> str:
    start = pick.choice(["10", "192.168", "172.20"])
    return ".".join([start, *(str(pick.randint(2, 250)) for _ in range(4 - len(start.split("."))))])


KINDS: dict[str, Callable[[random.Random], str]] = {
    "aws": lambda p: f"AKIA{_some(p, _UPPER, 16)}",
    "github": lambda p: f"ghp_{_some(p, _ALNUM, 36)}",
    "gitlab": lambda p: f"glpat-{_some(p, _ALNUM, 20)}",
    "slack": lambda p: f"xoxb-{_some(p, string.digits, 12)}-{_some(p, string.digits, 12)}-{_some(p, _ALNUM, 24)}",
    "stripe": lambda p: f"sk_live_{_some(p, _ALNUM, 24)}",
    "google": lambda p: f"AIza{_some(p, _ALNUM + '_-', 34)}x",
    "openai": lambda p: f"sk-proj-{_some(p, _ALNUM, 48)}",
    "anthropic": lambda p: f"sk-ant-api03-{_some(p, _ALNUM, 80)}",
    "huggingface": lambda p: f"hf_{_some(p, string.ascii_letters, 34)}",
    "npm": lambda p: f"npm_{_some(p, _ALNUM, 36)}",
    "pypi": lambda p: f"pypi-AgEIcHlwaS5vcmc{_some(p, _ALNUM, 90)}",
    "sendgrid": lambda p: f"SG.{_some(p, _ALNUM, 22)}.{_some(p, _ALNUM, 43)}",
    "telegram": lambda p: f"{p.randint(10**8, 10**9)}:AA{_some(p, _ALNUM, 33)}",
    "jwt": lambda p: f"eyJ{_some(p, _ALNUM, 30)}.eyJ{_some(p, _ALNUM, 60)}.{_some(p, _ALNUM, 43)}",
    "private key": _key_block,
    "password in a URL": lambda p: f"https://{p.choice(['root', 'ci'])}:{_some(p, _ALNUM, 14)}@git.contoso.com/x",
    "email": lambda p: f"{p.choice(_NAMES)}@{p.choice(_DOMAINS)}",
    "phone": _phone,
    "internal host": lambda p: f"{p.choice(_HOSTS)}{p.randint(1, 9)}.{p.choice(['prod', 'eu'])}.{p.choice(_ENDS)}",
    "internal address": _address,
}
_SENTENCES = (
    "To reproduce the figure we logged in with {} and waited for the index.",
    "See {} for details of the second experiment.",
    "The value was set to {} before the run.",
    "Screenshot of the settings page that shows {} beside the chart",
)


def planted(count: int, seed: int = 0) -> list[tuple[str, str, str]]:
    """``count`` secrets, the kinds in turn: kind, secret and the sentence that holds it."""
    pick = random.Random(seed)
    names = list(KINDS)
    found = []
    for number in range(count):
        kind = names[number % len(names)]
        secret = KINDS[kind](pick)
        found.append((kind, secret, _SENTENCES[(number // len(names)) % len(_SENTENCES)].format(secret)))
    return found
