"""TLS to the service: whom to trust, and what to show."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL, crypto
from twisted.internet.ssl import Certificate, TLSVersion, optionsForClientTLS, trustRootFromCertificates

from gitgate.plugin import SettingsError
from gitgate_webhook.settings import Tls


def connection_creator(tls: Tls, host: str) -> Any:
    """What makes TLS connections to `host`, and breaks those whose certificate is not trusted or is not `host`'s.

    Reads the files. Raises SettingsError.
    """
    options: dict[str, Any] = {"raiseMinimumTo": TLSVersion.TLSv1_2}
    if tls.certificate is not None and tls.key is not None:
        own, *chain = (each.to_cryptography() for each in _read(tls.certificate, "certificate", _certificates))
        key = _read(tls.key, "key", _private_key)
        _check_pair(own, key, f"{tls.key} is not the key of {tls.certificate}")
        options.update(privateKey=key, certificate=own, extraCertChain=chain)
    trust: Any = None
    if tls.ca_file is not None:
        trust = trustRootFromCertificates(map(Certificate, _read(tls.ca_file, "certificate", _certificates)))
    return optionsForClientTLS(host, trust, acceptableProtocols=[b"http/1.1"], extraCertificateOptions=options)


def _check_pair(certificate: x509.Certificate, key: Any, problem: str) -> None:
    # Twisted looks at them when a connection is made, and not before.
    context = SSL.Context(SSL.TLS_METHOD)
    try:
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.check_privatekey()
    except SSL.Error as error:
        raise SettingsError(problem, key="tls") from error


def _read(path: Path, what: str, parse: Callable[[bytes], Any]) -> Any:
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}", key="tls") from error
    except (ValueError, crypto.Error) as error:
        raise SettingsError(f"{path}: holds no {what} in PEM format that can be used", key="tls") from error


def _private_key(pem: bytes) -> Any:
    return crypto.load_privatekey(crypto.FILETYPE_PEM, pem, passphrase=b"").to_cryptography_key()


def _certificates(pem: bytes) -> list[crypto.X509]:
    end = b"-----END CERTIFICATE-----"
    blocks = [block + end for block in pem.split(end)[:-1]]
    if not blocks:
        raise ValueError("no certificate")
    return [crypto.load_certificate(crypto.FILETYPE_PEM, block) for block in blocks]
