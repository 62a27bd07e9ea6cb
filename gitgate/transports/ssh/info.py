"""`ssh host info`: what somebody who is logged in can reach. `ssh host` shows the beginning of it."""

import json
from typing import Final

from gitgate.gateway import Gateway
from gitgate.login import Login
from gitgate.overview import Overview
from gitgate.plugin import GitRequest
from gitgate.refusals import Refusal
from gitgate.wire.printable import printable

#: The commands, and whether the answer is JSON.
INFO_COMMANDS: Final = {b"info": False, b"info --json": True}

#: What `info` lists at most, and how long it looks.
_MOST: Final = 5_000
_SECONDS: Final = 30.0

#: The same for the greeting, which should fit on a screen and come at once.
_MOST_IN_GREETING: Final = 20
_SECONDS_FOR_GREETING: Final = 3.0


async def info(gateway: Gateway, login: Login, request: GitRequest, *, as_json: bool) -> str:
    """The answer to `info`; `request` is one for an overview. Raises `Refusal`."""
    overview = await gateway.overview(login, request, most=_MOST, seconds=_SECONDS)
    if as_json:
        return _as_json(login, overview)
    lines = overview.lines() or ["There is no repository that you can reach."]
    if not overview.is_complete:
        lines.append("and more, which are not listed: there are too many")
    return "".join(f"{line}\n" for line in lines)


async def info_for_greeting(gateway: Gateway, login: Login, request: GitRequest) -> str:
    """What a greeting shows below its first lines; nothing where there is nothing to show."""
    try:
        overview = await gateway.overview(login, request, most=_MOST_IN_GREETING, seconds=_SECONDS_FOR_GREETING)
    except Refusal as refusal:
        return f"What you can reach cannot be listed now: {printable(refusal.message)}\n"
    if not overview.repositories:
        return ""
    lines = ["You can reach:", *(f"  {line}" for line in overview.lines())]
    if not overview.is_complete:
        lines.append("  and more, which the command `info` lists")
    return "".join(f"{line}\n" for line in lines)


def _as_json(login: Login, overview: Overview) -> str:
    shown = {
        "user": login.identity.name,
        "groups": sorted(login.identity.groups),
        "repositories": overview.data(),
        "complete": overview.is_complete,
    }
    return json.dumps(shown, indent=2) + "\n"
