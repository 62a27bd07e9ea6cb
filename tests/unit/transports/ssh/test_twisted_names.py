"""What the ssh transport overrides of conch, and what it relies on there, in one place.

Most of its guards stand in methods that conch calls. Were one of them called otherwise in a new version of Twisted,
ours would never run, and nobody would notice: so the names that do override one are compared with this list.
"""

import ast
import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from twisted.conch.ssh.transport import SSHCiphers, SSHTransportBase, messages
from twisted.internet.tcp import Connection as Socket

import gitgate
import gitgate.transports.ssh
from gitgate.transports.ssh.connection import Connection
from gitgate.transports.ssh.factory import SshFactory
from gitgate.transports.ssh.keyed_transport import KeyedTransport
from gitgate.transports.ssh.packet_transport import AgreedKeys, PacketTransport
from gitgate.transports.ssh.session import Session
from gitgate.transports.ssh.session_flow import SessionFlow
from gitgate.transports.ssh.transport import SshTransport
from gitgate.transports.ssh.userauth import UserAuth

OVERRIDDEN = {
    PacketTransport: {"dataReceived", "sendPacket", "sendUnimplemented", "sendKexInit", "ssh_KEXINIT"},
    AgreedKeys: {"setKeys"},
    KeyedTransport: {"dispatchMessage", "ssh_KEXINIT", "ssh_KEX_DH_GEX_REQUEST_OLD", "ssh_NEWKEYS"},
    SshTransport: {
        *("connectionMade", "connectionLost", "dataReceived", "sendPacket", "sendDisconnect", "sendUnimplemented"),
        *("sendKexInit", "sendExtInfo", "ssh_DISCONNECT", "ssh_EXT_INFO", "ssh_UNIMPLEMENTED", "ssh_DEBUG"),
        *("ssh_SERVICE_REQUEST", "ssh_NEWKEYS", "ourVersionString"),
    },
    UserAuth: {"name", "packetReceived", "serviceStopped"},
    Connection: {
        *("packetReceived", "getChannel", "ssh_GLOBAL_REQUEST", "ssh_REQUEST_SUCCESS", "ssh_REQUEST_FAILURE"),
        *("ssh_CHANNEL_OPEN", "ssh_CHANNEL_OPEN_CONFIRMATION", "ssh_CHANNEL_OPEN_FAILURE", "ssh_CHANNEL_WINDOW_ADJUST"),
        *("ssh_CHANNEL_DATA", "ssh_CHANNEL_EXTENDED_DATA", "ssh_CHANNEL_EOF", "ssh_CHANNEL_CLOSE"),
        *("ssh_CHANNEL_REQUEST", "ssh_CHANNEL_SUCCESS", "ssh_CHANNEL_FAILURE"),
    },
    Session: set(),
    SessionFlow: {
        *("name", "dataReceived", "eofReceived", "addWindowBytes", "closeReceived", "closed", "channelOpen", "write"),
    },
    SshFactory: {"noisy", "buildProtocol"},
}


#: What is set on `self`, and decides what conch offers or does.
SET = {
    PacketTransport: {"supportedCiphers", "supportedMACs", "supportedCompressions"},
    KeyedTransport: {"supportedKeyExchanges", "supportedCiphers", "ignoreNextPacket"},
    SshTransport: {"supportedPublicKeys"},
}

ROOT = Path(gitgate.__file__).parents[1]
FOLDERS = {"U": ROOT / "tests/unit/transports/ssh", "A": ROOT / "tests/attack/ssh", "J": ROOT / "tests/journeys"}


def _names_of_twisted(ours: type) -> set[str]:
    """The names that the bases of `ours` have which are Twisted's, other than those that every object has."""
    theirs = [base for base in ours.__mro__ if base.__module__.startswith("twisted.")]
    return {name for base in theirs for name in vars(base)} - set(vars(object)) - {"__module__", "__dict__"}


@pytest.mark.parametrize("ours", OVERRIDDEN, ids=lambda ours: ours.__name__)
def test_what_is_meant_to_override_a_name_of_conch_does_so(ours: Any) -> None:
    own = {name for name in vars(ours) if not name.startswith("__")}

    assert own & _names_of_twisted(ours) == OVERRIDDEN[ours]


def test_all_our_classes_with_a_base_of_twisted_are_listed() -> None:
    found = set()
    for path in Path(gitgate.transports.ssh.__file__).parent.glob("*.py"):
        module = import_module(f"gitgate.transports.ssh.{path.stem}")
        for _, value in inspect.getmembers(module, inspect.isclass):
            if value.__module__ == module.__name__ and _names_of_twisted(value):
                found.add(value)

    assert found == set(OVERRIDDEN)


def test_architecture_md_has_each_of_them_with_its_test() -> None:
    table: dict[str, set[str]] = {ours.__name__: set() for ours in OVERRIDDEN}
    for line in (ROOT / "docs/architecture.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[1].strip("`") in table:
            table[cells[1].strip("`")].update(cells[0].replace("`", "").split())
            for test in cells[3].split(", "):
                folder, _, name = test.partition("/")
                assert (FOLDERS[folder] / name).is_file(), test

    assert table == {ours.__name__: names | SET.get(ours, set()) for ours, names in OVERRIDDEN.items()}


@pytest.mark.parametrize(("ours", "names"), SET.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_set_is_a_name_of_conch(ours: type, names: set[str]) -> None:
    assert names - _names_of_twisted(ours) == set()


def test_what_is_set_on_the_socket_is_a_name_of_twisted() -> None:
    assert (Socket.bufferSize, Socket.SEND_LIMIT) == (2**16, 2**17)


def test_no_private_name_of_twisted_is_used() -> None:
    """A private attribute of conch's that is read or written through `self` would be one that Twisted may change."""
    private = {
        name
        for ours in OVERRIDDEN
        for name in _names_of_twisted(ours)
        if name.startswith("_") and not name.startswith("__")
    }
    assert "_newKeys" in private
    for path in Path(gitgate.transports.ssh.__file__).parent.glob("*.py"):
        used = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        defined = {name for ours in OVERRIDDEN for name in vars(ours)}
        assert used & (private - defined) == set(), path.name


def test_conch_judges_no_message_that_is_not_overridden_or_refused() -> None:
    """A handler that is new in conch would parse what a client sends, and nobody had judged that before."""
    handlers = {name for name in dir(SshTransport) if name.startswith("ssh_")}
    ours = {name for cls in (PacketTransport, KeyedTransport, SshTransport) for name in vars(cls)}
    by_order = {"ssh_KEX_DH_GEX_REQUEST", "ssh_KEX_DH_GEX_INIT"}  # 34 and 32, which KeyExchangeOrder refuses

    assert handlers - ours == by_order | {"ssh_IGNORE"}


def test_conch_sets_up_keys_before_it_says_so() -> None:
    """`sendPacket` takes the new keys into use behind NEWKEYS; they have to be there then."""
    source = inspect.getsource(SSHTransportBase._keySetup)

    assert source.index("nextEncryptions.setKeys(") < source.index("sendPacket(MSG_NEWKEYS")
    assert list(inspect.signature(SSHCiphers.setKeys).parameters) == list(
        inspect.signature(AgreedKeys.setKeys).parameters
    )
    assert messages[21] == "MSG_NEWKEYS"
