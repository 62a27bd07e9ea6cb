"""The options that may stand before a key (sshd(8), AUTHORIZED_KEYS FILE FORMAT)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from gitgate_authorized_keys.addresses import AddressList
from gitgate_authorized_keys.bad_line import BadLine

#: One option, as sshd reads it: inside quotes, `\"` is a quote. The possessive `*+` keeps a backslash that was read
#: with its quote from being tried alone.
_OPTION: Final = re.compile(r'([^\s,="]+)(?:="((?:\\"|[^"])*+)")?')

#: What they take away, gitgate never gives; and what they give back after `restrict`, it does not either.
_ALREADY_SO: Final = frozenset(
    {"restrict"}
    | {
        prefix + name
        for prefix in ("", "no-")
        for name in ("agent-forwarding", "port-forwarding", "pty", "user-rc", "x11-forwarding")
    }
)

#: Known to sshd, and wrong to ignore.
_REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cert-authority": "ssh certificates are not supported",
        "command": "no command but git's own is ever run; list the key without it",
        "environment": "a key cannot set git's environment",
        "no-touch-required": "a security key must always be touched",
        "principals": "ssh certificates are not supported",
        "verify-required": "whether a security key asked for its PIN is not checked",
    }
)

_MOMENT: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2})?)?(Z?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """When a key may be used: from which addresses, and until which second of Unix time. None: always."""

    addresses: AddressList | None = None
    expires: float | None = None

    def objection(self, address: str, now: float) -> str | None:
        """Why a client at this address may not use the key at this moment; None if it may."""
        if self.expires is not None and now >= self.expires:
            return "its expiry-time has passed"
        if self.addresses is not None and not self.addresses.includes(address):
            return f"its from= does not include {address or 'a client without an address'}"
        return None


def parse_options(text: str) -> tuple[Conditions, str]:
    """The conditions that the options at the start of `text` state, and what follows after the blank that ends them.

    Raises BadLine for an option that is unknown, or known and not honoured: a restriction that is not understood must
    not be dropped.
    """
    conditions = Conditions()
    at = 0
    while True:
        option = _OPTION.match(text, at)
        if option is None:
            raise BadLine("an option is missing; is there a comma too many, or a blank after one?")
        conditions = _with_option(conditions, option[1].lower(), option[2])
        at = option.end()
        following = text[at : at + 1]
        if following in ("", " ", "\t"):
            return conditions, text[at:].lstrip(" \t")
        if following != ",":
            raise BadLine(f"option {option[1]!r} must be followed by a comma or a blank, not by {following!r}")
        at += 1


def _with_option(conditions: Conditions, name: str, quoted: str | None) -> Conditions:
    if name in _REFUSED:
        raise BadLine(f"option {name}: {_REFUSED[name]}")
    if name in _ALREADY_SO:
        if quoted is not None:
            raise BadLine(f"option {name} takes no value")
        return conditions
    if name not in ("from", "expiry-time"):
        raise BadLine(f"{name!r} is neither a type of key that is supported nor a known option")
    if quoted is None:
        raise BadLine(f'option {name} needs a value in double quotes: {name}="..."')
    value = quoted.replace('\\"', '"')
    if name == "expiry-time":
        expires = _moment(value)
        earliest = expires if conditions.expires is None else min(expires, conditions.expires)
        return Conditions(addresses=conditions.addresses, expires=earliest)
    if conditions.addresses is not None:
        raise BadLine("option from is given twice; write one list")
    return Conditions(addresses=AddressList.parse(value), expires=conditions.expires)


def _moment(text: str) -> float:
    """Unix time of `YYYYMMDD[HHMM[SS]][Z]`: in UTC with the Z, in the server's own time zone without, as in sshd."""
    match = _MOMENT.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        *numbers, zone = match.groups()
        year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC if zone else None).timestamp()
    except (ValueError, OverflowError, OSError):
        raise BadLine(f"option expiry-time: {text!r} is not a moment; write YYYYMMDD[HHMM[SS]][Z]") from None
