"""The programs that tests fork begin as in a process of their own, but for what is imported."""

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis._settings import _CI_VARS

from tests.support.forked_command import NCLUE_CONTRACT, PYTEST, SCHEMATHESIS, run_forked
from tests.support.server_process import environment

STATE = """
import json, os, random, signal, sys, threading
from hypothesis import configuration, settings

print(json.dumps({
    "words": sys.argv,
    "folder": os.getcwd(),
    "environment": dict(os.environ),
    "path": sys.path[0],
    "number": random.random(),
    "threads": threading.active_count(),
    "signals": [signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL],
    "descriptors": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 4,
    "profile": settings.get_current_profile_name(),
    "storage": str(configuration.storage_directory("examples").path),
    "modules": sorted(sys.modules),
}))
"""


def state(folder, program=PYTEST, **variables):
    variables = environment(**dict.fromkeys(_CI_VARS) | {"HYPOTHESIS_STORAGE_DIRECTORY": None} | variables)
    done = run_forked(["-x", 1], variables, cwd=folder, script=STATE, program=program)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out), variables


@pytest.mark.parametrize("program", [PYTEST, SCHEMATHESIS])
def test_it_has_the_words_folder_environment_and_path_of_its_own(tmp_path, program):
    found, variables = state(tmp_path, program, NAME="ä")
    assert found["words"] == [program.name, "-x", "1"]
    assert found["folder"] == str(tmp_path)
    assert found["environment"] == variables
    assert found["path"] == str(tmp_path if program is PYTEST else Path(sys.executable).parent)
    assert found["storage"] == str(tmp_path / ".hypothesis" / "examples")
    assert (found["threads"], found["signals"], found["descriptors"]) == (1, [True, True], 4)  # three streams, and that of listdir


def test_two_of_them_draw_other_numbers(tmp_path):
    assert state(tmp_path)[0]["number"] != state(tmp_path)[0]["number"]


@pytest.mark.parametrize(("variables", "profile"), [({}, "default"), ({"TF_BUILD": "true"}, "ci")])
def test_hypothesis_has_the_profile_of_the_environment(tmp_path, variables, profile):
    assert state(tmp_path, **variables)[0]["profile"] == profile


def test_no_plugin_that_tests_name_is_imported(tmp_path):
    modules = set(state(tmp_path)[0]["modules"])
    assert not {name for name in modules if name.startswith(("nclue_contract.pytest_plugin", "nclue_contract.schemathesis_hooks"))}
    assert not {name for name in modules if name.partition(".")[0] in {"xdist", "pytest_httpx", "pytest_recording", "vcr"}}
    assert not modules & {"_hypothesis_pytestplugin", "schemathesis.pytest.plugin"}


ENDS = {
    "import sys; sys.exit('a message')": (1, "a message\n"),
    "import atexit; atexit.register(print, 'end')": (0, ""),
    "raise SystemExit(7)": (7, ""),
    "import os; os.kill(os.getpid(), 9)": (-9, ""),
}


@pytest.mark.parametrize("script", ENDS)
def test_its_exit_code_is_that_of_python(script):
    done = run_forked([], os.environ, script=script, program=NCLUE_CONTRACT)
    assert (done.code, done.err) == ENDS[script]
    assert done.out == ("end\n" if "atexit" in script else "")


def test_an_exception_is_shown():
    done = run_forked([], os.environ, script="1 / 0", program=NCLUE_CONTRACT)
    assert done.code == 1
    assert done.err.endswith("\nZeroDivisionError: division by zero\n")
