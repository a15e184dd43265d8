"""What every command does with bad input: one line that names it, exit code 2, no traceback."""

import pytest

COMMAND = """
from polygon import UserError
from conf import command

@command("tool")
def main(config):
    if config.epsilon == 0:
        raise UserError("epsilon is 0")
    print("ran", 1 // config.steps, config.missing)

main()
"""
CONFIG = """
{epsilon: 0.5, steps: 1, missing: "???", hydra: {run: {dir: .}, output_subdir: null, job: {chdir: false}}}
"""


@pytest.fixture(scope="module")
def run(tool):
    return tool(COMMAND, CONFIG, size_large="steps: 2")


@pytest.mark.parametrize(
    ("override", "code", "said"),
    [
        ("missing=here", 0, ""),
        ("epsilon=0", 2, "error: epsilon is 0\n"),
        ("epsylon=0", 2, "error: Could not override 'epsylon'. To append to your config use +epsylon=0\n"),
        ("+size=small", 2, "error: In 'tool': Could not find 'size/small' Available options in 'size': large\n"),
        ("epsilon=[", 2, "error: no viable alternative at input '['"),
        ("epsilon=1", 2, "error: Missing mandatory value: missing"),
        ("steps=0", 1, "ZeroDivisionError"),
    ],
)
def test_bad_input_is_one_line_and_a_bug_a_traceback(override, code, said, run):
    ran = run(override)
    assert (ran.returncode, ran.stdout.startswith("ran 1 here")) == (code, code == 0)
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1 or code != 2
