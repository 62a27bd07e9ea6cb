"""Decides by a list of rules who may read, write and create which repositories. The first rule that matches decides.

    plugin.py      RulesPlugin: walks the rules
    settings.py    a rule as it is written, and what can be wrong with it
    globs.py       which repositories a pattern such as "users/{user}/**" means
    principals.py  whom a word such as "group:devs" means

`Rule` tells how a rule is written.
"""

from gitgate_rules.plugin import RulesPlugin
from gitgate_rules.settings import Rule, RulesSettings

__all__ = ["Rule", "RulesPlugin", "RulesSettings"]
