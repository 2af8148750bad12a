"""Validate large JSON Lines files with Dask: `python with_dask.py FILE … [--part-bytes N] [--scheduler ADDRESS]`.

Without an address, Dask uses the processes of this machine; with that of a scheduler (`tcp://…`, needs `distributed`), its workers.
Prints the findings as JSON Lines, and the counts at the end on standard error. Exit code 1 if a payload is invalid.
"""

from __future__ import annotations

import argparse
import json
import sys

import dask
import dask.bag
from parts import Result, parts_of, validate_part


def validated(paths: list[str], part_bytes: int) -> list[Result]:
    """Validate the parts of the files, each as a task of Dask; the results are in the order of the input."""
    parts = [part for path in paths for part in parts_of(path, part_bytes)]
    if not parts:
        return []
    results: list[Result] = dask.bag.from_sequence(parts, npartitions=len(parts)).map(validate_part).compute()
    return results


def main(arguments: list[str] | None = None) -> int:
    """Validate the files that are named, and return the exit code."""
    parser = argparse.ArgumentParser(description="Validate large JSON Lines files with Dask.")
    parser.add_argument("paths", nargs="+", metavar="FILE")
    parser.add_argument("--part-bytes", type=int, default=64_000_000, help="bytes of a part (64,000,000)")
    parser.add_argument("--scheduler", help="address of a Dask scheduler, or threads, processes or synchronous (processes)")
    options = parser.parse_args(arguments)
    if options.scheduler and "://" in options.scheduler:
        from dask.distributed import Client

        with Client(options.scheduler) as client:
            client.upload_file(__file__.replace("with_dask.py", "parts.py"))
            results = validated(options.paths, options.part_bytes)
    else:
        with dask.config.set(scheduler=options.scheduler or "processes"):
            results = validated(options.paths, options.part_bytes)
    for row in (row for result in results for row in result.rows):
        print(json.dumps(row._asdict()))
    payloads, valid = sum(result.payloads for result in results), sum(result.valid for result in results)
    print(f"parts: {len(results):,}, payloads: {payloads:,}, valid: {valid:,}, invalid: {payloads - valid:,}", file=sys.stderr)
    return 1 if valid < payloads else 0


if __name__ == "__main__":
    sys.exit(main())
