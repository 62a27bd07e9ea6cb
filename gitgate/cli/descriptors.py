"""How many files the process may have open: sockets of clients, and the pipes of each git."""

import logging
import resource
from typing import Final

from gitgate.config.model import Limits

_log = logging.getLogger(__name__)

#: Three pipes of a git and two of its hook; while it is spawned, their other ends as well.
_OF_AN_OPERATION: Final = 10

#: What the process has by itself: listeners, logs, files that plugins read, connections to services.
_OF_OURS: Final = 200


def allow_descriptors(limits: Limits) -> None:
    """Raise RLIMIT_NOFILE as far as `limits` need it and the system lets us, and warn where that is not enough.

    The usual 1,024 of a login shell are the limit for select(2), which nothing here uses.
    """
    needed = limits.max_connections + limits.max_operations * _OF_AN_OPERATION + _OF_OURS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    possible = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, possible), hard))
    if possible < needed:
        _log.warning(
            "%d files may be open (RLIMIT_NOFILE), and %d could be needed for limits.max_connections and"
            " limits.max_operations; new clients wait once there are no more",
            max(soft, possible),
            needed,
        )
