import socket

import pytest

from gitgate.cli.directory_mode import Ports, every_address, serve_directory
from gitgate.config import ConfigError
from gitgate.plugin import Transport
from gitgate.server import members

PORTS = Ports(ssh=1, http=2, git=3)


@pytest.fixture
def three_files(tmp_path):
    for name in (".htpasswd", ".rsakeys", ".repoperms"):
        (tmp_path / name).touch()
    return tmp_path


def _used(served):
    return [entry.use for entry in served.config.plugins]


def _doors(served):
    return [(listener.transport, listener.address, listener.port) for listener in served.config.listen]


def test_with_the_three_files_it_listens_everywhere_and_says_nothing(three_files):
    served = serve_directory(three_files, PORTS)

    everywhere = every_address()
    assert _used(served) == ["htpasswd", "authorized-keys", "repoperms", "tree"]
    assert _doors(served) == [
        (Transport.SSH, everywhere, 1),
        (Transport.HTTP, everywhere, 2),
        (Transport.GIT, everywhere, 3),
    ]
    assert served.notes == ()


def test_the_plugins_can_be_built_from_it(three_files):
    assert len(members(serve_directory(three_files, PORTS).config)) == 4


def test_without_any_of_them_everybody_reads_on_this_machine_only(tmp_path):
    served = serve_directory(tmp_path, PORTS)

    (rule,) = served.config.plugins[0].settings.rules
    assert _used(served) == ["rules", "tree"]
    assert (rule.repos, rule.who, rule.allow, rule.deny) == (("**",), ("everyone",), ("read",), None)
    assert {address for _, address, _ in _doors(served)} == {"127.0.0.1"}
    assert len(served.notes) == 1


def test_where_rights_are_missing_it_says_what_to_write(three_files):
    (three_files / ".repoperms").unlink()

    served = serve_directory(three_files, PORTS)

    assert _used(served) == ["htpasswd", "authorized-keys", "tree"]
    assert served.notes == (
        f"NOBODY MAY DO ANYTHING: there is no {three_files / '.repoperms'}. Write into it, for each repository:",
        "    [REPOSITORY]",
        "    USER = rw",
    )


def test_where_nobody_can_log_in_it_says_so(tmp_path):
    (tmp_path / ".repoperms").touch()

    served = serve_directory(tmp_path, PORTS)

    assert _used(served) == ["repoperms", "tree"]
    assert served.notes == (
        "Nobody can log in, and only what `anonymous` may is served: there is no .htpasswd and no .rsakeys.",
    )


def test_loopback_is_loopback_also_with_the_three_files(three_files):
    served = serve_directory(three_files, PORTS, loopback=True)

    assert {address for _, address, _ in _doors(served)} == {"127.0.0.1"}


def test_a_password_file_that_cannot_be_read_is_a_problem_that_names_it(tmp_path):
    (tmp_path / ".htpasswd").mkdir()
    config = serve_directory(tmp_path, PORTS).config

    with pytest.raises(ConfigError) as refused:
        members(config)

    assert [problem.keys for problem in refused.value.problems] == [("htpasswd", "file")]
    assert str(tmp_path / ".htpasswd") in str(refused.value)


def test_a_folder_that_cannot_be_listed_is_a_problem(tmp_path):
    with pytest.raises(ConfigError, match=r"gone: No such file or directory"):
        serve_directory(tmp_path / "gone", PORTS)


def test_every_address_takes_connections_over_ipv4():
    address = every_address()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    with socket.socket(family) as listening:
        listening.bind((address, 0))
        listening.listen()
        with socket.create_connection(("127.0.0.1", listening.getsockname()[1]), timeout=30) as client:
            assert client.getpeername()[0] == "127.0.0.1"
