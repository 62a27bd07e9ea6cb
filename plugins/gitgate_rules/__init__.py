"""Decides by a list of rules who may read, push to and create which repositories. The first rule that matches decides.

    plugin.py          RulesPlugin: finds the rules that are about a request, and lets them judge
    judging.py         what these rules say of a request, and of each ref of a push
    ready_rule.py      a rule, parsed once
    settings.py        a rule as it is written, and what can be wrong with it
    rules_file.py      rules in a file of their own, each with its line
    never_decides.py   finds rules that cannot matter
    globs.py           which repositories or refs a pattern such as "users/{user}/**" means
    principals.py      whom a word such as "group:devs" means

`Rule` tells how a rule is written; docs/rules.md is for those who write them.
"""

from gitgate_rules.plugin import RulesPlugin
from gitgate_rules.rules_file import LabelledRule, labelled_rules
from gitgate_rules.settings import Rule, RulesSettings

__all__ = ["LabelledRule", "Rule", "RulesPlugin", "RulesSettings", "labelled_rules"]
