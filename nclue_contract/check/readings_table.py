"""The readings that a check has found, as a table of settings in TOML."""

from __future__ import annotations

from nclue_contract.check.results import CheckResult


def readings_table(result: CheckResult, name: str) -> str:
    """Return a TOML table with this name and a line per reading; a reading that is still open is a comment."""
    lines = [f"[{name}]  # readings found at {result.target}"]
    for reading, left in result.readings.items():
        lines.append(f'{reading} = "{left[0]}"' if len(left) == 1 else f"# {reading} is open: {' or '.join(left)}")
    return "\n".join(lines) + "\n"


def decided_readings(result: CheckResult) -> dict[str, str]:
    """Return the readings of which one option is left."""
    return {reading: left[0] for reading, left in result.readings.items() if len(left) == 1}
