"""TLS for the https doors: what is spoken, and a certificate that may change while the server runs."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates
from OpenSSL import SSL
from twisted.internet.interfaces import IAddress, IOpenSSLServerConnectionCreator, IReactorTime
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from twisted.internet.tcp import Connection
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from gitgate.plugin import Transport, WatchedFiles
from gitgate.transports.http.site import HttpSite
from gitgate.wire.wrong_port import wrong_port

#: With TLS 1.2; those of TLS 1.3 are all as good. Each gives forward secrecy, and none has a MAC of its own.
_CIPHERS: Final = AcceptableCiphers.fromOpenSSLCipherString("ECDHE+AESGCM:ECDHE+CHACHA20")

#: HTTP/2 would pass by the channel, and with it by every deadline and limit. `curl --http1.0` offers nothing but 1.0.
_SPOKEN: Final = (b"http/1.1", b"http/1.0")


_log: Final = logging.getLogger(__name__)


class TlsFilesUnusable(ValueError):
    """A certificate or key that TLS cannot use; the message names the file."""


@implementer(IOpenSSLServerConnectionCreator)
class ServerCertificate:
    """The server's side of TLS 1.2 and newer, for each connection with what its two files hold by then.

    `certificate` may hold the chain behind the server's own. A change that cannot be used is logged, and what was read
    before stays in use. One whose time is over, or not yet there, is used all the same, as no other is there: `tell`
    gets a line about it. Reads the files; raises `TlsFilesUnusable`. `wall_clock` gives Unix time.
    """

    def __init__(
        self,
        certificate: Path,
        key: Path,
        *,
        tell: Callable[[str], None] = _log.error,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        def context(contents: Mapping[Path, bytes]) -> SSL.Context:
            own, *chain = _certificates(certificate, contents[certificate])
            if wrong := _out_of_time(own, datetime.fromtimestamp(wall_clock(), UTC)):
                tell(f"{certificate}: {wrong}")
            return _context(certificate, own, chain, key, contents[key])

        try:
            self._context = WatchedFiles(lambda: (certificate, key), context, clock=clock)
        except OSError as error:
            raise TlsFilesUnusable(f"{error.filename}: cannot be read: {error.strerror}") from error

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:  # noqa: N802
        """One connection. Those that are open already keep the certificate that they were shown."""
        return SSL.Connection(self._context.current(), None)


class TlsTransport(BufferingTLSTransport):
    """TLS with one client. One that speaks something else is told so, as it would read it; OpenSSL only closes."""

    factory: "TlsFactory"
    transport: Connection  # type: ignore[assignment]
    _nothing_came = True
    _is_refused = False

    def dataReceived(self, data: bytes) -> None:
        if self._nothing_came:
            self._nothing_came = False
            mistake = wrong_port(data, Transport.HTTPS)
            if mistake is not None:
                self._is_refused = True
                # A new socket has room for this, so it is closed in the next turn of the reactor.
                self.transport.write(self.factory.site.refuse(mistake, self.transport.getPeer()))
                self.transport.loseConnection()
        if not self._is_refused:
            super().dataReceived(data)


class TlsFactory(TLSMemoryBIOFactory):
    """Wraps TLS around the channels of a site.

    Where that makes None, to close a connection, Twisted's own would wrap the None as if it were a protocol: the client
    would stay, uncounted and without a deadline, and each would cost three tracebacks in the log.
    """

    protocol = TlsTransport

    def __init__(self, certificate: ServerCertificate, site: HttpSite, clock: IReactorTime) -> None:
        super().__init__(cast(Any, certificate), False, cast(Any, site), clock)
        self.site = site

    def buildProtocol(self, addr: IAddress | None) -> TLSMemoryBIOProtocol | None:  # type: ignore[override]
        """None closes the connection."""
        wrapped = self.wrappedFactory.buildProtocol(cast(Any, addr))
        return None if wrapped is None else self.protocol(self, wrapped)


def _certificates(file: Path, pem: bytes) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(pem)
    except ValueError as error:
        raise TlsFilesUnusable(f"{file}: no certificate in PEM format: {error}") from error


def _out_of_time(certificate: Certificate, now: datetime) -> str | None:
    """What clients have against the certificate at this time."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        return f"the certificate expired on {end:%Y-%m-%d at %H:%M} UTC, and clients refuse it: renew it"
    if now < begin:
        return (
            f"the certificate is not valid before {begin:%Y-%m-%d at %H:%M} UTC, and clients refuse it:"
            " is the clock of this machine right?"
        )
    return None


def _context(certificate: Path, own: Certificate, chain: list[Certificate], key: Path, key_pem: bytes) -> SSL.Context:
    try:
        private_key: Any = load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise TlsFilesUnusable(f"{key}: no unencrypted private key in PEM format: {error}") from error
    options = CertificateOptions(
        privateKey=private_key,
        certificate=cast(Any, own),
        extraCertChain=cast(Any, chain),
        raiseMinimumTo=TLSVersion.TLSv1_2,
        acceptableCiphers=_CIPHERS,
    )
    try:
        context: SSL.Context = options.getContext()
        context.check_privatekey()
    except (SSL.Error, TypeError) as error:
        raise TlsFilesUnusable(f"{key} is not the key of {certificate}") from error
    # Each renegotiation costs the client little and us a handshake (CVE-2011-1473); TLS 1.3 has none.
    context.set_options(SSL.OP_NO_RENEGOTIATION)
    context.set_alpn_select_callback(_agreed)
    return context


def _agreed(connection: SSL.Connection, offered: list[bytes]) -> Any:
    """What is spoken above TLS (RFC 7301). A client that offers none of ours may still speak it."""
    return next((protocol for protocol in _SPOKEN if protocol in offered), SSL.NO_OVERLAPPING_PROTOCOLS)
