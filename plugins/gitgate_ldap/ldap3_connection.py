"""ldap3, and the only module that knows it: one connection to one server.

Of the library are used the messages and their encoding, one synchronous connection at a time. Its own server pools
(which wait for ever when all servers are down), pooled strategies (whose rebind succeeds with a wrong password), TLS
settings (which verify nothing by default), referrals (which send the service account's password to whatever host a
server names) and reading of further ranges are not used.
"""

import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, cast

from gitgate_ldap.bind_answers import BindAnswer
from gitgate_ldap.deadline import Deadline, DeadlineSocket
from gitgate_ldap.entries import Entry, Scope, Search
from gitgate_ldap.errors import Incomplete, Refused, ServerFailed
from gitgate_ldap.uris import Endpoint

with warnings.catch_warnings():
    # ldap3 2.9.1 is the latest release, of 2021, and imports names that pyasn1 0.5 has renamed.
    warnings.filterwarnings("ignore", message="(tagMap|typeMap) is deprecated", category=DeprecationWarning)
    import ldap3
    from ldap3.core.exceptions import LDAPExceptionError, LDAPInvalidFilterError, LDAPSessionTerminatedByServerError
    from ldap3.operation.search import parse_filter
    from ldap3.utils.dn import parse_dn

_SCOPES: Final[dict[Scope, Any]] = {"base": ldap3.BASE, "one": ldap3.LEVEL, "sub": ldap3.SUBTREE}

_SUCCESS: Final = 0

#: What ldap3 says before what the system says.
_OPENING: Final = "socket connection error while opening: "

#: What OpenSSL says of certificates that are not valid yet, and of those that are not any more.
_NOT_NOW: Final = (9, 10)

#: How long saying goodbye may take.
_CLOSING_SECONDS: Final = 1.0


def check_filter(text: str) -> None:
    """Raises ValueError where `text` is no filter (RFC 4515)."""
    try:
        cast(Any, parse_filter)(text, None, False, True, None, False)
    except (LDAPExceptionError, IndexError, AttributeError) as error:
        what = "is no LDAP filter" if isinstance(error, LDAPInvalidFilterError) else f"is no LDAP filter ({error})"
        raise ValueError(f"{text!r} {what}; write one like (&(objectClass=person)(uid={{username}}))") from None


def split_dn(text: str) -> list[tuple[str, str, str]]:
    """The parts of a DN (RFC 4514): attribute, value as it is written, and the separator that follows.

    Raises ValueError where `text` is none.
    """
    try:
        return [(part[0], part[1], part[2]) for part in parse_dn(text)]
    except LDAPExceptionError:
        raise ValueError(f"{text!r} is no DN; write one like ou=people,dc=example,dc=org") from None


class LdapConnection:
    """An open connection. One thread uses it at a time; `close` it in the end, whatever happened."""

    def __init__(self, endpoint: Endpoint, tls: ssl.SSLContext | None, deadline: Deadline) -> None:
        """Connects, and secures the connection where there is a `tls`: at once, or with StartTLS on an ldap:// server.

        Raises `ServerFailed`.
        """
        self.endpoint = endpoint
        self._tls = _Tls(tls, endpoint.host, deadline)
        server = _Server(endpoint, self._tls, deadline)
        self._connection = ldap3.Connection(
            server,
            client_strategy=ldap3.SYNC,
            auto_referrals=False,
            auto_range=False,
            auto_escape=False,
            check_names=False,
            read_only=True,
            raise_exceptions=False,
            return_empty_attributes=False,
        )
        try:
            self._connection.open(read_server_info=False)
            if not isinstance(self._connection.socket, DeadlineSocket):
                self._connection.socket = DeadlineSocket(self._connection.socket, deadline)
            if tls is not None and endpoint.scheme == "ldap":
                self._connection.start_tls(read_server_info=False)
            if tls is not None and self.tls_socket is None:
                raise OSError("the connection is not secured")
        except Exception as error:  # whatever ldap3 makes of a server that talks nonsense
            self.close()
            raise self._failure(error, deadline) from error

    @property
    def tls_socket(self) -> ssl.SSLSocket | None:
        """What secures the connection, to look at; None where nothing does."""
        raw = self._connection.socket.raw
        return raw if isinstance(raw, ssl.SSLSocket) else None

    def bind(self, dn: str, password: str, deadline: Deadline) -> BindAnswer:
        """How the server answers a simple bind; with "" and "", an anonymous one. Raises `ServerFailed`.

        The password goes out as it is: SASLprep, which ldap3 would apply, makes one password of several.
        """
        assert bool(dn) == bool(password), "a name without a password binds as nobody, and succeeds (RFC 4513, 5.1.2)"
        self._connection.authentication = ldap3.SIMPLE if dn else ldap3.ANONYMOUS
        self._connection.user = dn or None
        self._connection.password = password.encode() if dn else None
        try:
            self._begin(deadline).bind(read_server_info=False)
            result = self._connection.result
            return BindAnswer(int(result["result"]), str(result["description"]), str(result["message"]).strip("\0 \n"))
        except Exception as error:
            raise self._failure(error, deadline) from error
        finally:
            self._connection.password = self._connection.request = None

    def search(self, wanted: Search, deadline: Deadline) -> list[Entry]:
        """All that matches. Raises `Refused` for every result but success, `Incomplete`, and `ServerFailed`.

        Referrals among the entries are left out: they are not followed.
        """
        try:
            self._begin(deadline).search(
                wanted.base,
                wanted.filter,
                _SCOPES[wanted.scope],
                dereference_aliases=ldap3.DEREF_NEVER,
                attributes=list(wanted.attributes),
                size_limit=wanted.most,
                time_limit=max(1, round(deadline.seconds)),
            )
            result, response = self._connection.result, self._connection.response
            code = int(result["result"])
            words = ": ".join(filter(None, (result["description"], result["message"])))
            entries = [_entry(each) for each in response or () if each["type"] == "searchResEntry"]
        except Incomplete as error:
            raise Incomplete(f"{self.endpoint}: {error}") from None
        except Exception as error:
            raise self._failure(error, deadline) from error
        if code != _SUCCESS:
            raise Refused(str(self.endpoint), wanted, code, words, entries)
        return entries

    def close(self) -> None:
        """Say goodbye, if that can be done quickly, and close. Never raises."""
        with suppress(Exception):  # whatever ldap3 makes of a connection that is broken
            self._begin(Deadline(_CLOSING_SECONDS)).unbind()
        if self._connection.socket is not None:
            self._connection.socket.close()

    def _begin(self, deadline: Deadline) -> "ldap3.Connection":
        self._connection.socket.begin(deadline)
        return self._connection

    def _failure(self, error: Exception, deadline: Deadline) -> ServerFailed:
        if isinstance(self._tls.error, ssl.SSLCertVerificationError):
            hint = (
                "compare its dates with the clock of this machine"
                if self._tls.error.verify_code in _NOT_NOW
                else "tls.ca_file must hold the authority that signed it, and the certificate the name that stands in"
                " the URI"
            )
            what = self._tls.error.verify_message.rstrip(".")
            return ServerFailed(str(self.endpoint), f"its certificate is not accepted: {what}; {hint}")
        if deadline.is_over:
            return ServerFailed(str(self.endpoint), f"no answer within {deadline.seconds:g} s", timed_out=True)
        if isinstance(error, socket.gaierror):
            return ServerFailed(str(self.endpoint), f"its name cannot be resolved: {error.strerror}")
        if self._tls.error is not None:
            reason = getattr(self._tls.error, "reason", None) or self._tls.error
            return ServerFailed(
                str(self.endpoint), f"TLS failed: {reason}; is that the port for {self.endpoint.scheme}?"
            )
        if isinstance(error, LDAPSessionTerminatedByServerError):
            return ServerFailed(str(self.endpoint), "the server has closed the connection")
        if not isinstance(error, LDAPExceptionError | OSError):
            return ServerFailed(str(self.endpoint), f"what it says is not LDAP ({type(error).__name__}: {error})")
        words = str(error)
        if isinstance(error, LDAPExceptionError) and len(error.args) > 1 and isinstance(error.args[1], list):
            words = "; ".join(dict.fromkeys(str(each) for each, _ in error.args[1]))  # one for each address
        return ServerFailed(str(self.endpoint), words.replace(_OPENING, "") or type(error).__name__)


class _Tls(ldap3.Tls):
    """Secures a connection with a context of ours, which verifies host names. ldap3's own does that without OpenSSL."""

    def __init__(self, context: ssl.SSLContext | None, host: str, deadline: Deadline) -> None:
        super().__init__()
        self._context = context
        self._host = host
        self._deadline = deadline
        self.error: Exception | None = None

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        assert self._context is not None
        plain = connection.socket
        raw = plain.raw if isinstance(plain, DeadlineSocket) else plain
        try:
            self._deadline.limit(raw)
            secured = self._context.wrap_socket(raw, server_hostname=self._host)
        except Exception as error:
            self.error = error
            raise
        connection.socket = DeadlineSocket(secured, self._deadline)


class _Server(ldap3.Server):
    """The addresses of one endpoint, all of them tried within one deadline."""

    def __init__(self, endpoint: Endpoint, tls: _Tls, deadline: Deadline) -> None:
        super().__init__(
            endpoint.host or f"ldapi://{endpoint.path}",
            port=endpoint.port or None,
            use_ssl=endpoint.scheme == "ldaps",
            tls=tls,
            get_info=ldap3.NONE,
        )
        self._endpoint = endpoint
        self._deadline = deadline

    def candidate_addresses(self) -> Iterator[Any]:
        if self._endpoint.scheme == "ldapi":
            addresses: list[Any] = [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", self._endpoint.path)]
        else:
            addresses = list(socket.getaddrinfo(self._endpoint.host, self._endpoint.port, type=socket.SOCK_STREAM))
        for number, address in enumerate(addresses):
            if self._deadline.is_over:
                return
            # One that swallows packets must leave the others their share.
            self.connect_timeout = self._deadline.remaining / (len(addresses) - number)
            yield [*address, None, None]


def _entry(response: Any) -> Entry:
    values = {name.lower(): tuple(values) for name, values in response["raw_attributes"].items()}
    for name in values:
        if ";range=" in name:
            raise Incomplete(f"{response['dn']}: the server sends a part of {name.partition(';')[0]} only")
    return Entry(dn=response["dn"], values=values)
