"""What holds for a test: its marker, before the command line, before the ini file, before [tool.nclue-contract], before the defaults."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nclue_contract import __version__
from nclue_contract.cli.arguments import report_target
from nclue_contract.cli.config import ConfigError, ProjectSettings
from nclue_contract.cli.config import load as load_file
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings, parse_pins
from nclue_contract.validation.findings import Report
from nclue_contract.validation.validator import Validator

MARKER = "@pytest.mark.nclue"
"""How the marker is written."""

GUARDS = ("auto", "on", "off")
"""Whose calls to the real host are refused: those of tests that use a fixture of ours, of all, of none."""

Layer = tuple[str, Mapping[str, str]]
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CoverageOptions:
    """What is made of the coverage in the end. `show` prints it, `path` is that of the JSON report, `floor` a percentage."""

    show: bool = False
    path: Path | None = None
    floor: float | None = None

    @property
    def wanted(self) -> bool:
        """Whether anything is made of it."""
        return self.show or self.path is not None or self.floor is not None


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the session; `for_test` gives those of a test. `layers` are pins with their sources, the weakest first."""

    layers: tuple[Layer, ...] = ()
    strict: bool = False
    ignore: tuple[str, ...] = ()
    guard: str = "auto"
    url: str = ""
    coverage: CoverageOptions = field(default_factory=CoverageOptions)
    allow: frozenset[str] = frozenset()
    progress: str = "immediate"
    faults: tuple[str, ...] = ()

    @property
    def readings(self) -> Readings:
        """The readings, with their sources."""
        return Readings.choose(*self.layers)

    def validator(self) -> Validate:
        """A validator with these settings; the same one for the same settings, because making one takes milliseconds."""
        readings = self.readings
        return _validator(tuple(readings.options.items()), tuple(readings.sources.items()), self.strict, self.ignore)

    def for_test(self, markers: Iterable[pytest.Mark]) -> Settings:
        """What holds for a test with these markers, the closest first. Raises `ValueError` that says which marker is wrong and why."""
        settings = self
        for mark in reversed(list(markers)):
            if mark.args:
                raise ValueError(f'{MARKER} takes names and values, such as allow=["NC120"]; {mark.args[0]!r:.80} has no name')
            for name, value in mark.kwargs.items():
                if name not in _CHANGES:
                    raise ValueError(f"{MARKER}({name}=…): unknown; it takes {', '.join(_CHANGES)}")
                try:
                    settings = dataclasses.replace(settings, **_CHANGES[name](settings, value))
                except ValueError as error:
                    raise ValueError(f"{MARKER}({name}=…): {error}") from error
        return settings

    def __str__(self) -> str:
        readings = self.readings
        pins = [f"{name}={option} ({readings.sources[name]})" for name, option in readings.items() if readings.pinned(name)]
        parts = [*pins, "strict" if self.strict else "", f"ignores {', '.join(self.ignore)}" if self.ignore else ""]
        parts += [f"guard {self.guard}" if self.guard != "auto" else ""]
        parts += [f"url {self.url} (nothing is reset or judged there)" if self.url else ""]
        return "; ".join(filter(None, [f"{__version__}, contract {contract().revision}", *parts]))


class Validate(Validator):
    """A `Validator` that can also be called: `validate(payload)` judges a payload, or its JSON as text or bytes."""

    def __call__(self, payload: object) -> Report:
        """Judge a payload of createTask."""
        if isinstance(payload, str | bytes | bytearray | memoryview):
            return self.validate_request_json(payload)
        return self.validate_request(payload)


@cache
def _validator(options: Pairs, sources: Pairs, strict: bool, ignore: tuple[str, ...]) -> Validate:  # noqa: FBT001  # the key of the cache
    return Validate(Readings(dict(options), dict(sources)), strict=strict, ignore=ignore)


# -- of the session ------------------------------------------------------------------------------------------------------------------


def load(config: pytest.Config, *, named: bool) -> Settings:
    """The settings of the session. Raises `pytest.UsageError` with one line that says what is wrong and where it stands.

    `named` tells whether a pyproject.toml names us; if none does, none is read, and it does not matter whether that can be done.
    """
    try:
        file = load_file(config.rootpath) if named else ProjectSettings()
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from error
    try:
        ignore = tuple(contract().require_rule(name).code for name in file.ignore)
    except ValueError as error:
        raise pytest.UsageError(f"{file.path}: {error}") from error
    option, where = config.option, _of_ini(config)
    layers: list[Layer] = [
        (str(file.path), file.readings),
        (where("nclue_readings"), _pins(where("nclue_readings"), _ini(config, "nclue_readings") or [])),
        ("--nclue-reading", _pins("--nclue-reading", option.nclue_readings)),
    ]
    for source, pins in layers:
        try:
            Readings.choose((source, pins))
        except ValueError as error:
            raise pytest.UsageError(f"{source}: {error}") from error
    strict = next(value for value in (option.nclue_strict, _ini(config, "nclue_strict"), file.strict) if value is not None)
    guard = _mode("--nclue-guard", option.nclue_guard) or _mode(where("nclue_guard"), _ini(config, "nclue_guard")) or "auto"
    url = _url("--nclue-url", option.nclue_url) or _url(where("nclue_url"), _ini(config, "nclue_url"))
    coverage = CoverageOptions(option.nclue_coverage, _path(option.nclue_coverage_report), _floor(option.nclue_coverage_floor))
    kept = tuple(layer for layer in layers if layer[1])
    return Settings(layers=kept, strict=strict, ignore=ignore, guard=guard, url=url, coverage=coverage)


def _of_ini(config: pytest.Config) -> Callable[[str], str]:
    """How an ini option is called in messages: with the file it stands in, or could stand in."""
    file = config.inipath.name if config.inipath else "-o"
    return lambda name: f"{name} in {file}" if config.inipath else f"{file} {name}"


def _ini(config: pytest.Config, name: str) -> Any:  # noqa: ANN401  # what pytest makes of it
    try:
        return config.getini(name)
    except (ValueError, TypeError, pytest.UsageError) as error:  # which one depends on the version of pytest
        raise pytest.UsageError(f"{_of_ini(config)(name)}: {error}") from error


def _pins(source: str, texts: Iterable[str]) -> dict[str, str]:
    try:
        return parse_pins(texts)
    except ValueError as error:
        raise pytest.UsageError(f"{source}: {error}") from error


def _mode(source: str, text: str | None) -> str | None:
    if text and text not in GUARDS:
        raise pytest.UsageError(f"{source}: {text!r:.80} is none of {', '.join(GUARDS)}")
    return text


def _url(source: str, text: str | None) -> str:
    if not text:
        return ""
    try:
        Target.parse(text)
    except ValueError as error:
        raise pytest.UsageError(f"{source}: {error}") from error
    return text.rstrip("/")


def _path(text: str | None) -> Path | None:
    if text is None:
        return None
    try:
        return report_target(text, ("json",))[1].absolute()
    except ValueError as error:
        raise pytest.UsageError(f"--nclue-coverage-report: {error}") from error


def _floor(percent: float | None) -> float | None:
    if percent is not None and not 0 <= percent <= 100:
        raise pytest.UsageError(f"--nclue-coverage-fail-under: {percent:g} is no percentage, 0 to 100")
    return percent


# -- of a marker ---------------------------------------------------------------------------------------------------------------------


def _texts(value: object) -> list[str]:
    texts: list[object] = list(value) if isinstance(value, Collection) and not isinstance(value, str) else [value]
    strings = [text for text in texts if isinstance(text, str)]
    if len(strings) != len(texts):
        raise ValueError(f"expected a text or several, not {value!r:.80}")
    return strings


def _allow(_: Settings, value: object) -> dict[str, Any]:
    return {"allow": frozenset(contract().require_rule(name).code for name in _texts(value))}


def _readings(settings: Settings, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f'expected a mapping, such as {{"path-del": "forbidden"}}, not {value!r:.80}')  # noqa: TRY004  # told like the others
    Readings.choose((MARKER, value))
    return {"layers": (*settings.layers, (MARKER, value))}


def _progress(_: Settings, value: object) -> dict[str, Any]:
    from nclue_contract.service.lifecycle import Progress  # noqa: PLC0415  # for this option only

    Progress.parse(str(value))
    return {"progress": str(value)}


def _fault(_: Settings, value: object) -> dict[str, Any]:
    from nclue_contract.service.faults.catalogue import plant  # noqa: PLC0415  # for this option only
    from nclue_contract.service.service import Service  # noqa: PLC0415

    texts = _texts(value)
    for text in texts:
        plant(Service(), text)  # one that is thrown away, to see whether it can be planted
    return {"faults": tuple(texts)}


def _strict(_: Settings, value: object) -> dict[str, Any]:
    if not isinstance(value, bool):
        raise ValueError(f"expected True or False, not {value!r:.80}")  # noqa: TRY004  # told like the others
    return {"strict": value}


def _guard(_: Settings, value: object) -> dict[str, Any]:
    if value not in GUARDS:
        raise ValueError(f"{value!r:.80} is none of {', '.join(GUARDS)}")
    return {"guard": value}


_CHANGES: dict[str, Callable[[Settings, object], dict[str, Any]]] = {
    "allow": _allow,
    "readings": _readings,
    "progress": _progress,
    "fault": _fault,
    "strict": _strict,
    "guard": _guard,
}
"""What the marker takes, and what is made of it; `ValueError` for a wrong value."""
