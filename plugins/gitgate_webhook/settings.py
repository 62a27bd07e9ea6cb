"""What stands in the configuration, and what can be wrong with it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from gitgate.plugin import Duration, Secret, SettingsError, Size
from gitgate_webhook.address import Address, parse_address
from gitgate_webhook.signature import signing_key

#: The kinds of credentials, by the names that audit records have for them.
Method: TypeAlias = Literal["password", "publickey", "bearer"]

_TWO_SECONDS: Final = Duration(2)
_TEN_SECONDS: Final = Duration(10)
_FIVE_MINUTES: Final = Duration(300)
_16_MIB: Final = Size(16 * 2**20)

_ALL_METHODS: Final[tuple[Method, ...]] = ("password", "publickey", "bearer")


@dataclass(frozen=True, kw_only=True)
class Tls:
    """How the service is known, and how gitgate shows who it is. PEM files, read when gitgate starts.

    `ca_file` holds the authorities to trust in place of the system's. `certificate`, with its chain behind it, and
    `key` are shown to a service that asks for a client certificate.
    """

    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            missing = "key" if self.key is None else "certificate"
            raise SettingsError("a client certificate needs both `certificate` and `key`", key=missing)


@dataclass(frozen=True, kw_only=True)
class Cache:
    """For how long an answer that has a `ttl` may be used again, and how much memory that takes, about.

    `max_ttl` is the most for allow and abstain, `max_deny_ttl` for deny.
    """

    max_ttl: Duration = _FIVE_MINUTES
    max_deny_ttl: Duration = _TEN_SECONDS
    size: Size = _16_MIB


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """After `failures` questions in a row without a reply, the service is left alone for `pause`."""

    failures: int = 5
    pause: Duration = _TEN_SECONDS

    def __post_init__(self) -> None:
        _at_least_one("failures", self.failures)
        _more_than_nothing("pause", self.pause)


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """Which service is asked, how it is reached, and what becomes of its answers.

    `protocol` is `v1`, or `opa` for an Open Policy Agent, whose data URL is then the `url`. `credentials` are the kinds
    of logins that it is asked about. Without `roots`, the folders where repositories may be, it is not asked where
    paths lead. With `stale`, its last answer to the same `authorize` may be used for so long while it does not answer.
    """

    url: str
    protocol: Literal["v1", "opa"] = "v1"
    credentials: tuple[Method, ...] = _ALL_METHODS
    roots: tuple[Path, ...] = ()
    timeout: Duration = _TWO_SECONDS
    token: Secret | None = None
    signing_secrets: tuple[Secret, ...] = ()
    tls: Tls = field(default_factory=Tls)
    allow_insecure: bool = False
    cache: Cache = field(default_factory=Cache)
    stale: Duration | None = None
    breaker: Breaker = field(default_factory=Breaker)
    max_exchanges: int = 32
    max_waiting: int = 128

    def __post_init__(self) -> None:
        address = self._checked_address()
        if self.tls != Tls() and not address.is_tls:
            raise SettingsError("is for an https:// URL, and this one is none", key="tls")
        for index, secret in enumerate(self.signing_secrets):
            try:
                signing_key(secret)
            except ValueError as error:
                raise SettingsError(f"number {index + 1} {error}", key="signing_secrets") from None
        if self.token is not None and not _fits_header(self.token.reveal()):
            raise SettingsError("must be visible ASCII characters without spaces, to go into a header", key="token")
        if not self.credentials:
            raise SettingsError("is empty; leave authenticate out of `hooks` instead", key="credentials")
        _more_than_nothing("timeout", self.timeout)
        _at_least_one("max_exchanges", self.max_exchanges)
        if self.max_waiting < 0:
            raise SettingsError("must not be less than 0", key="max_waiting")
        if self.stale is not None:
            _more_than_nothing("stale", self.stale)

    @property
    def address(self) -> Address:
        """`url`, taken apart."""
        return parse_address(self.url)

    def _checked_address(self) -> Address:
        try:
            address = parse_address(self.url)
        except ValueError as error:
            raise SettingsError(str(error), key="url") from None
        if not (address.is_tls or address.stays_here or self.allow_insecure):
            raise SettingsError(
                "would send passwords and decisions readably over the network, where they can be forged as well; use "
                "https://, a unix socket, or the loopback address, or set allow_insecure: true",
                key="url",
            )
        return address


def _fits_header(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _at_least_one(key: str, number: int) -> None:
    if number < 1:
        raise SettingsError("must be at least 1", key=key)


def _more_than_nothing(key: str, duration: Duration) -> None:
    if duration <= 0:
        raise SettingsError("must be more than 0", key=key)
