"""How asking the directory can fail. None of these says anything about a user: gitgate takes them for an outage."""

from typing import Final

from gitgate_ldap.entries import Entry, Search

SIZE_LIMIT_EXCEEDED: Final = 4
NO_SUCH_OBJECT: Final = 32

_OPERATIONS_ERROR: Final = 1

#: inappropriateAuthentication, insufficientAccessRights, unwillingToPerform.
_NOT_ALLOWED: Final = {48, 50, 53}


class DirectoryError(OSError):
    """The directory has not answered the question. An OSError, so that the log has a line of it and no traceback."""


class ServerFailed(DirectoryError):
    """One server cannot be reached, is silent, or talks nonsense.

    `timed_out`: it was given its time, and has not answered. Otherwise the connection was refused, or has broken.
    `is_final`: it may have acted on what it was sent, which must go to no other server.
    """

    def __init__(self, uri: str, what: str, *, timed_out: bool = False) -> None:
        super().__init__(f"{uri}: {what}")
        self.what = what
        self.timed_out = timed_out
        self.is_final = False


class NoServer(DirectoryError):
    """No server is left to ask."""


class Refused(DirectoryError):
    """A server answered a search with a result code that is not success (RFC 4511, appendix A).

    `entries` is what it sent before that: some of what there is, or nothing.
    """

    def __init__(self, uri: str, wanted: Search, code: int, words: str, entries: list[Entry]) -> None:
        hint = "; there is no such entry, or the account that asks may not see it" if code == NO_SUCH_OBJECT else ""
        super().__init__(f"{uri}: {wanted}: {words}{hint}")
        self.code = code
        self.entries = entries
        #: Active Directory says so with operationsError, and in words.
        self.wants_a_login = code in _NOT_ALLOWED or (code == _OPERATIONS_ERROR and "successful bind" in words)


class NotForNobody(DirectoryError):
    """A server answers nobody who has not logged in, and where people bind as themselves it need not."""


class Incomplete(DirectoryError):
    """An answer holds a part only, and the rest would have to be asked for."""
