"""repoperms: who may read and write which repository, from GitServerGlue's `.repoperms`.

    plugin.py  settings, and the answer to `authorize`
    table.py   the file into a table, or all that is wrong with it

    # .repoperms
    [team/app.git]
    alice = rw
    bob = r
    mallory = -
    anonymous = r

GitServerGlue matched a section with the last part of a path, so that one section was for every `app.git` there was, and
it took any value with an `r` in it for a right to read, `never` too. Here, such files are an error, or silent about
what they did not name; `[team/app.git]` and `[team/app]` are the same.
"""

from gitgate_repoperms.plugin import RepopermsPlugin, Settings

__all__ = ["RepopermsPlugin", "Settings"]
