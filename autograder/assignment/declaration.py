"""Read an assignment's folder: ``assignment.toml``, its table, and its words in other languages, into a rubric.

The questions of the library fill in what the author does not say: kind, tolerance, hints, what comes first. The
author's words come before the library's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from autograder.assignment.contents import (
    ASSIGNMENT_FILE,
    Contents,
    Declaration,
    Policies,
    as_declaration,
    read_contents,
)
from autograder.assignment.extra import EXTRA_FILE, own_questions
from autograder.assignment.pruned import PRUNED_FILE, leave_out, require_known
from autograder.assignment.rubric import Item, Notebook, Rubric, problems
from autograder.assignment.translations import AssignmentWords, as_words, unknown, words_file
from autograder.errors import RubricError
from autograder.language.catalogue import DEFAULT, Sentence, require_language, translated
from reference.errors import MultilevelError
from reference.questions import (
    LIBRARY,
    Asked,
    Items,
    Question,
    QuestionError,
    Setting,
    Step,
    fill,
    gaps,
    mistake_words,
    require_plain,
    steps_of,
)
from reference.questions.slips import guarded


def load_rubric(
    folder: Path, policies: Policies | None = None, language: str | None = None, *, whole: bool = False
) -> Rubric:
    """Return the rubric of an assignment.

    Parameters
    ----------
    folder : Path
        The assignment's, with ``assignment.toml``, the table it names, and ``extra.py`` if it has questions of its own.
    policies : Policies
        The course's.
    language : str, optional
        Of the words; else the assignment's or the course's. Without a ``words.<language>.toml`` they stay English: what
        is half in one language and half in another helps nobody.
    whole : bool
        True for it with the known mistakes that `mlm release` left out.

    Returns
    -------
    Rubric
        Names unique, dependencies known and without a cycle, points and tolerances positive.

    Raises
    ------
    RubricError
        Naming the file, the item and the key, and what to do.
    UsageError
        If there are no words of ours in that language.
    """
    return rubric_of(read_contents(folder, whole=whole), folder / ASSIGNMENT_FILE, policies, language)


def rubric_of(contents: Contents, path: Path, policies: Policies | None = None, language: str | None = None) -> Rubric:
    """Return the rubric that an assignment's contents make, wherever they were read: ``path`` is named in messages.

    Otherwise as for :func:`load_rubric`.
    """
    policies = policies or Policies()
    declared = as_declaration(contents.declaration, path)
    written = declared.language or policies.language
    wanted = require_language(language or written)
    where = words_file(path.parent, wanted) if path.name == ASSIGNMENT_FILE else path
    words = as_words(contents.words[wanted], where) if wanted in contents.words else None
    spoken = wanted if words or wanted == written else DEFAULT
    questions = LIBRARY | own_questions(contents.extra, path.parent / EXTRA_FILE)
    try:
        rubric = _Reader(declared, words, spoken, questions).rubric(contents, policies)
    except MultilevelError as error:
        raise RubricError(f"{path}: {error}") from None
    for problem in problems(rubric):
        raise RubricError(f"{path}: {problem}")
    # With some answers taken out there are words that nothing needs any more.
    for problem in () if contents.withheld else unknown(rubric, words or AssignmentWords()):
        raise RubricError(f"{where}: {problem}, which {path.name} does not have. Correct or remove it.")
    require_known(contents.pruned, rubric, path.parent / PRUNED_FILE)
    return leave_out(rubric, contents.pruned)


def _at_key(message: str) -> str:
    """Return a decoder's message behind the name of an item: the key that it is about, and what is wrong there."""
    text, _, place = message.partition(" - at `$")
    text = text.replace("Object missing required field", "there is no key")
    key = re.match(r"\.(\w+)", place)
    return f"{f', key {key[1]!r}' if key else ''}: {text}"


class _Changes(msgspec.Struct):
    """What an item changes of its question's mistakes, and of their words."""

    without: tuple[str, ...] = ()
    also: dict[str, str] = {}
    hints: dict[str, str] = {}


class _Reader:
    """What is needed to read the items: the declaration, and the words in one language."""

    def __init__(
        self, declared: Declaration, words: AssignmentWords | None, language: str, questions: Mapping[str, Question]
    ) -> None:
        self.questions = questions
        self.declared, self.words, self.language = declared, words or AssignmentWords(), language
        self.is_translated = words is not None
        require_plain(declared.models)
        self.setting = Setting(declared.columns, declared.rows, declared.derive, declared.models)
        self.raw = [item for notebook in declared.notebook for item in notebook.item]
        self.items = Items(tuple(map(self._asked, self.raw)))
        for asked in self.items:
            for key in questions[asked.question].names("item"):
                for other in _names(asked.parameters[key]):
                    _require_item(asked.item, key, other, self.items)
        self.steps = steps_of(self.items, questions)
        for item, step in self.steps.items():
            for other in step.inputs:
                _require_item(item, "value", other, self.items)
        self.spoken = self.words.spoken(self.setting)

    def rubric(self, contents: Contents, policies: Policies) -> Rubric:
        """Return the whole rubric."""
        ready = [self._item(raw, asked) for raw, asked in zip(self.raw, self.items, strict=True)]
        rest = iter(ready)
        mistakes = {name for item in ready for name in item.hints}
        for name in () if contents.withheld else self.declared.mistakes.keys() - mistakes:
            raise QuestionError(f"table 'mistakes': no item has a mistake {name!r}. {_nearest(name, mistakes)}")
        return Rubric(
            assignment=contents.assignment,
            title=self.words.title or self.declared.title,
            notebook=tuple(
                Notebook(
                    one.name,
                    self.words.notebooks.get(one.name, one.title),
                    tuple(next(rest) for _ in one.item),
                    self.words.goals.get(one.name, one.goals),
                    one.minutes,
                )
                for one in self.declared.notebook
            ),
            setting=self.setting,
            panels=self.declared.panels,
            asked=self.items,
            data=contents.table.encode(),
            questions=self.questions,
            language=self.language,
            check_says=self.declared.check_says or policies.check_says,
            after_error=self.declared.after_error or policies.after_error,
            packages=policies.packages,
            withheld=frozenset(contents.withheld),
            tasks={asked.item: self._task(asked) for asked in self.items},
        )

    def _task(self, asked: Asked) -> str:
        """Return what an item asks for, with the formula of each model in the place of its name."""
        named = {key: value for key, value in asked.parameters.items() if isinstance(value, str)}
        formulas = {key: self.setting.models[name] for key, name in named.items() if name in self.setting.models}
        words, known = self.questions[asked.question].words_in(self.language).task, gaps(self.spoken, asked) | formulas
        if words and known.get("centre") and "{centre}" not in words:
            words = translated(Sentence("page.centred", task=words, columns=known["centre"]), self.language)
        return fill(words, known)

    def _asked(self, raw: Mapping[str, Any]) -> Asked:
        """Return what an item asks, its question's parameters read, and the models that it names looked up."""
        name = str(raw.get("ask", ""))
        where = f"item {raw.get('id', name)!r}"
        if not isinstance(raw.get("id", name), str):
            raise QuestionError(f"{where}, key 'id': give a text, in quotes.")
        if name not in self.questions:
            raise QuestionError(f"{where}, key 'ask': there is no question {name!r}. {_nearest(name, self.questions)}")
        question = self.questions[name]
        for key in raw.keys() - question.parameters.keys() - set(Item.__struct_fields__):
            raise QuestionError(
                f"{where}: there is no key {key!r}. {_nearest(key, [*Item.__struct_fields__, *question.parameters])}"
            )
        try:
            parameters = question.read({key: value for key, value in raw.items() if key in question.parameters})
            changes = msgspec.convert({key: raw[key] for key in _Changes.__struct_fields__ if key in raw}, _Changes)
        except QuestionError as error:
            raise QuestionError(f"{where}: {error}") from None
        except msgspec.ValidationError as error:
            raise QuestionError(f"{where}{_at_key(str(error))}. Correct it.") from None
        for key in question.names("model"):
            model = parameters[key]
            if model is not None and model not in self.setting.models:
                near = _nearest(str(model), self.setting.models)
                raise QuestionError(f"{where}, key {key!r}: there is no model {model!r} in the table 'models'. {near}")
        return Asked(str(raw.get("id", name)), name, parameters, changes.without, changes.also)

    def _item(self, raw: Mapping[str, Any], asked: Asked) -> Item:
        """Return an item, with what its question knows in the place of what the author does not say."""
        question, own, step = self.questions[asked.question], self.words.item(asked.item), self.steps.get(asked.item)
        said, known = question.words_in(self.language), gaps(self.spoken, asked)
        written = {key: value for key, value in raw.items() if key in Item.__struct_fields__}
        # The author's own words, if they are in this language; then the question's; then the author's in any.
        words = {
            name: getattr(own, name)
            or (self.is_translated and fill(getattr(said, name), known))
            or written.get(name, "")
            or fill(getattr(said, name), known)
            for name in ("title", "question", "advice")
        }
        hints = self._hints(asked, dict(written.get("hints", {})))
        if own.scheme and "memo" in written:
            written["memo"] = {**written["memo"], "scheme": own.scheme}
        if "carried" in written and step is None and written["carried"]:
            raise QuestionError(
                f"item {asked.item!r}, key 'carried': nothing that is asked leads to this answer; remove the key, "
                "or ask for what it is computed from."
            )
        try:
            return msgspec.convert(
                {
                    **self._known(question, asked, step),
                    **written,
                    **words,
                    "id": asked.item,
                    "ask": asked.question,
                    "parameters": dict(asked.parameters),
                    "hints": hints,
                },
                Item,
            )
        except msgspec.ValidationError as error:
            raise QuestionError(f"item {asked.item!r}{_at_key(str(error))}. Correct it.") from None

    def _known(self, question: Question, asked: Asked, step: Step | None) -> dict[str, Any]:
        """Return what a question knows of its item, words apart."""
        no_fit, names, choose = question.no_fit, gaps(self.setting, asked), question.options
        known = {
            "kind": question.kind,
            "tolerance": question.tolerance,
            "decimals": question.decimals,
            "no_fit": no_fit if isinstance(no_fit, bool) else tuple(fill(name, names) for name in no_fit),
            "carried": question.carried if step else 0.0,
            "needs": step.inputs if step else (),
            "options": choose and guarded(question, choose)(self.items, **asked.parameters),
        }
        return {key: value for key, value in known.items() if value is not None}

    def _hints(self, asked: Asked, written: dict[str, str]) -> dict[str, str]:
        """Return the words for each mistake of an item: the item's own, the assignment's, the question's."""
        question = self.questions[asked.question]
        found = mistake_words(question, self.setting, asked, self.language, self.spoken)
        for name in asked.without:
            if name not in found:
                raise QuestionError(
                    f"item {asked.item!r}, key 'without': its question has no mistake {name!r}. {_nearest(name, found)}"
                )
            del found[name]
        expected = {*found, *asked.also}
        for name in written.keys() - expected:
            near = _nearest(name, expected)
            raise QuestionError(f"item {asked.item!r}, key 'hints': it has no mistake {name!r}. {near}")
        own = self.words.item(asked.item).hints
        for name in expected:
            text = own.get(name) or self.words.mistakes.get(name)
            if self.is_translated:
                text = text or found.get(name)
            text = text or written.get(name) or self.declared.mistakes.get(name) or found.get(name)
            if not text:
                raise QuestionError(f"item {asked.item!r}, mistake {name!r}: it has no words. Add some to 'hints'.")
            found[name] = text
        return found


def _names(given: object) -> tuple[str, ...]:
    """Return the items that a parameter names: one, several, or none."""
    return tuple(map(str, given)) if isinstance(given, (tuple, list)) else (str(given),) if given is not None else ()


def _require_item(item: str, key: str, other: str, items: Items) -> None:
    if all(one.item != other for one in items):
        near = _nearest(other, [one.item for one in items])
        raise QuestionError(f"item {item!r}, key {key!r}: there is no item {other!r}. {near}")


def _nearest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    found = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean {found[0]!r}?" if found else f"There is: {', '.join(names) or 'none'}."
