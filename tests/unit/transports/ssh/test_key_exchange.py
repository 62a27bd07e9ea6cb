import pytest
from twisted.conch.ssh.common import NS

from gitgate.transports.ssh.key_exchange import KeyExchangeOrder, read_proposal
from gitgate.wire.malformed import Malformed

KEXINIT, NEWKEYS, SHARE = 20, 21, 30


def after(*messages: int) -> KeyExchangeOrder:
    order = KeyExchangeOrder()
    for message in messages:
        order.received(message)
    return order


def test_a_whole_key_exchange_and_another_one_later_are_in_order() -> None:
    after(KEXINIT, SHARE, NEWKEYS, 5, 50, 90, 98, KEXINIT, SHARE, NEWKEYS, 94)


@pytest.mark.parametrize("message", [1, 2, 3, 4])
def test_messages_about_the_connection_itself_may_come_at_any_time(message: int) -> None:
    after(message, KEXINIT, message, SHARE, message, NEWKEYS, message)


@pytest.mark.parametrize("message", [5, 7, NEWKEYS, SHARE, 31, 50, 90])
def test_nothing_may_come_before_the_first_key_exchange(message: int) -> None:
    """CVE-2018-10933, CVE-2018-7749: services that answered before there were keys or a login."""
    with pytest.raises(Malformed, match=f"message {message} has no place here"):
        after(message)


@pytest.mark.parametrize("message", [5, 7, 80, 90, 94, 98])
@pytest.mark.parametrize("begun", [(KEXINIT,), (KEXINIT, SHARE)])
def test_a_client_that_began_a_key_exchange_may_ask_for_nothing_until_its_end(message: int, begun: tuple) -> None:
    """Answers wait in memory until the new keys are there. A client that never ends the exchange and goes on asking
    would fill it."""
    order = after(KEXINIT, SHARE, NEWKEYS, *begun)

    with pytest.raises(Malformed):
        order.received(message)


@pytest.mark.parametrize(
    "messages",
    [
        (KEXINIT, KEXINIT),
        (KEXINIT, NEWKEYS),
        (KEXINIT, SHARE, SHARE),
        (KEXINIT, SHARE, NEWKEYS, NEWKEYS),
        (KEXINIT, 34),
    ],
)
def test_messages_of_a_key_exchange_out_of_order_are_refused(messages: tuple[int, ...]) -> None:
    order = after(*messages[:-1])

    with pytest.raises(Malformed):
        order.received(messages[-1])


@pytest.mark.parametrize("message", [2, 3, 4])
@pytest.mark.parametrize("step", [(), (SHARE,)])
def test_strict_means_that_nothing_is_passed_over_before_the_first_keys(message: int, step: tuple[int, ...]) -> None:
    """CVE-2023-48795: see tests/attack/ssh/test_key_exchange.py."""
    order = after(KEXINIT)
    order.be_strict()
    for each in step:
        order.received(each)

    with pytest.raises(Malformed, match="strict key exchange"):
        order.received(message)


def test_strict_means_that_the_proposal_comes_first() -> None:
    order = after(2, KEXINIT)

    with pytest.raises(Malformed, match="strict key exchange"):
        order.be_strict()


def test_a_strict_client_may_say_goodbye_at_any_time_and_the_rest_once_there_are_keys() -> None:
    order = after(1, KEXINIT)
    order.be_strict()

    for message in (1, SHARE, NEWKEYS, 2, 3, 4, 7, 5, KEXINIT, 2, SHARE, 4, NEWKEYS):
        order.received(message)

    assert order.is_strict


WHOLE = b"c" * 16 + NS(b"a,b") + NS(b"") * 9 + b"\0" + bytes(4)


def test_the_key_exchanges_are_read_from_a_proposal() -> None:
    assert read_proposal(WHOLE).key_exchanges == (b"a", b"b")


@pytest.mark.parametrize("packet", [b"", WHOLE[:-1], WHOLE[:40], WHOLE + b"\0", WHOLE[:16] + b"\xff" * 60])
def test_a_proposal_that_is_not_whole_is_malformed(packet: bytes) -> None:
    with pytest.raises(Malformed):
        read_proposal(packet)
