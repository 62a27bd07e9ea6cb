"""The TLS that servers are spoken to with."""

import ssl
from typing import Final

from gitgate.plugin import SettingsError
from gitgate_ldap.settings import TlsSettings

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """A context that verifies certificate and host name, unless that is switched off. Raises SettingsError.

    It is made once: to read the system's authorities takes longer than a login.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"ca_file: {settings.ca_file} holds no certificates that can be read: {error}", key="tls"
        ) from error
    context.minimum_version = _VERSIONS[settings.min_version]
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert is not None:
        try:
            context.load_cert_chain(settings.cert, settings.key)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"cert and key: {settings.cert} and {settings.key} are no pair that can be read: {error}", key="tls"
            ) from error
    return context
