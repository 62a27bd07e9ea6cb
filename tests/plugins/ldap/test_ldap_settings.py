"""A wrong setting ends in a message that says which and why."""

import pytest

from gitgate.config import ConfigError, load_text

SITE = """
version: 1
listen: [{url: "git://127.0.0.1:0"}]
plugins:
  - {use: tree, root: .}
  - use: ldap
"""

#: What stands in the file unless a test writes the key itself.
GOOD = {"uris": "[ldapi:///run/slapd/ldapi]", "user_base": "dc=example"}

WRONG = [
    ({"uris": None}, "uris", "this key is required"),
    ({"uris": "[]"}, "uris", "is empty; name a server, such as ldaps://ldap.example.org"),
    ({"uris": "[ldap.example.org]"}, "uris", "ldap.example.org"),
    ({"uris": "[ldaps://a, ldaps://a]"}, "uris", "names a server twice"),
    ({"uri": "ldaps://a"}, "uri", "did you mean 'uris'?"),
    ({"bind_dn": "cn=x"}, "bind_dn", "write both bind_dn and bind_password, or none of them"),
    ({"bind_dn": "cn=x", "bind_password": "''"}, "bind_password", "is empty; to ask anonymously, write neither"),
    ({"user_dn": "uid={username},dc=x"}, "user_base", "write either user_base"),
    ({"user_base": None}, "user_base", "write either user_base"),
    ({"user_base": "people"}, "user_base", "'people' is no DN"),
    ({"user_base": None, "user_dn": "uid=alice,dc=x"}, "user_dn", "must have {username} in it"),
    ({"user_filter": "(uid={user})"}, "user_filter", "{user} stands for nothing here; {username} can be written"),
    ({"user_filter": "(uid=alice)"}, "user_filter", "must have {username} in it"),
    ({"user_filter": "((uid={username})"}, "user_filter", "is no LDAP filter"),
    ({"user_scope": "subtree"}, "user_scope", "sub"),
    ({"preset": "ad"}, "preset", "active-directory"),
    ({"group_filter": "(member={user_dn})"}, "group_filter", "needs group_base"),
    ({"require_groups": "[devs]"}, "require_groups", "needs group_base"),
    ({"group_base": "dc=x", "nested": "11"}, "nested", "is how many levels of groups in groups are followed: 0 to 10"),
    ({"group_base": "dc=x", "nested_filter": "(member={group_dn})"}, "nested_filter", "is for nested"),
    ({"known_elsewhere": "[deploy]"}, "known_elsewhere", "is for require_known: true"),
    ({"attributes": "{username: ''}"}, "attributes", "is empty, and names come from it"),
    ({"attributes": "{email: 'a b'}"}, "attributes", "'a b' is no name of an attribute"),
    ({"default_domain": "'.'"}, "default_domain", "is empty; write the domain, such as corp.example.org"),
    ({"timeout": "0s"}, "timeout", "must be longer than 0s"),
    ({"cache": "{max: 0}"}, "cache", "must be at least 1; to use no answer again, write ttl: 0s"),
    ({"pool": "{size: -1}"}, "pool", "is a number of connections; 0 keeps none"),
    ({"uris": "[ldaps://a]", "tls": "{cert: a.pem}"}, "tls", "a client certificate has two files"),
    ({"uris": "[ldaps://a]", "tls": "{verify: false, ca_file: a.pem}"}, "tls", "nothing is compared with it"),
    ({"uris": "[ldaps://a]", "tls": "{min_version: '1.1'}"}, "tls", "1.2"),
]


@pytest.mark.parametrize(("keys", "key", "why"), WRONG, ids=[str(keys)[:60] for keys, *_ in WRONG])
def test_a_wrong_setting_is_named_with_the_reason(keys, key, why, tmp_path):
    lines = "".join(f"    {name}: {value}\n" for name, value in (GOOD | keys).items() if value is not None)
    with pytest.raises(ConfigError) as raised:
        load_text(SITE + lines.replace(": (", ": '(").replace(")\n", ")'\n"), base=tmp_path, environ={})
    (problem,) = str(raised.value).splitlines()
    assert f"plugins[1].{key}" in problem
    assert why in problem
