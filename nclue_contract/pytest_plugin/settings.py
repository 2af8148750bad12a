"""The settings of the plugin, of a run and of a test.

A marker takes precedence over the command line, that over the ini file, that over `[tool.nclue-contract]`, and that over the defaults.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
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
"""The marker as users write it."""

GUARD_MODES = ("auto", "on", "off")
"""In which tests calls to the real host are blocked: those that use a fixture of the plugin, all, none."""

Layer = tuple[str, Mapping[str, str]]
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CoverageOptions:
    """Options for coverage of the contract.

    `show` is whether to print it, `path` that of the JSON report, `floor` the percentage below which the run fails.
    """

    show: bool = False
    path: Path | None = None
    floor: float | None = None

    @property
    def wanted(self) -> bool:
        """Return whether coverage is used at all."""
        return self.show or self.path is not None or self.floor is not None


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """The settings of a run; `for_test` returns those of a test.

    `layers` are pins with their sources, the weakest first; `file` are the settings of the project. `traffic` are the recordings that are
    judged at the end: pairs of a folder and a name, folder or glob in it.
    """

    layers: tuple[Layer, ...] = ()
    strict: bool = False
    ignore: tuple[str, ...] = ()
    guard: str = "auto"
    url: str = ""
    coverage: CoverageOptions = field(default_factory=CoverageOptions)
    traffic: tuple[tuple[Path, str], ...] = ()
    allow: frozenset[str] = frozenset()
    progress: str = "immediate"
    faults: tuple[str, ...] = ()
    file: ProjectSettings = field(default_factory=ProjectSettings)

    @property
    def readings(self) -> Readings:
        """Return the readings, with their sources."""
        return Readings.choose(*self.layers)

    def validator(self) -> CallableValidator:
        """Return a validator with these settings; the same one for the same settings, because creating one takes milliseconds."""
        readings = self.readings
        return _validator(tuple(readings.options.items()), tuple(readings.sources.items()), self.strict, self.ignore)

    def for_test(self, markers: Iterable[pytest.Mark]) -> PluginSettings:
        """Return the settings of a test with these markers, the closest first.

        Raises `ValueError` with a message that names the marker and the problem.
        """
        settings = self
        for mark in reversed(list(markers)):
            if mark.args:
                raise ValueError(f'{MARKER} accepts keyword arguments only, such as allow=["NC120"], not {mark.args[0]!r:.80}')
            for name, value in mark.kwargs.items():
                if name not in _MARKER_ARGUMENTS:
                    raise ValueError(f"{MARKER}({name}=…): unknown; known are {', '.join(_MARKER_ARGUMENTS)}")
                try:
                    settings = dataclasses.replace(settings, **_MARKER_ARGUMENTS[name](settings, value))
                except ValueError as error:
                    raise ValueError(f"{MARKER}({name}=…): {error}") from error
        return settings

    def __str__(self) -> str:
        readings = self.readings
        pins = [f"{name}={option} ({readings.sources[name]})" for name, option in readings.items() if readings.pinned(name)]
        parts = [*pins, "strict" if self.strict else "", f"ignored rules: {', '.join(self.ignore)}" if self.ignore else ""]
        parts += [f"guard {self.guard}" if self.guard != "auto" else ""]
        parts += [f"url {self.url} (not reset, requests not validated)" if self.url else ""]
        return "; ".join(filter(None, [f"{__version__}, contract {contract().revision}", *parts]))


class CallableValidator(Validator):
    """A `Validator` that can also be called: `validate(payload)` validates a payload, or its JSON as text or bytes."""

    def __call__(self, payload: object) -> Report:
        """Validate a payload of createTask."""
        if isinstance(payload, str | bytes | bytearray | memoryview):
            return self.validate_request_json(payload)
        return self.validate_request(payload)


@cache
def _validator(options: Pairs, sources: Pairs, strict: bool, ignore: tuple[str, ...]) -> CallableValidator:  # noqa: FBT001  # the key of the cache
    return CallableValidator(Readings(dict(options), dict(sources)), strict=strict, ignore=ignore)


# -- settings of a run --------------------------------------------------------------------------------------------------------------


def load_settings(config: pytest.Config, *, named: bool) -> PluginSettings:
    """Return the settings of a run. Raises `pytest.UsageError` with one line that names the problem and its place.

    `named` is whether a pyproject.toml names this package. If none does, none is read, so that an unreadable one does not matter.
    """
    try:
        file = load_file(config.rootpath) if named else ProjectSettings()
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from error
    try:
        ignore = contract().select_rules(file.ignore)
    except ValueError as error:
        raise pytest.UsageError(f"{file.path}: {error}") from error
    option, source_of = config.option, partial(_ini_source, config)
    layers: list[Layer] = [
        (str(file.path), file.readings),
        (source_of("nclue_readings"), _pins(source_of("nclue_readings"), _ini(config, "nclue_readings") or [])),
        ("--nclue-reading", _pins("--nclue-reading", option.nclue_readings)),
    ]
    for source, pins in layers:
        try:
            Readings.choose((source, pins))
        except ValueError as error:
            raise pytest.UsageError(f"{source}: {error}") from error
    strict = next(value for value in (option.nclue_strict, _ini(config, "nclue_strict"), file.strict) if value is not None)
    guard = _mode("--nclue-guard", option.nclue_guard) or _mode(source_of("nclue_guard"), _ini(config, "nclue_guard")) or "auto"
    url = _url("--nclue-url", option.nclue_url) or _url(source_of("nclue_url"), _ini(config, "nclue_url"))
    coverage = CoverageOptions(option.nclue_coverage, _path(option.nclue_coverage_report), _floor(option.nclue_coverage_floor))
    in_force = tuple(layer for layer in layers if layer[1])
    traffic = [(config.rootpath, name) for name in _ini(config, "nclue_traffic") or []]
    traffic += [(config.invocation_params.dir, name) for name in option.nclue_traffic]
    return PluginSettings(
        layers=in_force, strict=strict, ignore=ignore, guard=guard, url=url, coverage=coverage, traffic=tuple(traffic), file=file
    )


def _ini_source(config: pytest.Config, name: str) -> str:
    """Return the name of an ini option for messages: with the file that sets it, or as an override on the command line."""
    return f"{name} in {config.inipath.name}" if config.inipath else f"-o {name}"


def _ini(config: pytest.Config, name: str) -> Any:  # noqa: ANN401  # any type that an ini option can have
    """Return the value of an ini option; None when it is not set."""
    try:
        value = config.getini(name)
    except (ValueError, TypeError, pytest.UsageError) as error:  # which one depends on the version of pytest
        raise pytest.UsageError(f"{_ini_source(config, name)}: {error}") from error
    return None if value == [] else value  # before pytest 8, an option of any type that is not set is []


def _pins(source: str, texts: Iterable[str]) -> dict[str, str]:
    try:
        return parse_pins(texts)
    except ValueError as error:
        raise pytest.UsageError(f"{source}: {error}") from error


def _mode(source: str, text: str | None) -> str | None:
    if text and text not in GUARD_MODES:
        raise pytest.UsageError(f"{source}: {text!r:.80} is not one of {', '.join(GUARD_MODES)}")
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
        raise pytest.UsageError(f"--nclue-coverage-fail-under: {percent:g} is not a percentage from 0 to 100")
    return percent


# -- arguments of the marker --------------------------------------------------------------------------------------------------------


def _texts(value: object) -> list[str]:
    texts: list[object] = list(value) if isinstance(value, Collection) and not isinstance(value, str) else [value]
    strings = [text for text in texts if isinstance(text, str)]
    if len(strings) != len(texts):
        raise ValueError(f"expected a string or several, not {value!r:.80}")
    return strings


def _allow(_: PluginSettings, value: object) -> dict[str, Any]:
    return {"allow": frozenset(contract().select_rules(_texts(value)))}


def _readings(settings: PluginSettings, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f'expected a mapping, such as {{"path-del": "forbidden"}}, not {value!r:.80}')  # noqa: TRY004  # reported like the others
    Readings.choose((MARKER, value))
    return {"layers": (*settings.layers, (MARKER, value))}


def _progress(_: PluginSettings, value: object) -> dict[str, Any]:
    from nclue_contract.service.lifecycle import ProgressMode  # noqa: PLC0415  # for this option only

    ProgressMode.parse(str(value))
    return {"progress": str(value)}


def _fault(_: PluginSettings, value: object) -> dict[str, Any]:
    from nclue_contract.service.faults.catalogue import inject_fault  # noqa: PLC0415  # for this option only
    from nclue_contract.service.service import Service  # noqa: PLC0415

    texts = _texts(value)
    for text in texts:
        inject_fault(Service(), text)  # raises `ValueError` for a fault that cannot be injected
    return {"faults": tuple(texts)}


def _strict(_: PluginSettings, value: object) -> dict[str, Any]:
    if not isinstance(value, bool):
        raise ValueError(f"expected True or False, not {value!r:.80}")  # noqa: TRY004  # reported like the others
    return {"strict": value}


def _guard(_: PluginSettings, value: object) -> dict[str, Any]:
    if value not in GUARD_MODES:
        raise ValueError(f"{value!r:.80} is not one of {', '.join(GUARD_MODES)}")
    return {"guard": value}


_MARKER_ARGUMENTS: dict[str, Callable[[PluginSettings, object], dict[str, Any]]] = {
    "allow": _allow,
    "readings": _readings,
    "progress": _progress,
    "fault": _fault,
    "strict": _strict,
    "guard": _guard,
}
"""The arguments of the marker, each with a function that returns the settings it changes. `ValueError` for an invalid value."""
