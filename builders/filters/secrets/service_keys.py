"""Patterns of keys of services: those of detect-secrets, and those of services that it does not know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module

# Detectors of detect-secrets by the kind they stand for, with what every such key holds. Left out are those whose
# patterns need no mark of a service, as they take hashes in documentation for keys (Twilio, Artifactory, IBM), and
# that of OpenAI, whose time grows with the square of a text's length.
_DETECTORS = {
    "aws_key": ("aws", "AWSKeyDetector", ("A3T", "ABIA", "ACCA", "AKIA", "ASIA", "aws")),
    "azure_key": ("azure_storage_key", "AzureStorageKeyDetector", ("AccountKey=",)),
    "password_in_url": ("basic_auth", "BasicAuthDetector", ("://",)),
    "discord_token": ("discord", "DiscordBotTokenDetector", (".",)),
    "github_token": ("github_token", "GitHubTokenDetector", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    "gitlab_token": ("gitlab_token", "GitLabTokenDetector", ("gl", "GR1348941")),
    "mailchimp_key": ("mailchimp", "MailchimpDetector", ("-us",)),
    "pypi_token": ("pypi_token", "PypiTokenDetector", ("pypi-Ag",)),
    "sendgrid_key": ("sendgrid", "SendGridDetector", ("SG.",)),
    "slack_token": ("slack", "SlackDetector", ("xox", "hooks.slack.com")),
    "square_secret": ("square_oauth", "SquareOAuthDetector", ("sq0csp-",)),
    "stripe_key": ("stripe", "StripeDetector", ("k_live_",)),
    "telegram_token": ("telegram_token", "TelegramBotTokenDetector", (":",)),
}
_WORD = r"(?<![A-Za-z0-9_-]){}(?![A-Za-z0-9_-])"
_OWN: tuple[tuple[str, str, str], ...] = (
    (
        "aws_key",
        r"(?i:aws|secret_?access_?key).{0,30}?[=:\"'\s](?=[A-Za-z/+]*[0-9])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
        "",
    ),
    ("anthropic_key", _WORD.format(r"sk-ant-[A-Za-z0-9_-]{20,}"), "sk-ant-"),
    ("openai_key", _WORD.format(r"sk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{32,})"), "sk-"),
    ("google_key", _WORD.format(r"AIza[A-Za-z0-9_-]{35}"), "AIza"),
    ("google_key", _WORD.format(r"GOCSPX-[A-Za-z0-9_-]{24,}"), "GOCSPX-"),
    ("google_key", r"\bya29\.[A-Za-z0-9_-]{20,}", "ya29."),
    ("huggingface_token", _WORD.format(r"hf_[A-Za-z0-9]{30,}"), "hf_"),
    ("github_token", _WORD.format(r"github_pat_[A-Za-z0-9_]{22,}"), "github_pat_"),
    ("npm_token", _WORD.format(r"npm_[A-Za-z0-9]{36}"), "npm_"),
    ("stripe_key", _WORD.format(r"(?:[rs]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}"), "_"),
    ("slack_token", _WORD.format(r"(?:xapp|xox[abeoprs])-[A-Za-z0-9-]{20,}"), "x"),
    ("digitalocean_token", _WORD.format(r"do[opr]_v1_[0-9a-f]{64}"), "_v1_"),
    ("shopify_token", _WORD.format(r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"), "shp"),
    ("databricks_token", _WORD.format(r"dapi[0-9a-f]{32}(?:-\d)?"), "dapi"),
    ("groq_key", _WORD.format(r"gsk_[A-Za-z0-9]{40,}"), "gsk_"),
    ("twilio_key", r"(?i:twilio).{0,60}?(?<![A-Za-z0-9])(?:AC|SK)?[0-9a-f]{32}(?![A-Za-z0-9])", ""),
    ("twilio_key", _WORD.format(r"(?:AC|SK)(?=[0-9a-f]*\d)[0-9a-f]{32}"), ""),
    ("telegram_token", _WORD.format(r"\d{8,10}:AA[A-Za-z0-9_-]{33}"), ":AA"),
    ("web_token", r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}", "eyJ"),
    ("azure_key", r"[?&]sig=[A-Za-z0-9%+/]{40,}(?:%3[Dd]|=)?", "sig="),
)


@dataclass(frozen=True)
class Pattern:
    """What a kind of key looks like.

    :param marks: A text without any of these has no such key; none means that it may.
    """

    kind: str
    expression: re.Pattern[str]
    marks: tuple[str, ...]

    def may_be_in(self, text: str) -> bool:
        """Whether it is worth searching."""
        for mark in self.marks:
            if mark in text:
                return True
        return not self.marks


@cache
def service_patterns() -> tuple[Pattern, ...]:
    """All patterns; detect-secrets is imported when they are first asked for."""
    known = [
        Pattern(kind, expression, marks)
        for kind, (module, name, marks) in _DETECTORS.items()
        for expression in getattr(import_module(f"detect_secrets.plugins.{module}"), name).denylist
    ]
    return (*known, *(Pattern(kind, re.compile(text), (mark,) if mark else ()) for kind, text, mark in _OWN))
