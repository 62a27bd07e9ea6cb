"""docs/ldap.md is true: its configurations load and log people in, and its tables say what the plugin has."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from gitgate_ldap.settings import LdapSettings, TlsSettings
from slapd import GROUPS, PEOPLE, SERVICE, SERVICE_PASSWORD

from gitgate.config import load_text
from gitgate.plugin import Identity

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs/ldap.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SOURCES = "".join(path.read_text() for path in (PROJECT / "plugins/gitgate_ldap").glob("*.py"))


def cells(heading: str) -> list[list[str]]:
    table = PAGE.partition(f"\n{heading}\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]


@pytest.mark.parametrize("example", EXAMPLES, ids=["first", "active-directory", "freeipa", "user_dn"])
def test_each_example_is_a_configuration(example, tmp_path, slapd):
    (tmp_path / "ldap-password").write_text("secret\n")
    (tmp_path / "ldap-password").chmod(0o600)
    for name in ("corp-ca.pem", "ipa-ca.pem"):
        (tmp_path / name).write_bytes(slapd.ca_file.read_bytes())
    text = example.replace("/etc/gitgate", str(tmp_path)).replace("/srv/git", str(tmp_path))
    if "use: tree" not in text:
        text += f"  - {{use: tree, root: {tmp_path}}}\n"
    if not text.startswith("version:"):
        text = f"version: 1\nlisten: [{{url: 'git://127.0.0.1:0'}}]\n{text}"
    config = load_text(text, base=tmp_path)
    assert config.plugins[0].use == "ldap"


def test_the_first_example_logs_people_in(ldap, log_in, slapd):
    """Its keys, with the servers, the account and the places of the directory that is there."""
    written = set(re.findall(r"^    (\w+):", EXAMPLES[0].partition("  - use: rules")[0], re.MULTILINE)) - {"name"}
    keys = {
        "uris": [slapd.ldaps],
        "tls": {"ca_file": str(slapd.ca_file)},
        "bind_dn": SERVICE,
        "bind_password": SERVICE_PASSWORD,
        "user_base": PEOPLE,
        "group_base": GROUPS,
    }
    assert written == set(keys)
    alice = log_in(ldap(**keys), "alice", "Alice-password")
    assert isinstance(alice, Identity)
    assert (alice.name, "devs" in alice.groups) == ("Alice", True)


def test_the_tables_have_every_key():
    named = {key for row in cells("| key | default | |") for key in re.findall(r"`(\w+)`", row[0])}
    tls = {key for row in cells("| `tls` key | default | |") for key in re.findall(r"`(\w+)`", row[0])}
    assert named == {each.name for each in fields(LdapSettings)}
    assert tls == {each.name for each in fields(TlsSettings)}


@pytest.mark.parametrize("words", [row[0].strip("`") for row in cells("| it says | do this |")])
def test_the_plugin_says_what_the_page_explains(words):
    assert words in SOURCES
