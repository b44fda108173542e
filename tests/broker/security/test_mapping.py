from __future__ import annotations

import pytest

from neuraxis.broker.security.mapping import map_name, parse_rules

DUKE = "CN=Duke,OU=ServiceUsers,O=Org,C=US"


@pytest.mark.parametrize(
    ("rules", "name", "user"),
    [
        ("DEFAULT", DUKE, DUKE),
        ("", DUKE, DUKE),
        (r"RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/", DUKE, "Duke"),
        (r"RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L", DUKE, "duke"),
        (r"RULE:^CN=(.*?),OU=(.*?),O=(.*?),C=(.*?)$/$1@$2/U", DUKE, "DUKE@SERVICEUSERS"),
        (r"RULE:^CN=([^,]+),.*$/$1/,DEFAULT", "OU=x", "OU=x"),
        (r"RULE:^OU=.*$/x/, RULE:^CN=(\w+).*$/$1/L , DEFAULT", DUKE, "duke"),
        (r"RULE:CN=(\w+)/$1/", DUKE, None),
        (r"RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/L", "OU=x,CN=Adam.B", "adam.b"),
        (r"RULE:^CN=(.*?),.*$/\$1/", DUKE, "$1"),
        (r"RULE:^CN=(.*?),.*$/$2/", DUKE, "$2"),
        (r"RULE:^CN=a\/b$/x/", "CN=a/b", "x"),
    ],
)
def test_the_first_rule_that_matches_the_whole_name_counts(rules: str, name: str, user: str | None) -> None:
    assert map_name(name, parse_rules(rules)) == user


@pytest.mark.parametrize("rules", ["RULE:x", "RULE:x/y", "RULE:(/x/", "DEFAULTS x", "default", "RULE:x/y/Z"])
def test_what_is_no_rule_is_refused_with_the_form_to_write(rules: str) -> None:
    with pytest.raises(ValueError, match=r"ssl\.principal\.mapping\.rules"):
        parse_rules(rules)
