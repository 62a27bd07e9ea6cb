"""What is decided of a push once its commands are known."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from gitgate.plugin import RefUpdate
from gitgate.refusals import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTerms:
    """What an allowed push is bound to: the refs that may only be moved forward, and how a rewind is refused."""

    forward_only: tuple[str, ...] = ()
    refusal: Refusal | None = None


#: Allows a push on some terms, or raises a Refusal.
Judge: TypeAlias = Callable[[tuple[RefUpdate, ...]], Awaitable[PushTerms]]
