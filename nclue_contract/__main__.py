"""`python -m nclue_contract` is the command `nclue-contract`."""

import sys

from nclue_contract.cli.main import main

sys.exit(main())
