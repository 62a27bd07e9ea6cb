"""TLS for the https doors."""

from pathlib import Path

from OpenSSL import SSL, crypto
from twisted.internet.ssl import CertificateOptions, TLSVersion


class TlsFilesUnusable(Exception):
    """A certificate or key that TLS cannot use; the message names the file."""


def tls_options(certificate: Path, key: Path) -> CertificateOptions:
    """The server side of TLS 1.2 and newer. `certificate` may hold the chain behind the server's own. Blocks.

    Raises `TlsFilesUnusable`.
    """
    try:
        own, *chain = _certificates(certificate)
    except (OSError, ValueError, crypto.Error) as error:
        raise TlsFilesUnusable(f"{certificate}: no certificate in PEM format: {_words(error)}") from error
    try:
        private_key = crypto.load_privatekey(crypto.FILETYPE_PEM, key.read_bytes(), passphrase=b"")
    except (OSError, ValueError, crypto.Error) as error:
        raise TlsFilesUnusable(f"{key}: no unencrypted private key in PEM format: {_words(error)}") from error
    options = CertificateOptions(
        privateKey=private_key,
        certificate=own,
        extraCertChain=chain,
        raiseMinimumTo=TLSVersion.TLSv1_2,
        acceptableProtocols=[b"http/1.1"],
    )
    try:
        options.getContext().check_privatekey()
    except SSL.Error as error:
        raise TlsFilesUnusable(f"{key} is not the key of {certificate}") from error
    return options


def _certificates(path: Path) -> list[crypto.X509]:
    end = b"-----END CERTIFICATE-----\n"
    blocks = path.read_bytes().replace(b"\r\n", b"\n").split(end)
    found = [crypto.load_certificate(crypto.FILETYPE_PEM, block + end) for block in blocks if b"BEGIN CERT" in block]
    if not found:
        raise ValueError("it holds none")
    return found


def _words(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error) or "it cannot be read"
