"""The language policy: which syntax a cell may use, and what its code is made to call.

On top of RestrictedPython's transformer, which refuses every kind of node that it does not know. Hooks stand only where they
are not the identity: attributes, imports, class statements, context managers. Items, iteration, unpacking and calls stay native,
since nothing that a cell can reach has an item that it may not have.
"""

from __future__ import annotations

import ast
import builtins
import types
from typing import Any

from restricted import checks, rules
from restricted.checks import Checks, Refused
from restricted.texts import reaches_inside

_CAUGHT_AS_THEY_ARE = frozenset(name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception))
"""Names that mean what they are called: whatever else a cell binds one to, it is not `BaseException` by that name."""


class Policy(Checks):
    """Checks one cell's tree and puts the hooks into it."""

    def __init__(self) -> None:
        super().__init__()
        self.owners: list[str | None] = [None]
        self.postponed = False
        """`from __future__ import annotations`: they become text."""

    # -- attributes

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Reading asks the screen; setting and deleting asks whether the object may be changed."""
        name = rules.mangled(node.attr, self.owners[-1])
        if name in rules.INTROSPECTION:
            self.error(node, f"{name} is not available here")
        node.value = self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            if name in rules.METHODS_OF_DATA:
                return node
            if rules.is_special(name) and name not in rules.READABLE:
                self.error(node, f"{name} is not available here")
            careful = name.startswith("_") or name in rules.CAREFUL
            return _call(rules.LOOK if careful else rules.READ, node, node.value, ast.Constant(value=name))
        if rules.is_special(name):
            self.error(node, f"{name} cannot be set here")
        node.value = _call(rules.WRITE, node.value, node.value, ast.Constant(value=name))
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A call. `"{} {}".format(a, b)`, whose fields ask for no attributes, needs no screen."""
        if len(node.args) + len(node.keywords) > checks.MAX_ARGUMENTS:
            self.error(node, f"more than {checks.MAX_ARGUMENTS:,} arguments; pass a list or a dict")
        function = node.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Constant) and _formats_plainly(function):
            node.args, node.keywords = self._each(node.args), self._each(node.keywords)
            return node
        return self.node_contents_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """`o.x += v` reads through the screen like any other read; names and items are native."""
        if not isinstance(node.target, ast.Attribute):
            return self.node_contents_visit(node)
        base = node.target.value
        statements: list[ast.stmt] = []
        if not isinstance(base, ast.Name):
            statements.append(_assigned(rules.BASE, self.visit(base)))
            base = _name(rules.BASE)
        read, written = (
            self.visit(ast.copy_location(ast.Attribute(value=_name(base.id), attr=node.target.attr, ctx=ctx), node.target))
            for ctx in (ast.Load(), ast.Store())
        )
        held = [rules.BASE, rules.VALUE] if statements else [rules.VALUE]
        statements += [
            _assigned(rules.VALUE, read),
            ast.AugAssign(target=_name(rules.VALUE, ast.Store()), op=node.op, value=self.visit(node.value)),
            ast.Assign(targets=[written], value=_name(rules.VALUE)),
            ast.Delete(targets=[_name(name, ast.Del()) for name in held]),
        ]
        return [ast.copy_location(statement, node) for statement in statements]

    # -- annotations

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """Kept for the fields of a class; elsewhere an assignment, or nothing."""
        if self.scopes[-1] == "class" and isinstance(node.target, ast.Name):
            node.annotation = self._annotation(node.annotation)
            node.target = self.visit(node.target)
            node.value = node.value and self.visit(node.value)
            return node
        if node.value is None:
            node.target = self.visit(node.target)
            if self.scopes[-1] != "function":
                return ast.copy_location(ast.Pass(), node)
            # It makes the name the function's own, and is never evaluated there.
            node.annotation = ast.copy_location(ast.Constant(value=None), node.annotation)
            return node
        return self.visit(ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node))

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """One parameter; its name was checked with all others of its function."""
        node.annotation = node.annotation and self._annotation(node.annotation)
        return node

    def _annotation(self, node: ast.expr) -> ast.expr:
        if self.postponed:
            return ast.copy_location(ast.Constant(value=ast.unparse(node)), node)
        visited: ast.expr = self.visit(node)
        return visited

    # -- scopes

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function."""
        self.check_name(node, node.name)
        self._no_type_parameters(node)
        self.check_function_argument_names(node)
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.args = self.visit(node.args)
        node.returns = node.returns and self._annotation(node.returns)
        node.body = self._body(node.body, "function", self.owners[-1])
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        """A lambda."""
        self.check_function_argument_names(node)
        node.args = self.visit(node.args)
        self.scopes.append("function")
        node.body = self.visit(node.body)
        self.scopes.pop()
        return node

    def check_function_argument_names(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        """Every kind of parameter binds a name."""
        given = node.args
        for arg in [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]:
            if arg is not None:
                self.check_name(arg, arg.arg)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """A class: made by our own maker, which looks at its bases and at what its body bound."""
        self.check_name(node, node.name)
        self._no_type_parameters(node)
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.bases = [self.visit(base) for base in node.bases]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        for keyword in node.keywords:
            if keyword.arg is None:
                self.error(node, "write out the keywords of a class statement")
            keyword.arg = rules.METACLASS if keyword.arg == "metaclass" else keyword.arg
        node.keywords.append(ast.keyword(arg="metaclass", value=ast.copy_location(_name(rules.CLASS), node)))
        node.body = self._body(node.body, "class", node.name)
        return node

    def _body(self, body: list[ast.stmt], scope: str, owner: str | None) -> list[ast.stmt]:
        self.scopes.append(scope)
        self.owners.append(owner)
        visited = self._each(body)
        self.scopes.pop()
        self.owners.pop()
        return visited

    def _no_type_parameters(self, node: ast.AST) -> None:
        if getattr(node, "type_params", None):
            self.error(node, "type parameters are not available here: use typing.TypeVar, or leave them out")

    # -- imports

    def visit_Import(self, node: ast.Import) -> Any:
        """`import a.b` binds `a`, `import a.b as c` binds the module itself."""
        statements = []
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            hook = rules.MEMBER if alias.asname else rules.IMPORT
            statements.append(self._bound(node, bound, _call(hook, node, ast.Constant(value=alias.name))))
        return statements

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        """Exact names of known modules alone."""
        if node.module == "__future__":
            self.postponed = self.postponed or any(alias.name == "annotations" for alias in node.names)
            return ast.copy_location(ast.Pass(), node)
        if node.level or node.module is None:
            self.error(node, "there are no packages here to import from relatively")
        if any(alias.name == "*" for alias in node.names):
            if len(self.scopes) > 1:
                self.error(node, "import * only allowed at module level")
            return ast.copy_location(ast.Expr(value=_call(rules.ALL, node, ast.Constant(value=node.module))), node)
        return [
            self._bound(
                node,
                alias.asname or alias.name,
                _call(rules.MEMBER, node, ast.Constant(value=node.module), ast.Constant(value=alias.name)),
            )
            for alias in node.names
        ]

    def _bound(self, node: ast.stmt, name: str, value: ast.expr) -> ast.stmt:
        target = ast.copy_location(ast.Name(id=name, ctx=ast.Store()), node)
        self.check_name(target, name)
        return ast.copy_location(ast.Assign(targets=[target], value=value), node)

    # -- exceptions and context managers

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        """No limit is caught, neither by a bare `except` nor by one of `BaseException`."""
        self.check_name(node, node.name)
        self.node_contents_visit(node)
        if node.type is None:
            node.type = ast.copy_location(_name(rules.ANYTHING), node)
        elif not (isinstance(node.type, ast.Name) and node.type.id in _CAUGHT_AS_THEY_ARE):
            node.type = _call(rules.CAUGHT, node.type, node.type)
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        """The manager is wrapped: it hears nothing of limits, and gets no traceback."""
        for item in node.items:
            item.context_expr = _call(rules.MANAGER, item.context_expr, self.visit(item.context_expr))
            item.optional_vars = item.optional_vars and self.visit(item.optional_vars)
        node.body = self._body(node.body, self.scopes[-1], self.owners[-1])
        return node


def _formats_plainly(function: ast.Attribute) -> bool:
    assert isinstance(function.value, ast.Constant)
    template = function.value.value
    try:
        return function.attr == "format" and isinstance(template, str) and not reaches_inside(template)
    except ValueError:  # it fails, when it is called
        return False


def _name(name: str, ctx: ast.expr_context | None = None) -> ast.Name:
    return ast.Name(id=name, ctx=ctx or ast.Load())


def _assigned(name: str, value: ast.expr) -> ast.Assign:
    return ast.Assign(targets=[_name(name, ast.Store())], value=value)


def _call(hook: str, place: ast.AST, *arguments: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Call(func=_name(hook), args=list(arguments), keywords=[]), place)


def checked(tree: ast.Module) -> ast.Module:
    """The tree with its hooks.

    Raises:
        Refused: cells may not use a part of it.
    """
    visited: ast.Module = ast.fix_missing_locations(Policy().visit(tree))
    return visited


def compiled(source: str, filename: str) -> tuple[types.CodeType, types.CodeType | None]:
    """The code of a cell, checked and with its hooks: its statements, and its last expression if it ends with one.

    Raises:
        SyntaxError: it is not Python, or not a part of it that cells may use; the line is the cell's.
    """
    try:
        tree = checked(ast.parse(source, filename))
        value = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            value = compile(ast.Expression(tree.body.pop().value), filename, "eval", dont_inherit=True)  # type: ignore[attr-defined]
        return compile(tree, filename, "exec", dont_inherit=True), value
    except (RecursionError, MemoryError):
        raise Refused("nested too deeply; split the expression", None) from None
    except ValueError as error:  # NUL, a lone surrogate, an int of too many digits
        raise Refused(str(error), None) from None
