"""Start the server on a port of this machine, print its address, and end it with Ctrl-C."""

from __future__ import annotations

import socket
import sys
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING

from nyxqa.schemas.errors import WorldError, missing_extra

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from nyxqa.builders.browse.server.security import Access

_EXTRA = "browse"


def require_packages() -> None:
    """Refuse where the packages of the extra are missing.

    :raises MissingExtraError: Naming the first and the line that installs it.
    """
    for name in ("starlette", "uvicorn"):
        try:
            __import__(name)
        except ImportError as error:
            raise missing_extra(name, _EXTRA) from error


def listening(port: int) -> socket.socket:
    """A socket that listens on ``port`` of this machine alone; on any free one for 0.

    :raises WorldError: If the port is taken.
    """
    from nyxqa.builders.browse.server.security import HOST

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise WorldError(f"port {port} of {HOST} cannot be used: {error.strerror}; give another --port") from error
    return listener


def serve(make_app: Callable[[Access], Starlette], port: int, path: str, open_window: bool) -> None:
    """Serve until the process gets a signal to stop.

    :param port: Where to listen; 0 for any free one.
    :param path: The page that is opened.
    :param open_window: Whether a window of the user's browser is opened.
    :raises WorldError: If the port is taken.
    """
    import uvicorn

    from nyxqa.builders.browse.server.security import Access

    with listening(port) as listener:
        access = Access(listener.getsockname()[1])
        config = uvicorn.Config(
            make_app(access), log_level="error", access_log=False, server_header=False, lifespan="off", ws="none"
        )
        server = uvicorn.Server(config)
        url = access.url(path)
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        sys.stderr.write("the address works once, for one window; Ctrl-C ends it\n")
        if open_window:
            webbrowser.open(url)
        server.run(sockets=[listener])
