"""How much one source of connections may ask for, and what it pays for bad behaviour.

What sshd knows as MaxStartups and PerSourceNetBlockSize, PerSourcePenalties and PerSourcePenaltyExemptList, with their
notation (sshd_config(5)).
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, ClassVar, Final, Self

from gitgate.config.checks import Checked, positive
from gitgate.plugin import Duration, SettingsError


class _Notation(str):
    """A text in a notation of its own, which is checked when it is made. Raises ValueError.

    Speaks pydantic's protocol, as the types of `gitgate.plugin.settings` do.
    """

    __slots__ = ()

    _pattern: ClassVar[str]
    _must_be: ClassVar[str]

    def __new__(cls, text: object) -> Self:
        notation = super().__new__(cls, text if isinstance(text, str) else "")
        if not re.fullmatch(cls._pattern, notation) or not notation._means_something():
            raise ValueError(f"must be {cls._must_be}")
        return notation

    def _means_something(self) -> bool:
        raise NotImplementedError

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, Any]:
        return {"type": "function-plain", "function": {"type": "no-info", "function": cls}}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{cls._pattern}$"}


class MaxStartups(_Notation):
    """How many connections may wait for their login, as `start:rate:full`.

    From `start` on, `rate` percent of new ones are turned away. That grows evenly up to `full`, from where on all are.
    """

    __slots__ = ()

    _pattern = "[0-9]{1,6}:[0-9]{1,3}:[0-9]{1,6}"
    _must_be = "start:rate:full such as 100:30:200: two numbers, the second not smaller, around a percentage"

    def _means_something(self) -> bool:
        return 1 <= self.start <= self.full and 1 <= self.rate <= 100

    @property
    def start(self) -> int:
        return int(self.split(":")[0])

    @property
    def rate(self) -> int:
        return int(self.split(":")[1])

    @property
    def full(self) -> int:
        return int(self.split(":")[2])


class NetBlockSize(_Notation):
    """How many leading bits of an address make a source, for IPv4 and for IPv6: `32:64`."""

    __slots__ = ()

    _pattern = "[0-9]{1,2}:[0-9]{1,3}"
    _must_be = "the bits of IPv4 and of IPv6 addresses that make a source, such as 32:64"

    def _means_something(self) -> bool:
        return self.ipv4 <= 32 and self.ipv6 <= 128

    @property
    def ipv4(self) -> int:
        return int(self.split(":")[0])

    @property
    def ipv6(self) -> int:
        return int(self.split(":")[1])


class Network(_Notation):
    """Some addresses: `10.0.0.0/8`, or a single one."""

    __slots__ = ()

    _pattern = "[0-9A-Fa-f.:]{2,45}(?:/[0-9]{1,3})?"
    _must_be = "a network such as 10.0.0.0/8 or 2001:db8::/32, with no bits behind its prefix, or one address"

    def _means_something(self) -> bool:
        try:
            ip_network(self)
        except ValueError:
            return False
        return True

    @property
    def addresses(self) -> IPv4Network | IPv6Network:
        return ip_network(self)


_AUTHFAIL: Final = Duration.parse("5s")
_NOAUTH: Final = Duration.parse("1s")
_GRACE_EXCEEDED: Final = Duration.parse("10s")
_MALFORMED: Final = Duration.parse("5s")
_MIN: Final = Duration.parse("15s")
_MAX: Final = Duration.parse("10m")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePenalties:
    """For how long a source is turned away that behaves badly: what each offence adds, while time takes it off again.

    `authfail`: a login was refused. `noauth`: a connection was closed before anything had been decided for it.
    `grace_exceeded`: it had to be closed, since `login_deadline` was over. `malformed`: what it sent was no ssh, http
    or git. A source is turned away once the sum reaches `min`, until all of it is over; the sum never exceeds `max`.
    Raises `SettingsError` for a `min` above `max`, which no sum would ever reach.
    """

    authfail: Duration = _AUTHFAIL
    noauth: Duration = _NOAUTH
    grace_exceeded: Duration = _GRACE_EXCEEDED
    malformed: Duration = _MALFORMED
    min: Annotated[Duration, Checked(positive)] = _MIN
    max: Annotated[Duration, Checked(positive)] = _MAX

    def __post_init__(self) -> None:
        if self.min <= self.max:
            return
        if self.min != _MIN:
            raise SettingsError(f"must be at most `max`, which is {self.max}; lower it, or raise `max`", key="min")
        raise SettingsError(f"must be at least `min`, which is {self.min}; raise it, or lower `min`", key="max")
