"""What an assignment says of its table: the columns, those derived from them, the models, and what is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from reference.errors import MultilevelError


class QuestionError(MultilevelError, ValueError):
    """What an assignment asks has no answer as it is asked; the message says why, and what to do."""


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column: whether it names groups, the column of the groups these lie in, and what people call it.

    ``call`` is a noun and ``calls`` its plural, in the language of the assignment; ``rescaled`` a factor by which
    learners may divide a predictor for the optimiser, so that a slope per that many units is a known mistake.
    """

    group: bool = False
    within: str | None = None
    call: str = ""
    calls: str = ""
    rescaled: float | None = None

    @property
    def slip(self) -> str:
        """The name of the mistake of counting it in these units."""
        return "per_hundred" if self.rescaled == 100.0 else "per_several"


class Setting(msgspec.Struct, frozen=True):
    """A table and the models of it. ``rows`` is what people call a row; ``derive`` an expression for each new column."""

    columns: dict[str, Column] = {}
    rows: Column = Column(call="row", calls="rows")
    derive: dict[str, str] = {}
    models: dict[str, str] = {}

    def noun(self, column: str) -> str:
        """Return what people call one thing of a column; ``residual`` stands for the rows."""
        return self._column(column.strip("`")).call or column.strip("`")

    def plural(self, column: str) -> str:
        """Return what people call several things of a column."""
        return self._column(column).calls or f"{self.noun(column)}s"

    def slug(self, column: str) -> str:
        """Return the plural as a part of a mistake's name: ``cities`` of ``cities_left_out``."""
        return re.sub(r"\W+", "_", self.plural(column)).strip("_").casefold()

    def _column(self, name: str) -> Column:
        return self.rows if name == "residual" else self.columns.get(name, Column())


@dataclass(frozen=True)
class Asked:
    """One item: the name of its answer, the question of the library, and the question's parameters.

    ``without`` names mistakes that are left out, and ``also`` gives further ones, each an expression of the names of
    other answers, of other mistakes of this item, and of ``right``.
    """

    item: str
    question: str
    parameters: Mapping[str, Any]
    without: tuple[str, ...] = ()
    also: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Items:
    """Everything an assignment asks, in order."""

    asked: tuple[Asked, ...]

    def __iter__(self) -> Iterator[Asked]:
        """Yield the items in order."""
        return iter(self.asked)

    def __getitem__(self, item: str) -> Asked:
        """Return what is asked under a name.

        Raises
        ------
        QuestionError
            If nothing is.
        """
        for one in self.asked:
            if one.item == item:
                return one
        raise QuestionError(f"there is no item {item!r}; there is {', '.join(one.item for one in self.asked)}.")

    def find(self, question: str, **parameters: Any) -> str | None:
        """Return the first item that asks a question with these parameters, whatever its others are; None if none."""
        for one in self.asked:
            if one.question == question and parameters.items() <= dict(one.parameters).items():
                return one.item
        return None
