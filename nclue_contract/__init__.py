"""Validate payloads and responses of NAVER Cloud's NCLUE tasks API against its documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nclue_contract.contract.payloads import TaskRequest
    from nclue_contract.contract.readings import Readings
    from nclue_contract.contract.rules import Answer, Certainty, Rule, Severity
    from nclue_contract.validation.findings import ContractError, Finding, Report
    from nclue_contract.validation.validator import (
        Validator,
        is_valid_request,
        validate_headers,
        validate_request,
        validate_request_json,
        validate_response,
    )

__version__ = "0.2.0"

__all__ = [
    "Answer",
    "Certainty",
    "ContractError",
    "Finding",
    "Readings",
    "Report",
    "Rule",
    "Severity",
    "TaskRequest",
    "Validator",
    "__version__",
    "is_valid_request",
    "validate_headers",
    "validate_request",
    "validate_request_json",
    "validate_response",
]

_MODULES = {
    "validation.findings": ("ContractError", "Finding", "Report"),
    "contract.payloads": ("TaskRequest",),
    "contract.readings": ("Readings",),
    "contract.rules": ("Answer", "Certainty", "Rule", "Severity"),
    "validation.validator": (
        "Validator",
        "is_valid_request",
        "validate_headers",
        "validate_request",
        "validate_request_json",
        "validate_response",
    ),
}


def __getattr__(name: str) -> object:
    # PEP 562: a module is imported when one of its names is first used, so that importing the package costs nothing.
    for module, names in _MODULES.items():
        if name in names:
            from importlib import import_module  # noqa: PLC0415  # only when a name is first used

            value = getattr(import_module(f"nclue_contract.{module}"), name)
            globals()[name] = value
            return value
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
