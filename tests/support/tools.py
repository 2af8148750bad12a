"""Programs that are not installed by pip: where they are, and what to do when they are missing."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NODE_MODULES = ROOT / "tools" / "node" / "node_modules"


def missing(what: str) -> NoReturn:
    """Skip the test; fail it on CI, where a skipped test would look like a passed one."""
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


def node() -> str:
    """Return the Node that `make node` found or installed; the one beside this Python comes first."""
    found = shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if not found:
        missing("Node is missing; run: make node")
    if not NODE_MODULES.is_dir():
        missing("tools/node/node_modules is missing; run: make node")
    return found


def node_tool(script: str) -> list[str]:
    """Return the command that runs a script of an installed Node package, such as `ajv/bin/ajv.js`."""
    return [node(), str(NODE_MODULES / script)]


def chromium_command() -> list[str]:
    """Return the command of a headless Chromium that does nothing of its own; skip the test where there is none."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        missing("Chromium is missing; on Debian: apt-get install chromium")
    quiet = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
    return [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", *quiet]
