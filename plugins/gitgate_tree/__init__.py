"""Serves the repositories below some folders: nested at any depth, bare or with a work tree, with or without ".git".

    plugin.py      TreePlugin: answers the hooks
    settings.py    what stands in the configuration
    names.py       names of repositories, and those that may be made
    patterns.py    which names a pattern such as "users/{user}/**" means
    aliases.py     old names of repositories that were renamed
    roots.py       several roots as one space of names; tenants by host and user name
    tree.py        one root: which repository a name leads to
    recognise.py   what git would serve from a directory
    creation.py    makes a repository
    walk.py        all that looks like a repository below a root
    defects.py     what is the matter with one repository
    survey.py      what is the matter with all of them

`Tree` tells what is served, under which name, and what is not.
"""

from gitgate_tree.plugin import TreePlugin
from gitgate_tree.settings import Alias, CreateOnPush, Root, TreeSettings

__all__ = ["Alias", "CreateOnPush", "Root", "TreePlugin", "TreeSettings"]
