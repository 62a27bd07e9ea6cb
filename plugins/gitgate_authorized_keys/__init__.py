"""authorized-keys: ssh logins with the public keys that stand in files.

    plugin.py      settings, and the answer to `authenticate`
    key_files.py   files and folders into one index from key to user
    options.py     from=, expiry-time= and the others that may stand before a key
    addresses.py   the list of from=
    public_key.py  `type base64` into the key's blob
    bad_line.py    why a line is not used

The lines are those of OpenSSH's authorized_keys. As with sshd, a line that cannot be used is logged and left out, and
the others count: an option that is not known, or not honoured, is a reason for that.
"""

from gitgate_authorized_keys.plugin import AuthorizedKeysPlugin, Settings

__all__ = ["AuthorizedKeysPlugin", "Settings"]
