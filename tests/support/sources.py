"""The payloads of a file as one sequence, however they are read."""

import sys

from nclue_contract.cli.sources import LineBlock, PayloadGroup, Reading, parts


def payloads(name, stdin, input_format=None, progress=None, max_line=sys.maxsize, valid_blocks=None):
    """Yield the payloads of the parts of one file, with the notes and what cannot be read between them."""
    for part in parts(name, stdin, Reading(input_format, max_line, valid_blocks), progress):
        if isinstance(part, LineBlock | PayloadGroup):
            yield from part.payloads()
        else:
            yield part
