"""Print the table of `make bench`: the rows of `bench_validator` and `bench_cli` in one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tools import bench_cli, bench_validator
from tools.comparison import print_head, print_row


def main() -> None:
    """Print the table."""
    print_head()
    missed = [row.question for row in bench_validator.rows() if not print_row(row, 50)]
    with tempfile.TemporaryDirectory() as folder:
        missed += [row.question for row in bench_cli.rows(Path(folder), bench_cli.LINES) if not print_row(row, 5)]
    print(f"\ngoals missed: {'; '.join(missed) or 'none'}")


if __name__ == "__main__":
    main()
