"""Mechanical mutants of a source: copies that differ in one place, as a typing mistake or a wrong thought would.

`tools/mutants.py` looks which of them the contract check sees in a server, `tools/suite_mutants.py` which of them the tests see.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change: what stood in the line, what stands there now, the whole source, and inside of which function it is."""

    module: str
    line: int
    operator: str
    old: str
    new: str
    source: str
    inside: str = ""


_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.LShift: ast.RShift,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "startswith": "endswith", "endswith": "startswith", "fullmatch": "match"}
_SQL = {">=": ">", "<=": "<", " > ": " >= ", " + ": " - ", " = ": " != ", "max(": "min(", " AND ": " OR ", " BY seq": " BY seq DESC"}
_SENTENCE = re.compile(r"\w \w")
"""Words for people; no rule is about them."""
_UNSEEN_FIELDS = {"annotation", "returns", "decorator_list"}
_Variant = tuple[str, ast.AST]


def mutants_of(module: str, text: str, left_out: Sequence[str] = (), only: Collection[tuple[str, str]] | None = None) -> Iterator[Mutant]:
    """Every mutant of a source, each once; `left_out` names functions and classes, such as `Class.method`.

    `only` holds pairs of a function, "" for the places outside of functions, and an operator; all mutants are made when it is None.
    """
    tree = ast.parse(text)
    texts = [ast.unparse(statement) for statement in tree.body]
    seen = set(enumerate(texts))
    top = 0  # of the statement of the module that a place is in; to write only that one again takes a tenth of the time
    for place in list(_places(tree)):
        if place.parent is tree and place.index is not None:
            top = place.index
        if any(place.inside == name or place.inside.startswith(f"{name}.") for name in left_out):
            continue
        for operator, new in _variants(place.node):
            if only is not None and (place.inside, operator) not in only:
                continue
            place.put(new)
            changed = ast.unparse(tree.body[top])
            place.put(place.node)
            if (top, changed) not in seen:
                seen.add((top, changed))
                source = "\n".join([*texts[:top], changed, *texts[top + 1 :]])
                yield Mutant(module, place.line, operator, *_excerpts(place.node, new), source, place.inside)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands in the tree: below which parent, in which line, inside of which function."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST
    line: int
    inside: str

    def put(self, node: ast.AST) -> None:
        """Let another node stand here."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def _places(parent: ast.AST, line: int = 0, inside: str = "") -> Iterator[_Place]:
    for name, value in ast.iter_fields(parent):
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            if name in _UNSEEN_FIELDS or not isinstance(node, ast.AST) or isinstance(node, ast.Import | ast.ImportFrom) or _prose(node):
                continue
            within = f"{inside}.{node.name}".lstrip(".") if isinstance(node, ast.FunctionDef | ast.ClassDef) else inside
            here = getattr(node, "lineno", line)
            yield _Place(parent, name, index if isinstance(value, list) else None, node, here, within)
            yield from _places(node, here, within)


def _prose(node: ast.AST) -> bool:
    """Return whether a node is for people and type checkers only: a docstring, or the values of a `Literal`."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id == "Literal"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _excerpts(old: ast.AST, new: ast.AST) -> tuple[str, str]:
    """Both in one line, from a little before they differ."""
    before, after = (" ".join(ast.unparse(node).split()) for node in (old, new))
    differ = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), min(len(before), len(after)))
    start = max(0, differ - 60)
    return before[start:][:120], after[start:][:120]


def _with(node: ast.AST, **changes: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def _shorter(items: list[Any]) -> Iterator[list[Any]]:
    """Return copies of the list, each without one of its items."""
    return (items[:index] + items[index + 1 :] for index in range(len(items)))


def _variants(node: ast.AST) -> Iterator[_Variant]:
    """Return the replacements of a node, with the name of the operator."""
    if isinstance(node, ast.stmt):
        yield from _of_statement(node)
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.expr):
        yield from _of_expression(node)
        yield from _of_display(node)
    elif isinstance(node, ast.comprehension):
        yield from (("filter dropped", _with(node, ifs=rest)) for rest in _shorter(node.ifs))


def _of_statement(node: ast.stmt) -> Iterator[_Variant]:
    match node:
        case ast.If():
            yield from (("condition", _with(node, test=ast.Constant(value))) for value in (True, False))
        case ast.While():
            yield "condition", _with(node, test=ast.Constant(value=False))
        case ast.For():
            yield "loop emptied", _with(node, iter=ast.Tuple([], ast.Load()))
        case ast.Return(value=ast.expr()) if ast.unparse(node) != "return None":
            yield "return None", ast.Return(None)
        case ast.Break() | ast.Continue():
            yield "break or continue", ast.Continue() if isinstance(node, ast.Break) else ast.Break()
            yield "statement deleted", ast.Pass()
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.Raise() | ast.AnnAssign(value=ast.expr()):
            yield "statement deleted", ast.Pass()
    if isinstance(node, ast.AugAssign) and type(node.op) in _COMPUTED:
        yield "arithmetic", _with(node, op=_COMPUTED[type(node.op)]())


def _of_constant(node: ast.Constant) -> Iterator[_Variant]:
    match node.value:
        case bool():
            yield "constant", ast.Constant(not node.value)
        case int() | float():
            yield from (("constant", ast.Constant(node.value + step)) for step in (1, -1))
        case str() if not _SENTENCE.search(node.value):
            yield from (("string", ast.Constant(text)) for text in ("", f"{node.value}x"))
            yield from (("number in a string", ast.Constant(text)) for text in _swapped(node.value, r"\d+", lambda n: str(int(n) + 1)))
        case str() if re.search("SELECT|UPDATE|DELETE|WHERE", node.value):
            pattern = "|".join(map(re.escape, _SQL))
            yield from (("SQL", ast.Constant(text)) for text in _swapped(node.value, pattern, _SQL.__getitem__))
        case bytes():
            yield from (("string", ast.Constant(text)) for text in (b"", node.value + b"x"))


def _swapped(text: str, pattern: str, change: Callable[[str], str]) -> Iterator[str]:
    """Yield the text once for each match of the pattern, with that match changed."""
    for found in re.finditer(pattern, text, re.ASCII):
        yield text[: found.start()] + change(found[0]) + text[found.end() :]


def _of_call(node: ast.Call) -> Iterator[_Variant]:
    yield from (("argument dropped", _with(node, args=rest)) for rest in _shorter(node.args))
    yield from (("argument dropped", _with(node, keywords=rest)) for rest in _shorter(node.keywords))
    if isinstance(node.func, ast.Attribute):
        yield "call dropped", node.func.value
    if node.args:
        yield "call dropped", node.args[0]


def _of_expression(node: ast.expr) -> Iterator[_Variant]:
    match node:
        case ast.Compare():
            places = [(index, other) for index, operator in enumerate(node.ops) for other in _COMPARED[type(operator)]]
            yield from (("comparison", _with(node, ops=[*node.ops[:at], other(), *node.ops[at + 1 :]])) for at, other in places)
        case ast.BoolOp():
            yield "and, or", _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
            yield from (("and, or", rest[0] if len(rest) == 1 else _with(node, values=rest)) for rest in _shorter(node.values))
        case ast.UnaryOp():
            yield "not, minus", node.operand
        case ast.BinOp() if type(node.op) in _COMPUTED:
            yield "arithmetic", _with(node, op=_COMPUTED[type(node.op)]())
            yield from (("arithmetic", side) for side in (node.left, node.right))
        case ast.IfExp():
            yield from (("condition", side) for side in (node.body, node.orelse))
        case ast.JoinedStr() if len(node.values) > 1 and not _SENTENCE.search(ast.unparse(node)):
            yield from (("string", _with(node, values=rest)) for rest in _shorter(node.values))
        case ast.Name(id=name, ctx=ast.Load()) if name in _NAMES:
            yield "name", _with(node, id=_NAMES[name])
        case ast.Attribute(attr=name, ctx=ast.Load()) if name in _NAMES:
            yield "name", _with(node, attr=_NAMES[name])


def _of_display(node: ast.expr) -> Iterator[_Variant]:
    match node:
        case ast.Dict():
            rests = zip(_shorter(node.keys), _shorter(node.values), strict=True)
            yield from (("item dropped", _with(node, keys=keys, values=values)) for keys, values in rests)
        case ast.List(ctx=ast.Load()) | ast.Tuple(ctx=ast.Load()) | ast.Set():
            yield from (("item dropped", _with(node, elts=rest)) for rest in _shorter(node.elts) if rest or not isinstance(node, ast.Set))
        case ast.Slice():
            yield from (("slice", _with(node, **{end: None})) for end in ("lower", "upper") if getattr(node, end) is not None)
