"""Serves the repositories below one folder: nested at any depth, bare or with a work tree, with or without ".git".

    plugin.py      TreePlugin: the settings, and a request's path taken apart
    tree.py        one root: which repository a path leads to, and what it is called
    recognise.py   what git would serve from a directory

`Tree` tells what is served, under which name, and what is not.
"""

from gitgate_tree.plugin import TreePlugin, TreeSettings

__all__ = ["TreePlugin", "TreeSettings"]
