"""A rubric: what an assignment asks, with all that its questions know of themselves filled in.

It says for how many points, how a value is compared, what depends on what, and in which words a known misunderstanding
is explained. It holds no expected number: those come from the reference, for whatever panel was mounted.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from autograder.kinds.kind import Kind
from autograder.kinds.registry import KINDS
from autograder.language.catalogue import DEFAULT, LANGUAGES
from autograder.records.values import Value
from reference.questions import Items, Panels, Question, Setting

#: What `check` says of an answer before handing in, as the teacher chooses.
Says = Literal["everything", "right or wrong", "recorded"]


#: What of a cell is not run when one of its statements fails: that statement, or all that comes after it.
AfterError = Literal["next statement", "next cell"]


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One gap of a sentence: ``right`` is the word that fits, or ``own`` the answer whose number belongs there.

    A number is taken ``times`` the learner's own answer, so that a wrong answer is not wrong twice.
    """

    right: str | None = None
    own: str | None = None
    times: float = 1.0


class Memo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a text that a person grades is held against.

    ``scheme`` is the mark scheme, a line for each part, and ``sentences`` the fewest and the most that are asked for.
    ``figures`` name the learner's own answers that it may quote, and ``top`` a ranking whose best it should name.
    """

    figures: tuple[str, ...] = ()
    top: str | None = None
    sentences: tuple[int, int] | None = None
    scheme: tuple[str, ...] = ()


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing asked: the name of the answer is the ``grade_id`` of its check cell.

    ``ask`` is the question of the library and ``parameters`` what it takes; ``without`` names mistakes of it that are
    left out, ``also`` has expressions for further ones.

    ``tolerance`` has the unit of its kind, see `autograder.kinds`. ``right`` is the right choice, given only where the
    reference does not decide it from the panel, ``options`` are all choices there are, and ``synonyms`` what else an
    option may be called. ``advice`` is what a learner
    reads when the answer is wrong and no known mistake explains it; ``hints`` override, for this item, the rubric's
    words for a mistake. ``question`` is what `check` asks first, and ``read`` the page and section of the course that
    it names when neither that nor the advice helped. ``decimals`` is how many the task asks for; ``carried`` the share
    of the points for a right step from wrong answers; ``no_fit`` is True, or names known mistakes, where an answer
    takes no fitted model, so that no other earns points by it; ``deficit`` how far estimates may be from the optimum of
    what they are meant to minimise. ``memo`` says what to look for in a text, for the person who grades it.
    """

    id: str
    title: str
    points: float
    kind: str
    ask: str = ""
    parameters: dict[str, Any] = {}
    without: tuple[str, ...] = ()
    also: dict[str, str] = {}
    tolerance: float | None = None
    needs: tuple[str, ...] = ()
    right: str | tuple[str, ...] | None = None
    options: tuple[str, ...] = ()
    synonyms: dict[str, tuple[str, ...]] = {}
    slots: dict[str, Slot] = {}
    decimals: int | None = None
    carried: float = 0.0
    no_fit: bool | tuple[str, ...] = False
    deficit: float = 0.01
    question: str = ""
    advice: str = ""
    read: str = ""
    hints: dict[str, str] = {}
    memo: Memo | None = None

    @property
    def rests_on(self) -> tuple[str, ...]:
        """Items that come first: those it needs, and those whose numbers its sentence takes."""
        return tuple(dict.fromkeys([*self.needs, *(slot.own for slot in self.slots.values() if slot.own)]))

    @property
    def answer_kind(self) -> Kind:
        """What is known of answers of this kind."""
        return KINDS[self.kind]


class Notebook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One notebook of the assignment and its items, in the order in which they are asked.

    ``goals`` say what whoever has done it is able to do, and ``minutes`` how long that takes.
    """

    name: str
    title: str
    item: tuple[Item, ...]
    goals: tuple[str, ...] = ()
    minutes: int | None = None


class Rubric(msgspec.Struct, frozen=True):
    """A whole assignment.

    ``language`` is that of the feedback, ``check_says`` how much `check` tells a learner before handing in, and
    ``after_error`` where a notebook goes on after a statement that failed. ``setting`` says what the table in ``data``
    (CSV) is, ``panels`` how others like it are drawn, and ``asked`` what is asked of each. ``questions`` are those that
    it may ask: the library's and its own. ``packages`` are what notebooks may import besides. ``withheld`` are the
    items whose right answer a release does not tell: what is answered there can only be recorded. ``tasks`` say what
    each item asks for, in the words of its question.
    """

    assignment: str
    title: str
    notebook: tuple[Notebook, ...]
    setting: Setting
    panels: Panels
    asked: Items
    data: bytes
    questions: Mapping[str, Question]
    language: str = DEFAULT
    check_says: Says = "everything"
    after_error: AfterError = "next statement"
    packages: tuple[str, ...] = ()
    withheld: frozenset[str] = frozenset()
    tasks: Mapping[str, str] = {}

    @property
    def items(self) -> tuple[Item, ...]:
        """All items, in the order of the notebooks."""
        return tuple(item for notebook in self.notebook for item in notebook.item)

    def taken(self, answers: Mapping[str, Value]) -> dict[str, Value]:
        """Return answers in the form that their kinds compare, so that they mean the same whatever they came in."""
        kinds = {item.id: item.answer_kind for item in self.items}
        return {name: kinds[name].read(value) if name in kinds else value for name, value in answers.items()}


def with_points(rubric: Rubric, points: Mapping[str, float]) -> Rubric:
    """Return a rubric with other points for some items, by their ids."""

    def item(one: Item) -> Item:
        return msgspec.structs.replace(one, points=points.get(one.id, one.points))

    notebooks = (msgspec.structs.replace(one, item=tuple(map(item, one.item))) for one in rubric.notebook)
    return msgspec.structs.replace(rubric, notebook=tuple(notebooks))


#: The words of an item, by which no answer is told from another.
_NO_WORDS: dict[str, Any] = {"title": "", "question": "", "advice": "", "read": "", "hints": {}, "memo": None}


def deciding(item: Item) -> dict[str, object]:
    """Return what of an item decides how its answers are told apart: all but its words, and which of these differ."""
    words = dict.fromkeys(item.hints.values())
    alike = {mistake: list(words).index(hint) for mistake, hint in item.hints.items()}
    decides = {**msgspec.to_builtins(msgspec.structs.replace(item, **_NO_WORDS)), "alike": alike}
    # Releases without any were made before an option could have another name.
    return decides if item.synonyms else {key: value for key, value in decides.items() if key != "synonyms"}


def problems(rubric: Rubric) -> Iterator[str]:
    """Yield what keeps a rubric from holding together: names twice or unknown, circles, numbers out of bounds."""
    if rubric.language not in LANGUAGES:
        yield f"key 'language': there are no words in {rubric.language!r}. There are: {', '.join(LANGUAGES)}."
    for notebook in rubric.notebook:
        if not re.fullmatch(r"[^./\\\0][^/\\\0]*", notebook.name):
            yield f"notebook {notebook.name!r}: a name is that of a file, without its folder and without .ipynb."
    known: dict[str, Item] = {}
    for item in rubric.items:
        if item.id in known:
            yield f"item {item.id!r} is there twice; give one of them another id."
        if item.kind not in KINDS:
            yield f"item {item.id!r}, key 'kind': there is no kind {item.kind!r}. There are: {', '.join(KINDS)}."
        known[item.id] = item
    for item in rubric.items:
        yield from _item_problems(item, known)
        if bool(item.slots) != item.answer_kind.has_slots and item.id not in rubric.withheld:
            yield f"item {item.id!r}, key 'slots': kind 'slots' needs at least one, and no other kind has any."
        is_open = rubric.questions[item.ask].answer is None and item.right is None and not item.slots
        if is_open and not item.answer_kind.by_person and item.id not in rubric.withheld:
            yield f"item {item.id!r}, key 'right': its question computes nothing; give the right answer there."
    try:
        graphlib.TopologicalSorter({item.id: item.rests_on for item in rubric.items}).prepare()
    except graphlib.CycleError as error:
        yield f"items need each other in a circle: {' -> '.join(error.args[1])}. Remove one 'needs'."


def _item_problems(item: Item, known: dict[str, Item]) -> Iterator[str]:
    where, kind = f"item {item.id!r}", item.answer_kind
    if not re.fullmatch(r"[A-Za-z0-9_]+", item.id):
        yield f"{where}: an id is made of letters, digits and underscores, as it is also the name of a cell."
    for need in item.needs:
        if need not in known:
            yield f"{where}, key 'needs': there is no item {need!r}. Known: {', '.join(known)}."
    if not 0 <= item.points < 1000:
        yield f"{where}, key 'points': {item.points} is not from 0 to below 1000."
    if kind.exact and item.tolerance is not None:
        yield f"{where}, key 'tolerance': kind {item.kind!r} is compared exactly; remove the tolerance."
    needed = not kind.exact and not (kind.swaps and item.tolerance is None)
    if needed and (item.tolerance is None or not 0 < item.tolerance < 1):
        yield f"{where}, key 'tolerance': kind {item.kind!r} needs one between 0 and 1, in the unit of its kind."
    if item.right is not None and (kind.has_slots or not kind.worded):
        yield f"{where}, key 'right': only a choice has its right answer here; numbers come from the reference."
    if item.options and (not kind.has_options or len(item.options) < 2):
        yield f"{where}, key 'options': a choice has two or more of them, and nothing else has any."
    for option in item.synonyms.keys() - {*item.options}:
        yield f"{where}, key 'synonyms': {option!r} is none of its options: {', '.join(item.options) or 'none'}."
    for choice in (item.right,) if isinstance(item.right, str) else item.right or ():
        if item.options and choice not in item.options:
            yield f"{where}, key 'right': {choice!r} is none of its options: {', '.join(item.options)}."
    if not 0 <= item.carried < 1:
        yield f"{where}, key 'carried': {item.carried} is not a share of the points from 0 to below 1."
    if not 0 < item.deficit <= 1:
        yield f"{where}, key 'deficit': {item.deficit} is not a difference of criteria from 0 to 1."
    if item.decimals is not None and not 0 <= item.decimals <= 12:
        yield f"{where}, key 'decimals': {item.decimals} is not between 0 and 12."
    for name, slot in item.slots.items():
        if (slot.right is None) == (slot.own is None):
            yield f"{where}, slot {name!r}: give either the word that is right or the answer of the learner's own."
        if slot.own is not None and slot.own not in known:
            yield f"{where}, slot {name!r}, key 'own': there is no item {slot.own!r}. Known: {', '.join(known)}."
    if item.memo is not None:
        yield from _memo_problems(item, item.memo, known)


def _memo_problems(item: Item, memo: Memo, known: dict[str, Item]) -> Iterator[str]:
    if not item.answer_kind.by_person:
        yield f"item {item.id!r}, key 'memo': only an item of kind 'manual' is read by a person; remove the table."
    if memo.sentences is not None and not 0 < memo.sentences[0] <= memo.sentences[1]:
        yield f"item {item.id!r}, key 'memo', 'sentences': give the fewest, at least 1, and then the most."
    for name in (*memo.figures, *([memo.top] if memo.top else [])):
        if name not in known:
            yield f"item {item.id!r}, key 'memo': there is no item {name!r}. Known: {', '.join(known)}."
    if memo.top in known and known[memo.top].answer_kind.swaps is None:
        yield f"item {item.id!r}, key 'memo', 'top': {memo.top!r} is not a ranking; name one that is."
