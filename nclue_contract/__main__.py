"""Run the command `nclue-contract` with `python -m nclue_contract`."""

import sys

from nclue_contract.cli.main import main

sys.exit(main())
