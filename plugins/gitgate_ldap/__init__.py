"""Logs people in with the passwords and ssh keys of an LDAP directory, and gives them its groups.

    settings.py          what stands in the configuration, and what can be wrong with it
    presets.py           filters and attributes of OpenLDAP, Active Directory and FreeIPA
    layout.py            both together: how people and groups are found here
    templates.py, dn.py  filters and DNs, with names escaped
    uris.py, tls.py      where servers listen, and how connections are secured

    plugin.py            the hooks, and what is answered without asking
    caches.py            answers that are used again for a while
    names.py             names and passwords as they are typed, and what somebody is called
    logins.py            a login: find, bind, groups
    people.py            somebody's entry, and what follows from it
    groups.py            their groups, groups in groups included
    ssh_keys.py          their ssh keys
    bind_answers.py      what a refused bind means
    online.py            what `gitgate check --online` says

    directory.py         asks as the service account, or binds with somebody's password
    servers.py           which server is asked, and which are left alone
    pool.py              connections that wait to be used again
    entries.py           what is asked, and what is found
    errors.py            how asking can fail
    ldap3_connection.py  one connection; the only module that knows ldap3
    deadline.py          one deadline over all that an operation does at a socket

A login is judged by the directory, with exactly one bind for each password that is typed. Whatever goes wrong on the
way is raised, and gitgate takes it for an outage: it is never a wrong password, and never a name that nobody has.
"""

from gitgate_ldap.plugin import LdapPlugin
from gitgate_ldap.settings import LdapSettings

__all__ = ["LdapPlugin", "LdapSettings"]
