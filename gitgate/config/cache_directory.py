"""Where files stand that may be gone tomorrow."""

from collections.abc import Mapping
from pathlib import Path


def cache_directory(environ: Mapping[str, str]) -> Path:
    """The folder for files that do not outlive the process.

    `$CACHE_DIRECTORY` is set by systemd's `CacheDirectory=` (systemd.exec(5)) and may name several, the first of which
    is used; `$TMPDIR` is a user's own choice. Otherwise it is /var/tmp, which has a disk's room: /tmp is memory on many
    systems (file-hierarchy(7)).
    """
    for named in (environ.get("CACHE_DIRECTORY", "").split(":")[0], environ.get("TMPDIR", "")):
        if named.startswith("/"):
            return Path(named)
    return Path("/var/tmp")  # noqa: S108
