"""The ways in which gitgate refuses. Each transport translates them in one table of its own."""

from gitgate.plugin import Verdict


class Refusal(Exception):
    """A request that is not served.

    `message` is for the client, `reason` for the log, and `plugin` names the plugin that decided, where one did.
    """

    verdict: Verdict
    message = "refused"

    def __init__(self, reason: str, *, message: str | None = None, plugin: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.plugin = plugin
        if message is not None:
            self.message = message

    def identify(self, request_id: str) -> None:
        """Let the message lead to the record. The same for whatever is refused, so that it tells nobody anything."""
        if request_id not in self.message:
            self.message = f"{self.message} (id {request_id})"


class CredentialsRequired(Refusal):
    """Nobody is logged in, and a login may help."""

    verdict = Verdict.CHALLENGED
    message = "authentication required, use ssh or https"


class CredentialsRefused(Refusal):
    """The login failed: the name is unknown, or the proof is wrong. The client is not told which."""

    verdict = Verdict.REJECTED
    message = "login failed"


class RepositoryNotFound(Refusal):
    """There is no such repository, or this client may not know of it. The two look the same to the client."""

    verdict = Verdict.MISSING
    message = "repository not found"


class RepositoryHidden(RepositoryNotFound):
    """The repository is there, and this client may not know of it."""

    verdict = Verdict.DENIED


class AccessDenied(Refusal):
    """The client may read the repository, but may not do this. `refs` are those of a push that are refused."""

    verdict = Verdict.DENIED
    message = "access denied"

    def __init__(
        self, reason: str, *, message: str | None = None, plugin: str | None = None, refs: tuple[str, ...] = ()
    ) -> None:
        super().__init__(reason, message=message, plugin=plugin)
        self.refs = refs


class MalformedRequest(Refusal):
    """The request cannot be understood."""

    verdict = Verdict.MALFORMED
    message = "malformed request"


class Overloaded(Refusal):
    """A limit is reached; the client may try again soon."""

    verdict = Verdict.OVERLOADED
    message = "too busy, try again later"


class Unavailable(Refusal):
    """A part that had to answer did not. An outage is not an answer: the client is told to try again."""

    verdict = Verdict.FAILED

    def __init__(self, reason: str, *, request_id: str, plugin: str | None = None) -> None:
        super().__init__(reason, message=f"temporarily unavailable (id {request_id})", plugin=plugin)
        self.request_id = request_id
