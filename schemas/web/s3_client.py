"""A client of S3: its settings from the environment of AWS, and its errors in one line."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping
from configparser import ConfigParser, Error
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nyxqa.schemas.errors import UsageError, WorldError, first_line, missing_extra

if TYPE_CHECKING:
    from obstore.store import S3Store

_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
# Variables by which a task in a container, or a web identity, gets its credentials; the client reads them itself.
_ELSEWHERE = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_METADATA = "169.254.169.254"  # where a machine of AWS asks for its own credentials
_METADATA_WAIT = 1.0  # seconds
_TIMEOUT = timedelta(seconds=60)  # of one request
# Errors that may pass (no connection, status 429 and 5xx) are repeated for about 20 s.
RETRIES = 10
_FIRST_WAIT = 0.2  # seconds
_LONGEST_WAIT = 5.0
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_STATUS = re.compile(r"non-2xx status code: (\d{3})")
NO_CREDENTIALS = (
    "no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; "
    "AWS_SKIP_SIGNATURE=true reads public buckets without"
)


def library() -> ModuleType:
    """The client's library.

    :raises UsageError: If the extra ``s3`` is not installed.
    """
    try:
        import obstore
    except ImportError as error:
        raise missing_extra("obstore", "s3") from error
    return obstore


def client(bucket: str) -> S3Store:
    """The client for a bucket, one for each process and environment.

    :raises UsageError: If the extra ``s3`` is not installed, or AWS_PROFILE names no profile with keys.
    :raises WorldError: If there are no credentials.
    """
    library()
    return _client(
        bucket, RETRIES, tuple(sorted((n, v) for n, v in os.environ.items() if n.startswith(("AWS_", "HOME"))))
    )


@lru_cache
def _client(bucket: str, tries: int, environment: tuple[tuple[str, str], ...]) -> S3Store:
    from obstore.store import S3Store

    variables = dict(environment)
    profile = _profile(variables)
    endpoint = (
        variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL") or profile.get("endpoint_url") or None
    )
    settings: dict[str, Any] = {
        "region": variables.get("AWS_REGION")
        or variables.get("AWS_DEFAULT_REGION")
        or profile.get("region")
        or "us-east-1"
    }
    if endpoint is not None:
        settings["endpoint"] = endpoint
    if not variables.get("AWS_ACCESS_KEY_ID"):
        settings |= {name: profile[name] for name in _KEYS if name in profile}
        if "aws_access_key_id" not in settings:
            _require_others(variables)
    retries: Any = {
        "max_retries": tries,
        "retry_timeout": timedelta(seconds=60),
        "backoff": {
            "init_backoff": timedelta(seconds=_FIRST_WAIT),
            "max_backoff": timedelta(seconds=_LONGEST_WAIT),
            "base": 2,
        },
    }
    plain = (endpoint or "").startswith("http://")
    options: Any = {"allow_http": plain, "timeout": _TIMEOUT, "connect_timeout": timedelta(seconds=10)}
    return S3Store(bucket, client_options=options, retry_config=retries, **settings)


def _profile(variables: Mapping[str, str]) -> dict[str, str]:
    """The values of the profile that AWS_PROFILE names, ``default`` without it; empty if there is none of that name.

    :raises UsageError: If AWS_PROFILE names a profile that is in no file, or has no keys of its own.
    """
    home = Path(variables.get("HOME", "/"))
    name = variables.get("AWS_PROFILE", "default")
    values: dict[str, str] = {}
    for variable, file, section in (
        ("AWS_CONFIG_FILE", "config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", name),
    ):
        path = Path(variables.get(variable, home / ".aws" / file))
        parser = ConfigParser(interpolation=None, default_section="")
        try:
            parser.read(path, encoding="utf-8")
        except (Error, UnicodeDecodeError) as error:
            raise UsageError(f"{path} cannot be read: {first_line(error)}") from error
        if parser.has_section(section):
            values |= dict(parser.items(section))
    if "AWS_PROFILE" in variables and not variables.get("AWS_ACCESS_KEY_ID") and "aws_access_key_id" not in values:
        raise UsageError(
            f"AWS_PROFILE={name} names no profile with keys of its own; for one of single sign-on or a role, set what "
            f"this prints: aws configure export-credentials --profile {name} --format env"
        )
    return values


def _require_others(variables: Mapping[str, str]) -> None:
    """See that the client can find credentials where no keys are set; it would look for them for long.

    :raises WorldError: If it cannot.
    """
    if variables.get("AWS_SKIP_SIGNATURE", "").lower() == "true" or any(name in variables for name in _ELSEWHERE):
        return
    if variables.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
        try:
            socket.create_connection((_METADATA, 80), _METADATA_WAIT).close()
        except OSError as error:
            raise WorldError(NO_CREDENTIALS) from error
        return
    raise WorldError(NO_CREDENTIALS)


@contextmanager
def s3_errors(place: str) -> Iterator[None]:
    """Raise the client's errors as ``WorldError``.

    :param place: What was asked for, ``s3://BUCKET/KEY``.
    :raises WorldError: With what was asked for, what is wrong and what to do.
    """
    errors = library().exceptions
    try:
        yield
    except (errors.BaseError, FileNotFoundError) as error:
        raise WorldError(_explanation(place, error)) from error


def _explanation(place: str, error: Exception) -> str:
    text = str(error)
    code, status = _found(_CODE, text), _found(_STATUS, text)
    said = _found(_MESSAGE, text)
    if _METADATA in text:
        return NO_CREDENTIALS
    if code == "NoSuchBucket":
        return f"{place}: there is no such bucket"
    if status == "404" or isinstance(error, FileNotFoundError):
        return f"{place} does not exist"
    if status == "412":
        return f"{place} changed since the build looked at it; run again to read it as it is now"
    if status == "403":
        why = f"{code}: {said}" if code else "status 403"
        return f"{place}: access is denied ({why}); check the credentials and what they may do"
    if status == "301" or code == "AuthorizationHeaderMalformed":
        return f"{place}: the bucket is in another region ({said or 'status 301'}); set AWS_REGION"
    shown = first_line(error).partition(": <")[0]
    if "error sending request" in text:
        return f"{place}: S3 does not answer ({shown}); check the network and AWS_ENDPOINT_URL"
    return f"{place}: {shown}" + (f" ({code}: {said})" if code else "") + "; run again to continue"


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
