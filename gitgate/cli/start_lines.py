"""What a server says when its doors are open."""

from collections.abc import Iterator, Mapping, Sequence

from gitgate import __version__
from gitgate.cli.dangers import dangers
from gitgate.config import Config
from gitgate.plugin import Transport
from gitgate.server import Door

#: How a line begins that tells of a danger.
WARNING = "WARNING: "

#: The last line, which says that clients can come.
READY = "ready"


def start_lines(
    served: str, config: Config, doors: Sequence[Door], accepted: frozenset[type], notes: Sequence[str] = ()
) -> Iterator[str]:
    """What is served, one line for each door with the URL to clone from, and what should be known.

    `served` names the file or folder, and `accepted` the kinds of credentials that some plugin takes. The URL that
    clients know, where the configuration has it, goes before that of this machine.
    """
    yield f"gitgate {__version__} serves {served}"
    for door in doors:
        yield _door_line(door, config.public_urls)
    yield from notes
    for danger in dangers(config, accepted):
        yield f"{WARNING}{danger.text}"


def _door_line(door: Door, public_urls: Mapping[str, str]) -> str:
    transport = door.listener.transport
    public = public_urls.get("http" if transport is Transport.HTTPS else transport.value)
    here = door.url if door.listener.socket is not None else f"{door.url}/REPOSITORY"
    shown = here if public is None else f"{public}/REPOSITORY  (here: {door.url})"
    return f"  {transport.value:<5}  {shown}"
