from gitgate.plugin import ANONYMOUS, Identity
from gitgate.transports.ssh.greeting import greeting, url_of_socket


def test_somebody_who_is_logged_in_is_greeted_by_name() -> None:
    assert greeting(Identity(name="alice"), "ssh://git@git.example.org") == (
        "Hi alice, you are logged in to gitgate. There is no shell here; use git, for example:\n"
        "  git clone ssh://git@git.example.org/path/to/repository\n"
    )


def test_nobody_has_no_name() -> None:
    assert greeting(ANONYMOUS, "ssh://x").startswith("Hi, this is gitgate. There is no shell here")


def test_a_name_cannot_write_on_the_terminal() -> None:
    assert "\x1b" not in greeting(Identity(name="\x1b[2J"), "ssh://x")


def test_the_url_of_a_socket_names_the_user_as_it_was_typed() -> None:
    assert url_of_socket("a b@c", "192.0.2.1", 5522) == "ssh://a%20b%40c@192.0.2.1:5522"


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert url_of_socket("git", "2001:db8::1", 22) == "ssh://git@[2001:db8::1]:22"
