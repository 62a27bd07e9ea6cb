"""What somebody reads who logs in and looks for a shell."""

from urllib.parse import quote

from gitgate.plugin import Identity
from gitgate.wire.printable import printable


def greeting(identity: Identity, url: str) -> str:
    """A few lines: who you are here, and what to do instead. `url` leads to the repositories."""
    name = "" if identity.is_anonymous else f" {printable(identity.name)}"
    login = "this is gitgate" if identity.is_anonymous else "you are logged in to gitgate"
    return (
        f"Hi{name}, {login}. There is no shell here; use git, for example:\n"
        f"  git clone {printable(url, 1000)}/path/to/repository\n"
    )


def url_of_socket(username: str, host: str, port: int) -> str:
    """The URL of a socket, for a server that was not told its public one."""
    address = f"[{host}]" if ":" in host else host
    return f"ssh://{quote(username, safe='')}@{address}:{port}"
