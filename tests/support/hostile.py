"""Values of Python that raise, lie or change while they are looked at: what a validator gets from mocks, proxies and odd libraries."""

import math
from collections.abc import Mapping
from decimal import Decimal
from unittest import mock

from tests.support.payloads import PAYLOAD

METHODS = [
    "__abs__",
    "__add__",
    "__bool__",
    "__bytes__",
    "__contains__",
    "__eq__",
    "__float__",
    "__floor__",
    "__format__",
    "__ge__",
    "__getitem__",
    "__gt__",
    "__hash__",
    "__index__",
    "__int__",
    "__iter__",
    "__le__",
    "__len__",
    "__lt__",
    "__mod__",
    "__mul__",
    "__ne__",
    "__radd__",
    "__repr__",
    "__rsub__",
    "__str__",
    "__sub__",
    "bit_length",
    "copy",
    "decode",
    "encode",
    "get",
    "isascii",
    "items",
    "join",
    "keys",
    "lower",
    "partition",
    "pop",
    "startswith",
    "strip",
    "upper",
    "values",
]

CONTENTS = {
    str: "a.csv",
    bytes: b"{}",
    bytearray: b"{}",
    dict: PAYLOAD,
    list: [("a", "b")],
    tuple: [("a", "b")],
    int: 200,
    float: 1.5,
    set: [1],
    frozenset: [1],
}


class TrapError(Exception):
    """Raised by hostile values; cannot even be printed."""

    def __str__(self):
        raise RuntimeError("the error cannot be printed")

    __repr__ = __str__


def trap(*_args, **_kwargs):
    raise TrapError


def instance(base, namespace, metaclass=type):
    """Make a value of a subclass that has the contents of its base, whatever the namespace overrides."""
    kind = metaclass(f"Hostile{base.__name__}", (base,), namespace)
    contents = CONTENTS.get(base)
    if base in {dict, list, set, bytearray}:
        value = base.__new__(kind)
        getattr(base, {dict: "update", set: "update"}.get(base, "extend"))(value, contents)
        return value
    return base.__new__(kind) if contents is None else base.__new__(kind, contents)


def overriding(base, names=METHODS, method=trap):
    return instance(base, dict.fromkeys(names, method))


def claiming(base, other):
    """Say by a property to be an instance of another class."""
    return instance(base, {"__class__": property(lambda _: other)})


class OddMeta(type):
    """A metaclass of which nothing can be asked."""

    __instancecheck__ = __subclasscheck__ = __eq__ = __hash__ = __repr__ = __str__ = trap
    __name__ = property(trap)


class GrowingMapping(Mapping):
    """Grows while it is iterated, and has a negative length."""

    def __init__(self):
        self.held = {"name": "x"}

    def __getitem__(self, name):
        self.held[len(self.held)] = 1
        return self.held[name]

    def __iter__(self):
        for name in self.held:
            self.held[len(self.held)] = 1
            yield name

    def __len__(self):
        return -1  # noqa: PLE0303  # on purpose


class RecursiveMapping(Mapping):
    """Each look-up begins the next one."""

    def __getitem__(self, name):
        return self[name]

    def __iter__(self):
        return iter(self)

    def __len__(self):
        return len(self)


class NoAttributes:
    __getattr__ = trap


class NamedBadly:
    """Its name would be a workflow command and colour a terminal."""


NamedBadly.__name__ = "a\n::error::\x1b[31m" * 20


def released():
    view = memoryview(b"{}")
    view.release()
    return view


def endless_list():
    value = []
    value.append(value)
    return value


def nested(depth=20_000):
    value = []
    for _ in range(depth):
        value = [value]
    return value


BASES = tuple(CONTENTS)

VALUES = (
    {f"{base.__name__} whose methods raise": lambda base=base: overriding(base) for base in BASES}
    | {f"{base.__name__} without attributes": lambda base=base: overriding(base, ["__getattribute__"]) for base in BASES}
    | {f"{base.__name__} without a class": lambda base=base: instance(base, {"__class__": property(trap)}) for base in BASES}
    | {f"{base.__name__} of an odd metaclass": lambda base=base: instance(base, {}, OddMeta) for base in (*BASES, object)}
    | {f"object that says to be {kind.__name__}": lambda kind=kind: claiming(object, kind) for kind in (*BASES, bool, Mapping, memoryview)}
    | {
        f"{base.__name__} that says to be {other.__name__}": lambda base=base, other=other: claiming(base, other)
        for base in (str, bytes, dict, int)
        for other in (str, bytes, dict, int)
        if base is not other
    }
    | {f"Mock({kind.__name__})": lambda kind=kind: mock.Mock(spec=kind) for kind in (*BASES, bool, Mapping, memoryview)}
    | {f"MagicMock({kind.__name__})": lambda kind=kind: mock.MagicMock(spec=kind) for kind in (*BASES, bool, Mapping, memoryview)}
    | {
        "Mock": mock.Mock,
        "MagicMock": mock.MagicMock,
        "autospec of dict": lambda: mock.create_autospec(dict, instance=True),
        "class of an odd metaclass": lambda: OddMeta("Odd", (), {}),
        "released memoryview": released,
        "memoryview of integers": lambda: memoryview(b"abcd").cast("I"),
        "memoryview of two dimensions": lambda: memoryview(b"abcdef").cast("B", (2, 3)),
        "memoryview in reverse": lambda: memoryview(b"abcdef")[::-1],
        "list in itself": endless_list,
        "deeply nested list": nested,
        "growing mapping": GrowingMapping,
        "recursive mapping": RecursiveMapping,
        "object without attributes": NoAttributes,
        "object with a bad name": NamedBadly,
        "integer of 6,000 digits": lambda: 10**6000,
        "negative integer of 6,000 digits": lambda: -(10**6000),
        "6,000 digits": lambda: "9" * 6000,
        "JSON with 6,000 digits": lambda: '{"name": ' + "9" * 6000 + "}",
        "NaN": lambda: math.nan,
        "infinity": lambda: math.inf,
        "signalling NaN": lambda: Decimal("sNaN"),
        "complex number": lambda: 1j,
        "boolean": lambda: True,
        "text": lambda: "x",
        "lone surrogate": lambda: "\ud800",
        "bytes that are no UTF-8": lambda: b"\xff",
        "null": lambda: None,
        "generator": lambda: (pair for pair in [("a", "b")]),
    }
)
"""What each value is, and how to make a fresh one."""
