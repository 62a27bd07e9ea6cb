"""Tells systemd how the service is doing, where it wants to know (sd_notify(3))."""

import logging
import os
import socket
from collections.abc import Mapping

_log = logging.getLogger(__name__)


def notify(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send `state`, such as "READY=1", to `$NOTIFY_SOCKET`. Without one, nothing happens."""
    path = environ.get("NOTIFY_SOCKET")
    if not path:
        return
    address = f"\0{path[1:]}" if path.startswith("@") else path  # an abstract socket (unix(7))
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
            notifying.connect(address)
            notifying.sendall(state.encode())
    except OSError as error:
        _log.warning("systemd was not told %s: %s", state, error)
