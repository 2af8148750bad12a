"""A contract check through the proxy: the same result as without, and nothing is found at servers that keep the contract.

The 120 requests that find most are of every kind; the others differ from them in single characters. Left out is the case that waits for
the time of creation to move, which is the server's business alone.
"""

import json
import signal
import subprocess
import sys

import pytest

from tests.support.forked_command import run_forked
from tests.support.server_process import environment, running
from tests.support.tools import ROOT


@pytest.fixture(params=[["flask"], ["aiohttp", "--variant"]], ids=" ".join)
def server(request):
    """Run a server that was written without the package, and makes its own choices; return its base URL."""
    name, *options = request.param
    command = [sys.executable, "-m", f"tests.conforming_servers.{name}_server", "--step", "0.3", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield process.stdout.readline().strip()
        process.kill()


def test_a_check_passes_through_the_proxy_and_no_exchange_is_an_error_of_the_server(server, tmp_path):
    report = tmp_path / "report.json"
    with running(server, "--side", "server", "--report", f"json:{report}", name="proxy") as proxy:
        options = ["--lifecycle-timeout", "10", "--timeout", "60", "--budget", "120", "--skip", "NC405"]
        checked = run_forked(["check", proxy.url, *options], environment())
        code = proxy.stop(signal.SIGINT)
    assert (checked.code, code) == (0, 0), checked.out[-2000:]
    judged = json.loads(report.read_text(encoding="utf-8"))
    assert judged["summary"]["exchanges"] > 110
    assert judged["summary"]["errors"] == 0
