"""Waiting for a client to say something."""

from collections.abc import Callable

from twisted.internet.defer import Deferred


class News:
    """That the client has said more, or will say no more, or was silent for too long. One waits for it at a time."""

    def __init__(self) -> None:
        self._awaited: Deferred[None] | None = None

    @property
    def is_awaited(self) -> bool:
        """Somebody waits, and nothing has come yet."""
        return self._awaited is not None and not self._awaited.called

    def come(self) -> None:
        """Whoever waits goes on."""
        if self._awaited is not None and not self._awaited.called:
            self._awaited.callback(None)

    async def wait(self, begin: Callable[[], None] = lambda: None) -> None:
        """Return once something has come. `begin` may bring it at once."""
        self._awaited = Deferred()
        try:
            begin()
            await self._awaited
        finally:
            self._awaited = None
