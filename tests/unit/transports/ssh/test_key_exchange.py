import pytest

from gitgate.transports.ssh.key_exchange import KeyExchangeOrder
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


def test_after_a_wrong_guess_the_share_comes_once_more() -> None:
    order = after(KEXINIT)

    order.received(SHARE, ignored=True)
    order.received(SHARE)
    order.received(NEWKEYS)
