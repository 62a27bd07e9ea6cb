"""Commands, environments and channels by which other servers were broken into, after the login."""

from struct import pack
from typing import Any

import pytest
from raw_ssh_client import DISCONNECT
from twisted.conch.ssh.common import NS

REFUSED = 128
CHANNEL_FAILURE = 100


@pytest.fixture
def alice(site: Any, attack: Any) -> Any:
    client = attack(site)
    client.log_in()
    return client


@pytest.fixture
def refusal_of(alice: Any) -> Any:
    """What the client is told of a command, which has to be refused as git refuses things."""

    def run(command: bytes) -> bytes:
        written, said, code = alice.runs(command)
        assert (written, code) == (b"", REFUSED)
        assert said.startswith(b"gitgate: ")
        return bytes(said.removeprefix(b"gitgate: ").partition(b" (id ")[0].rstrip(b"\n"))

    return run


@pytest.fixture(scope="module")
def _outside(site: Any) -> None:
    """A repository beside the root, and one that alice may not read."""
    site.filled("../outside.git")
    site.filled("secret/plans.git")


@pytest.mark.usefixtures("_outside")
@pytest.mark.parametrize(
    "path",
    [
        *(b"/../outside.git", b"../outside.git", b"/open/../../outside.git", b"/open/./../../outside.git"),
        *(b"/open/..", b"/..", b"/.", b"", b"//outside.git", b"/open//x.git", b"/open/%2e%2e/%2e%2e/outside.git"),
        *(b"/open/\xc0\xae\xc0\xae/x.git", b"/open\\..\\..\\outside.git", b"/open/x.git\n", b"/open/x.git\0/y"),
        *(b"/secret/plans.git", b"/open/../secret/plans.git", b"/Secret/plans.git", b"~/x.git", b"/~alice/x.git"),
    ],
)
def test_cve_2025_22130_no_path_leads_out_of_the_root_or_past_the_rules(refusal_of: Any, path: bytes) -> None:
    """soft-serve judged the raw name, and opened the cleaned one. CVE-2026-48827 (Apache MINA sshd-git),
    CVE-2012-4506 (gitolite): `../` in the path of git-upload-pack."""
    for service in (b"git-upload-pack", b"git-receive-pack", b"git upload-archive"):
        assert refusal_of(service + b" '" + path + b"'").startswith(
            (b"the path ", b"bad argument", b"repository not found")
        )


@pytest.mark.parametrize(
    "command",
    [
        b"git-upload-pack '--help'",  # CVE-2017-8386: opened less, and less opens everything
        b"git-upload-pack '--output=/tmp/x'",
        b"git-upload-archive '--exec=id'",
        b"git-upload-pack '-c' 'core.sshCommand=id' '/open/x.git'",
        b"git-upload-pack --strict '/open/x.git'",
        b"git-upload-pack -- '/open/x.git'",
        b"git -c core.hooksPath=/tmp upload-pack '/open/x.git'",
        b"git --exec-path=/tmp upload-pack '/open/x.git'",
        b"rsync --server --sender -e.LsfxC . /etc/passwd",  # CVE-2018-20683, CVE-2025-24366
        b"scp -f /etc/passwd",
        b"cvs server",
        b"git-lfs-authenticate open/x.git delete",  # CVE-2026-58423: an unknown word was an access of 0, allowed
        b"git-lfs-authenticate open/x.git",
        b"git-shell -c \"git-upload-pack '/open/x.git'\"",
        b"git-upload-pack '/open/x.git'; id",
        b"git-upload-pack '/open/x.git' && id",
        b"git-upload-pack `id`",
        b"git-upload-pack '/open/x.git'\nid",
        b"git-upload-pack '/open/x.git' '",  # CVE-2026-45570: a quote that closes another one
        b"git-upload-pack '" + b"a" * 2**14 + b"'",  # CVE-2022-39260: a long command overflowed an int
        b"git-upload-pack '/open/x\0.git'",
        b"",
    ],
)
def test_cve_2025_58355_no_option_and_no_other_program_is_run(site: Any, refusal_of: Any, command: bytes) -> None:
    """soft-serve: `-- --output=/tmp/x` reached git as an option."""
    said = refusal_of(command)

    assert said == b"bad argument" or said.startswith(
        (b"unrecognized command '", b"the command is longer", b"the path ")
    )
    assert site.daemon.children("x.git") == []


def test_cve_2025_64494_no_escape_sequence_reaches_a_terminal(refusal_of: Any) -> None:
    """soft-serve: the name of a repository moved the cursor, or wrote to the clipboard, of whoever read of it."""
    for command in (
        b"\x1b]52;c;ZXZpbA==\x07",
        b"git-upload-pack '/\x1b[2J\x9b31m'",
        b"git-upload-pack '/open/\r\x85x'",
    ):
        assert all(32 <= byte < 127 for byte in refusal_of(command))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (b"LD_PRELOAD", b"/tmp/evil.so"),
            (b"GIT_SSH_COMMAND", b"id"),
            (b"GIT_CONFIG_COUNT", b"1"),
            (b"PATH", b"/tmp"),
        ),
        *((b"GIT_TRACE", b"/tmp/x"), (b"GIT_PROTOCOL\0LD_PRELOAD", b"x"), (b"git_protocol", b"version=2"), (b"", b"x")),
        (b"--split-string=touch /tmp/pwned", b"x"),  # CVE-2024-39930: gogs ran `env NAME=value`
    ],
)
def test_cve_2024_41956_no_variable_but_git_protocol_is_taken(alice: Any, name: bytes, value: bytes) -> None:
    """soft-serve: every variable that the client sent was set for git."""
    session = alice.opens()

    assert alice.requests(session, b"env", NS(name) + NS(value)) == CHANNEL_FAILURE


@pytest.mark.parametrize("kind", [b"direct-tcpip", b"direct-streamlocal@openssh.com", b"x11", b"forwarded-tcpip", b""])
def test_no_channel_but_a_session_is_opened(alice: Any, kind: bytes) -> None:
    """A way into the network behind the server. conch logs a traceback for each."""
    alice.sendPacket(
        90, NS(kind) + pack(">3L", 5, 2**20, 32768) + NS(b"127.0.0.1") + pack(">L", 22) + NS(b"") + bytes(4)
    )

    assert alice.wait_for(91, 92)[:8] == pack(">2L", 5, 1)


@pytest.mark.parametrize("kind", [b"x11-req", b"auth-agent-req@openssh.com", b"subsystem", b"signal", b"\xff\xfe"])
def test_no_request_but_those_for_git_is_granted(alice: Any, kind: bytes) -> None:
    assert alice.requests(alice.opens(), kind, NS(b"sftp")) == CHANNEL_FAILURE


def test_a_command_that_is_cut_off_is_not_run(alice: Any, site: Any, unique: str) -> None:
    """conch: a request that announces 256 bytes of command, and holds fewer, ran those."""
    site.filled(f"open/{unique}.git")
    cut = pack(">L", 256) + f"git-upload-pack '/open/{unique}.git'".encode()
    alice.sendPacket(98, pack(">L", alice.opens()) + NS(b"exec") + b"\1" + cut)

    assert alice.wait_until_closed() == [DISCONNECT]


def test_a_maximum_packet_of_nothing_does_not_stop_the_server(alice: Any) -> None:
    """conch: `writeExtended` sent empty packets for ever, and the server stood still for everybody."""
    for largest in (0, 1, 1023):
        alice.sendPacket(90, NS(b"session") + pack(">3L", 0, 2**20, largest))
        assert alice.wait_for(91, 92)[:8] == pack(">2L", 0, 4)

    assert alice.whoami() == "alice"


def test_a_second_command_on_a_channel_is_refused(site: Any, alice: Any, unique: str) -> None:
    site.filled(f"open/{unique}.git")
    session = alice.execute(f"git-upload-pack '/open/{unique}.git'".encode())

    assert alice.requests(session, b"exec", NS(b"info")) == CHANNEL_FAILURE
