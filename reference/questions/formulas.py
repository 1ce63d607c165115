"""What the formula of a model may hold, and the columns that it takes.

An assignment comes with files of others too, and formulaic evaluates Python.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

import numpy as np

from reference import MixedFit
from reference.data.formula import MixedModel, effects, parse_formula, variables
from reference.errors import FormulaError
from reference.questions.setting import QuestionError

#: What may be called, by formulaic's names, beside NumPy's functions of numbers (np.sqrt) and contrasts (contr.sum).
_CALLED = {
    "I",
    "C",
    "Q",
    "log",
    "log10",
    "log2",
    "exp",
    "poly",
    "bs",
    "cr",
    "cs",
    "cc",
    "center",
    "scale",
    "standardize",
} | {"Treatment", "Sum", "Helmert", "Diff", "Poly"}
_SIGNS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.USub, ast.UAdd)
_LARGEST_POWER = 100
# The column that is made a factor, whatever it holds; R's factor(x) is read as C(x).
_AS_FACTOR = re.compile(r"(?<![\w.])C\(\s*(?:`([^`]*)`|([^\W\d]\w*))")


def predictors_in(model: MixedModel) -> frozenset[str]:
    """Return the columns that the fixed part and the effects that vary take, those inside of expressions too."""
    return frozenset[str]().union(*map(variables, _sides(model)))


def factors_in(model: MixedModel) -> frozenset[str]:
    """Return the columns among these that stand as factors, such as ``sector`` in ``C(sector)``: numbers are levels there."""
    expressions = {text for side in _sides(model) for term in effects(side) for text, how in term if how == "PYTHON"}
    return frozenset(quoted or plain for text in expressions for quoted, plain in _AS_FACTOR.findall(text))


def terms_beside(fit: MixedFit, effect: str) -> tuple[str, ...]:
    """Return the terms of the fixed part, besides a varying effect's own, in which a column of that effect stands.

    ``week:arm`` for ``week`` in ``week * arm``: there a group's slope is not one number, as it depends on ``arm``.
    """
    varying = {term for one in fit.model.terms for term in effects(one.effects) if _gives(term, effect)}
    columns = {name for term in varying for name in _columns(term)}
    own = {term for term in varying if effect in fit.design.fixed_names}
    beside = [term for term in effects(fit.model.fixed) if term not in own and columns & _columns(term)]
    return tuple(":".join(text for text, _ in term) for term in beside)


def _sides(model: MixedModel) -> list[str]:
    return [model.fixed, *(term.effects for term in model.terms)]


def _gives(term: tuple[tuple[str, str], ...], effect: str) -> bool:
    """Return whether a term has a column of this name: of a factor such as ``arm`` it is ``arm[T.drug]``."""
    return bool(re.fullmatch(":".join(rf"{re.escape(text)}(\[.*\])?" for text, _ in term), effect))


def _columns(term: tuple[tuple[str, str], ...]) -> frozenset[str]:
    return variables(":".join(f"`{text}`" if how == "LOOKUP" else text for text, how in term))


def require_plain(models: Mapping[str, str]) -> None:
    """Raise QuestionError, naming the model, if a formula cannot be read or holds more than arithmetic of columns."""
    for name, text in models.items():
        try:
            model = parse_formula(text, name=name)
            if model.offset or model.spelled_out([]) != model:
                raise QuestionError(
                    f"model {name!r}: an assignment's model has no offset and no dot; write its columns."
                )
            factors = [factor for part in model.parts for term in effects(part) for factor in term]
        except FormulaError as error:
            raise QuestionError(f"model {name!r}: {error}") from None
        for expression, method in factors:
            if method == "PYTHON" and not _is_plain(expression):
                raise QuestionError(
                    f"model {name!r}: {expression!r} is not allowed in a formula; write columns, numbers, + - * / **, "
                    f"brackets, np.sqrt and its like, contr.treatment and its like, and {', '.join(sorted(_CALLED))}."
                )


def _is_plain(expression: str) -> bool:
    # A name between backticks stands alone in what is looked at. Where there are quotes too, which ends where is unsure.
    if "`" in expression and re.search("[\"']", expression):
        return False
    try:
        return _is_number(ast.parse(re.sub("`[^`]*`", " _ ", expression).strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _is_number(node: ast.AST) -> bool:
    """Return whether an expression computes numbers from columns and nothing else."""
    match node:
        case ast.Name():
            return True
        case ast.Constant(value=value):
            return type(value) in (int, float)
        case ast.UnaryOp(op=sign, operand=operand):
            return isinstance(sign, _SIGNS) and _is_number(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() | float() as power)):
            # A power of numbers alone can be made too large for any memory.
            return power <= _LARGEST_POWER and _is_number(left) and any(isinstance(n, ast.Name) for n in ast.walk(left))
        case ast.BinOp(left=left, op=sign, right=right):
            return isinstance(sign, _SIGNS) and _is_number(left) and _is_number(right)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name), args=arguments, keywords=[]):
            function = getattr(np, name, None)
            # One argument more would be written into.
            return isinstance(function, np.ufunc) and len(arguments) == function.nin and all(map(_is_number, arguments))
        case ast.Call(func=ast.Name(id=name)):
            return name in _CALLED and _takes_arguments(node)
    return False


def _takes_arguments(call: ast.Call) -> bool:
    named = all(one.arg is not None and not one.arg.startswith("_") for one in call.keywords)
    return named and all(map(_is_argument, [*call.args, *(one.value for one in call.keywords)]))


def _is_argument(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=str() | bool() | None):
            return True
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return all(map(_is_argument, elements))
        case ast.Attribute(value=ast.Name(id="contr"), attr=name):
            return not name.startswith("_")
        case ast.Call(func=ast.Attribute(value=ast.Name(id="contr")) as contrast):
            return _is_argument(contrast) and _takes_arguments(node)
    return _is_number(node)
