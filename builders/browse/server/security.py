"""Who may ask: the browser window that was opened with the token, from its own pages, on this machine."""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = "127.0.0.1"
CSRF_HEADER = "x-csrf-token"
_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_OWN_SITES = ("same-origin", "none")


@dataclass
class Access:
    """The secrets of one run of the server.

    :param port: Where it listens.
    :param token: Opens the first page, once.
    """

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    used: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def origin(self) -> str:
        """The origin of all pages."""
        return f"http://{HOST}:{self.port}"

    @property
    def cookie(self) -> str:
        """Name of the cookie; cookies of two servers on one machine must differ."""
        return f"nyxqa_{self.port}"

    def url(self, path: str = "/") -> str:
        """The address that opens ``path`` once."""
        return f"{self.origin}{path}?token={self.token}"

    def take(self, token: str) -> bool:
        """Whether ``token`` is the right one and used for the first time."""
        with self.turn:
            right = not self.used and hmac.compare_digest(token.encode(), self.token.encode())
            self.used = self.used or right
            return right


class Guard:
    """Middleware that refuses whatever does not come from the window that the token opened."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no page opens a socket
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _guarded(refusal, scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(message)
            await send(message)

        await self._app(scope, receive, with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """What refuses a request, or lets its window in; None if it is answered."""
        access = self._access
        if headers.get("host", "") != f"{HOST}:{access.port}":
            return PlainTextResponse("wrong host", 403)
        if headers.get("origin", access.origin) != access.origin:
            return PlainTextResponse("wrong origin", 403)
        if headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            return PlainTextResponse("another site may not ask", 403)
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("this method is not answered", 405)
        cookie = cookie_parser(headers.get("cookie", "")).get(access.cookie, "")
        known = hmac.compare_digest(cookie.encode(), access.session.encode())
        token = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token")
        if token is not None and scope["method"] == "GET" and (access.take(token) or known):
            return self._let_in(scope["path"])
        if not known:
            return PlainTextResponse("open the address that nyxqa printed; it works once, for one window", 403)
        given = headers.get(CSRF_HEADER, "")
        if scope["method"] == "POST" and not hmac.compare_digest(given.encode(), access.csrf.encode()):
            return PlainTextResponse("the page's token is missing; load it again", 403)
        return None

    def _let_in(self, path: str) -> Response:
        response = RedirectResponse(path if path.startswith("/") and path[1:2] not in ("/", "\\") else "/", 303)
        response.set_cookie(self._access.cookie, self._access.session, httponly=True, samesite="strict", path="/")
        return response


async def _guarded(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    for name, value in _HEADERS.items():
        response.headers[name] = value
    await response(scope, receive, send)


def _add_headers(message: Message) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _HEADERS.items():
        if name != "cache-control" or name not in headers:
            headers[name] = value
