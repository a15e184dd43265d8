"""What a command says where a user can mend it."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from polygon import cli


def test_an_unquoted_value_says_how_to_quote(capsys):
    with pytest.raises(SystemExit) as ended:
        cli(OverridesParser.create().parse_overrides)(["predictions=a (1).jsonl"])
    assert ended.value.code == 2
    assert "goes in quotes of its own: \"key='my file (1).json'\"" in capsys.readouterr().err
    assert OverridesParser.create().parse_overrides(["predictions='a (1).jsonl'"])[0].value() == "a (1).jsonl"
