"""The list of from=."""

import pytest
from gitgate_authorized_keys.addresses import AddressList
from gitgate_authorized_keys.bad_line import BadLine
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("patterns", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.0/24", "192.0.2.7"),
        ("198.51.100.1,192.0.2.0/24", "192.0.2.7"),
        ("192.0.2.*", "192.0.2.7"),
        ("192.0.?.7", "192.0.2.7"),
        ("*", "192.0.2.7"),
        ("2001:db8::/32", "2001:db8::7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("2001:DB8:*", "2001:db8::7"),
        ("fe80::/10", "fe80::7%eth0"),
        ("!192.0.2.8,192.0.2.0/24", "192.0.2.7"),
        ("0.0.0.0/0", "192.0.2.7"),
    ],
)
def test_an_address_in_the_list_is_included(patterns: str, address: str) -> None:
    assert AddressList.parse(patterns).includes(address)


@pytest.mark.parametrize(
    ("patterns", "address"),
    [
        ("192.0.2.7", "192.0.2.70"),
        ("192.0.2.0/24", "192.0.3.7"),
        ("192.0.2.?", "192.0.2.70"),
        ("*.7", "192.0.2.70"),
        ("0.0.0.0/0", "2001:db8::7"),
        ("::/0", "192.0.2.7"),
        ("192.0.2.0/24,!192.0.2.7", "192.0.2.7"),
        ("!192.0.2.7,192.0.2.0/24", "192.0.2.7"),
        ("!192.0.2.*,*", "192.0.2.7"),
        ("!192.0.2.8", "192.0.2.7"),
    ],
)
def test_an_address_outside_the_list_or_taken_out_is_not_included(patterns: str, address: str) -> None:
    assert not AddressList.parse(patterns).includes(address)


def test_an_ipv4_client_is_the_same_on_a_socket_for_both_families() -> None:
    """`from="!192.0.2.7,*"` shuts a client out; it comes as ::ffff:192.0.2.7, as a dual-stack socket names it."""
    addresses = AddressList.parse("!192.0.2.7,*")

    assert [addresses.includes(address) for address in ("::ffff:192.0.2.7", "::ffff:192.0.2.8")] == [False, True]


@pytest.mark.parametrize("address", ["", "UNKNOWN", "*", "192.0.2", "client.example.org"])
def test_a_client_without_an_address_is_never_included(address: str) -> None:
    assert not AddressList.parse("*,0.0.0.0/0,::/0").includes(address)


def test_host_names_never_match_and_are_named() -> None:
    addresses = AddressList.parse("*.Example.org,192.0.2.7,10.0.0.0/255.0.0.0,fe80*")

    assert addresses.never_match == ("*.example.org", "10.0.0.0/255.0.0.0", "fe80*")
    assert addresses.includes("192.0.2.7")


@pytest.mark.parametrize("patterns", ["!bad.example.org,*", "*,!bad", "*,!*.bad", "*,!10.0.0.0/99"])
def test_a_host_name_that_is_taken_out_refuses_the_list(patterns: str) -> None:
    """The author shuts bad.example.org out; as no name is ever looked up, ignoring the item would let it in."""
    with pytest.raises(BadLine, match="host names are not looked up"):
        AddressList.parse(patterns)


@pytest.mark.parametrize("patterns", ["", ",", "192.0.2.7,", "!,*", "192.0.2.7,,192.0.2.8"])
def test_an_empty_item_refuses_the_list(patterns: str) -> None:
    with pytest.raises(BadLine, match="not an address"):
        AddressList.parse(patterns)


@pytest.mark.parametrize("patterns", ["10.1.2.3/8", "!10.1.2.3/8,*", "2001:db8::1/32"])
def test_a_network_with_bits_beyond_its_mask_refuses_the_list(patterns: str) -> None:
    with pytest.raises(BadLine, match="neither one address nor a network"):
        AddressList.parse(patterns)


@given(patterns=st.text() | st.text(alphabet="0123456789abcdef:./*?!,[%"), address=st.text() | st.ip_addresses())
def test_no_text_raises_anything_but_bad_line(patterns: str, address: object) -> None:
    try:
        addresses = AddressList.parse(patterns)
    except BadLine:
        return
    assert addresses.includes(str(address)) in (True, False)


@given(network=st.ip_addresses().map(str), stars=st.integers(0, 40), address=st.ip_addresses())
def test_a_pattern_of_many_stars_is_quick(network: str, stars: int, address: object) -> None:
    """Translated naively into a regular expression, `*1*1*1...` tries every way to cut an address into pieces."""
    assert AddressList.parse("*1" * stars + "*").includes(str(address)) == (str(address).count("1") >= stars)
