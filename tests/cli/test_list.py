"""`lookhear list` and the way the command line reports mistakes."""

import json
import subprocess
import sys


def lookhear(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "lookhear.cli", *arguments], capture_output=True, text=True)


def test_list_as_json_is_a_mapping():
    assert isinstance(json.loads(lookhear("list", "nets", "--json").stdout), dict)


def test_a_mistake_is_one_line_and_exit_code_2():
    done = lookhear("list", "encoder")
    assert done.returncode == 2
    assert done.stderr == "lookhear: No kind of thing is called 'encoder'. Did you mean 'encoders'?\n"


def test_debug_shows_where_it_came_from():
    assert "Traceback" in lookhear("list", "encoder", "--debug").stderr
