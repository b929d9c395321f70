"""What the walk does at each class of node: who binds what, in which scope, and how the context's names are used."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from proxy_scopes import NAMES, TEXTS, Kind, Role, Scope, Use
from proxy_walk import Joined, Walk

# -- statements


def _plain(walk: Walk, node: Any, scope: Scope, joined: Joined) -> None:
    if walk.hot(node):
        walk.children(node, scope, joined)


def _assign(walk: Walk, node: ast.Assign, scope: Scope, joined: Joined) -> None:
    for target in node.targets:
        walk.bind(target, scope)
    _plain(walk, node, scope, joined)


def _augmented(walk: Walk, node: ast.AugAssign, scope: Scope, joined: Joined) -> None:
    walk.bind(node.target, scope)
    if walk.hot(node):
        walk.use(Role.AUGMENTED, node.target, node.target, scope, joined)
        walk.push((node.value,), scope)


def _annotated(walk: Walk, node: ast.AnnAssign, scope: Scope, joined: Joined) -> None:
    if node.value is not None:
        walk.bind(node.target, scope)
    elif node.simple and isinstance(node.target, ast.Name) and scope.kind is not Kind.MODULE:
        # It binds nothing, and still makes the name the scope's own.
        scope.declared.add(node.target.id)
    if walk.hot(node):
        target = None if isinstance(node.target, ast.Name) else node.target
        # A function's own annotations are never evaluated.
        annotation = None if scope.kind is Kind.FUNCTION else node.annotation
        walk.push((target, annotation, node.value), scope)


def _for(walk: Walk, node: ast.For, scope: Scope, joined: Joined) -> None:
    walk.bind(node.target, scope)
    if walk.hot(node):
        walk.push((node.target, node.iter), scope)
    walk.push(node.body, scope)
    walk.push(node.orelse, scope)


def _branch(walk: Walk, node: ast.If | ast.While, scope: Scope, joined: Joined) -> None:
    if walk.hot(node):
        walk.push((node.test,), scope)
    walk.push(node.body, scope)
    walk.push(node.orelse, scope)


def _with(walk: Walk, node: ast.With, scope: Scope, joined: Joined) -> None:
    for item in node.items:
        if item.optional_vars is not None:
            walk.bind(item.optional_vars, scope)
    if walk.hot(node):
        walk.push(node.items, scope)
    walk.push(node.body, scope)


def _try(walk: Walk, node: ast.Try, scope: Scope, joined: Joined) -> None:
    for block in (node.body, node.handlers, node.orelse, node.finalbody):
        walk.push(block, scope)


def _handler(walk: Walk, node: ast.ExceptHandler, scope: Scope, joined: Joined) -> None:
    if node.name:
        scope.bound.add(node.name)
    walk.push((node.type,), scope)
    walk.push(node.body, scope)


def _match(walk: Walk, node: ast.Match, scope: Scope, joined: Joined) -> None:
    walk.push((node.subject,), scope)
    walk.push(node.cases, scope)


def _import(walk: Walk, node: ast.Import | ast.ImportFrom, scope: Scope, joined: Joined) -> None:
    for alias in node.names:
        if alias.name == "*":
            # Nobody knows what it rebinds.
            scope.deleted.update(NAMES)
        else:
            scope.bound.add(alias.asname or alias.name.partition(".")[0])


def _global(walk: Walk, node: ast.Global, scope: Scope, joined: Joined) -> None:
    scope.global_names.update(node.names)


def _definition_is_hot(walk: Walk, node: ast.FunctionDef | ast.ClassDef) -> bool:
    return walk.hot(node, node.decorator_list[0].lineno if node.decorator_list else None)


def _type_scope(walk: Walk, node: Any, scope: Scope) -> Scope:
    """The scope of a definition's type parameters; `scope` itself where it has none, and before Python 3.12."""
    parameters: list[Any] = getattr(node, "type_params", [])
    if not parameters:
        return scope
    inner = walk.scope(Kind.ANNOTATION, scope)
    inner.bound.update(parameter.name for parameter in parameters)
    lazy = walk.scope(Kind.ANNOTATION, inner, late=True)
    walk.push((getattr(parameter, "bound", None) for parameter in parameters), lazy)
    walk.push((getattr(parameter, "default_value", None) for parameter in parameters), lazy)
    return inner


def _function(walk: Walk, node: ast.FunctionDef, scope: Scope, joined: Joined) -> None:
    scope.bound.add(node.name)
    if not _definition_is_hot(walk, node):
        return
    walk.push(node.decorator_list, scope)
    outer = _type_scope(walk, node, scope)
    walk.push(_parameters(walk, node.args, scope, outer, body=node.body), outer)
    walk.push((node.returns,), outer)


def _parameters(
    walk: Walk, args: ast.arguments, scope: Scope, outer: Scope, *, body: list[Any], joined: Joined = None, passed: bool = False
) -> list[ast.expr]:
    """Walk a function's defaults and body; return its parameters' annotations."""
    walk.push(args.defaults, scope, joined)
    walk.push(args.kw_defaults, scope, joined)
    inner = walk.scope(Kind.FUNCTION, outer, late=True)
    extra = [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, *extra]
    inner.bound.update(arg.arg for arg in every)
    inner.callback = inner.callback or passed
    walk.push(body, inner, joined)
    return [arg.annotation for arg in every if arg.annotation is not None]


def _class(walk: Walk, node: ast.ClassDef, scope: Scope, joined: Joined) -> None:
    scope.bound.add(node.name)
    if not _definition_is_hot(walk, node):
        return
    walk.push(node.decorator_list, scope)
    outer = _type_scope(walk, node, scope)
    walk.push(node.bases, outer)
    walk.push(node.keywords, outer)
    inner = walk.scope(Kind.CLASS, outer)
    inner.opaque = bool(node.bases or node.keywords)
    walk.push(node.body, inner)


def _type_alias(walk: Walk, node: Any, scope: Scope, joined: Joined) -> None:
    scope.bound.add(node.name.id)
    if walk.hot(node):
        outer = _type_scope(walk, node, scope)
        walk.push((node.value,), walk.scope(Kind.ANNOTATION, outer, late=True))


# -- expressions


def _name(walk: Walk, node: ast.Name, scope: Scope, joined: Joined) -> None:
    if isinstance(node.ctx, ast.Load):
        if node.id in NAMES:
            walk.uses.append(Use(node.id, Role.VALUE, node, scope, joined))
    elif isinstance(node.ctx, ast.Store):
        scope.bound.add(node.id)
    else:
        scope.deleted.add(node.id)


def _attribute(walk: Walk, node: ast.Attribute, scope: Scope, joined: Joined) -> None:
    role = Role.MEMBER if isinstance(node.ctx, ast.Load) else Role.STORED
    if node in walk.passed:
        role = Role.PASSED
    walk.use(role, node.value, node, scope, joined)


def _subscript(walk: Walk, node: ast.Subscript, scope: Scope, joined: Joined) -> None:
    if _is_text(node.value):
        # A facade cannot call out of `__getitem__` in every interpreter; like a str it has no `__setitem__`.
        if isinstance(node.ctx, ast.Load):
            walk.use(Role.CUT, node.value, node, scope, joined)
    else:
        walk.push((node.value,), scope, joined)
    walk.push((node.slice,), scope, joined)


def _call(walk: Walk, node: ast.Call, scope: Scope, joined: Joined) -> None:
    func, args = node.func, node.args
    if isinstance(func, ast.Attribute):
        walk.use(Role.CALL, func.value, func, scope, joined)
    elif isinstance(func, ast.Name) and func.id == "len" and len(args) == 1 and not node.keywords and _is_text(args[0]):
        walk.use(Role.LEN, args[0], node, scope, joined)
        return
    else:
        walk.push((func,), scope, joined)
    for arg in args:
        if isinstance(arg, (ast.Lambda, ast.Attribute)):
            walk.passed.add(arg)
    for keyword in node.keywords:
        walk.passed.add(keyword.value)
    walk.push(args, scope, joined)
    walk.push(node.keywords, scope, joined)


def _compare(walk: Walk, node: ast.Compare, scope: Scope, joined: Joined) -> None:
    if len(node.ops) == 1 and isinstance(node.ops[0], (ast.In, ast.NotIn)) and _is_text(node.comparators[0]):
        walk.use(Role.IN, node.comparators[0], node, scope, joined)
        walk.push((node.left,), scope, joined)
    else:
        walk.children(node, scope, joined)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in TEXTS


def _walrus(walk: Walk, node: ast.NamedExpr, scope: Scope, joined: Joined) -> None:
    owner: Scope = scope
    while owner.kind is Kind.COMPREHENSION and owner.parent is not None:
        owner = owner.parent
    owner.bound.add(node.target.id)
    walk.push((node.value,), scope, joined)


def _lambda(walk: Walk, node: ast.Lambda, scope: Scope, joined: Joined) -> None:
    _parameters(walk, node.args, scope, scope, body=[node.body], joined=joined, passed=node in walk.passed)


def _comprehension(walk: Walk, node: Any, scope: Scope, joined: Joined) -> None:
    inner = walk.scope(Kind.COMPREHENSION, scope, late=isinstance(node, ast.GeneratorExp))
    for index, clause in enumerate(node.generators):
        # The first source is evaluated outside, and at once.
        walk.push((clause.iter,), inner if index else scope, joined)
        walk.push((clause.target, *clause.ifs), inner, joined)
    walk.push((node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,), inner, joined)


def _joined(walk: Walk, node: ast.JoinedStr, scope: Scope, joined: Joined) -> None:
    outermost = joined or node
    before: ast.expr | None = None
    for part in node.values:
        # `{x=}` becomes the text "x=" and a field with a conversion or a format; `a={x!r}` looks the same here.
        if isinstance(part, ast.FormattedValue) and (part.conversion != -1 or part.format_spec) and _ends_in_equals(before):
            walk.debugging.add(outermost)
        before = part
    walk.children(node, scope, outermost)


def _ends_in_equals(part: ast.expr | None) -> bool:
    return isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.rstrip().endswith("=")


def _capture(walk: Walk, node: Any, scope: Scope, joined: Joined) -> None:
    name = node.rest if isinstance(node, ast.MatchMapping) else node.name
    if name is not None:
        scope.bound.add(name)
    walk.children(node, scope, joined)


def _class_pattern(walk: Walk, node: ast.MatchClass, scope: Scope, joined: Joined) -> None:
    # `case P():` asks for a class, which neither the text nor its facade is.
    if not isinstance(node.cls, ast.Name):
        walk.push((node.cls,), scope)
    walk.push((*node.patterns, *node.kwd_patterns), scope)


def _nothing(walk: Walk, node: ast.AST, scope: Scope, joined: Joined) -> None:
    pass


HANDLERS: dict[type[ast.AST], Callable[..., None]] = {
    **dict.fromkeys((ast.Expr, ast.Return, ast.Raise, ast.Assert, ast.Delete), _plain),
    **dict.fromkeys((ast.Pass, ast.Break, ast.Continue, ast.Nonlocal), _nothing),
    **dict.fromkeys((ast.If, ast.While), _branch),
    **dict.fromkeys((ast.For, ast.AsyncFor), _for),
    **dict.fromkeys((ast.With, ast.AsyncWith), _with),
    **dict.fromkeys((ast.Try, ast.TryStar), _try),
    **dict.fromkeys((ast.Import, ast.ImportFrom), _import),
    **dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef), _function),
    **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), _comprehension),
    **dict.fromkeys((ast.MatchAs, ast.MatchStar, ast.MatchMapping), _capture),
    ast.Assign: _assign,
    ast.AugAssign: _augmented,
    ast.AnnAssign: _annotated,
    ast.ExceptHandler: _handler,
    ast.Match: _match,
    ast.Global: _global,
    ast.ClassDef: _class,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Call: _call,
    ast.Compare: _compare,
    ast.NamedExpr: _walrus,
    ast.Lambda: _lambda,
    ast.JoinedStr: _joined,
    ast.MatchClass: _class_pattern,
}
if hasattr(ast, "TypeAlias"):
    HANDLERS[ast.TypeAlias] = _type_alias
