from pathlib import Path

from gitgate.cli.start_lines import start_lines
from gitgate.config import Config, Listener, TlsSettings
from gitgate.plugin import Transport
from gitgate.server import Door

GIT = Door(Listener(transport=Transport.GIT, address="127.0.0.1"), "git://localhost:9418")
SOCKET = Door(Listener(transport=Transport.HTTP, socket=Path("/run/gitgate.sock")), "http+unix:///run/gitgate.sock")
HTTPS = Door(
    Listener(transport=Transport.HTTPS, tls=TlsSettings(certificate=Path("/c"), key=Path("/k"))),
    "https://localhost:8443",
)


def test_each_door_has_a_line_below_what_is_served():
    assert list(start_lines("/srv/git", Config(), [GIT, SOCKET, HTTPS], frozenset(), ["a note"])) == [
        "gitgate 0.1.0 serves /srv/git",
        "  git    git://localhost:9418/REPOSITORY",
        "  http   http+unix:///run/gitgate.sock",
        "  https  https://localhost:8443/REPOSITORY",
        "a note",
    ]


def test_the_public_url_of_http_is_that_of_https_and_of_sockets_too():
    config = Config(public_urls={"http": "https://git.example.org"})

    assert list(start_lines("x", config, [GIT, SOCKET, HTTPS], frozenset()))[1:] == [
        "  git    git://localhost:9418/REPOSITORY",
        "  http   https://git.example.org/REPOSITORY  (here: http+unix:///run/gitgate.sock)",
        "  https  https://git.example.org/REPOSITORY  (here: https://localhost:8443)",
    ]
