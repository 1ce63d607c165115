"""What an assignment's folder holds, read and not yet looked at as a whole: its declaration, its table, its words."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec

from autograder.assignment.extra import read_extra
from autograder.assignment.pruned import read_pruned
from autograder.assignment.rubric import AfterError, Item, Says
from autograder.assignment.translations import read_words
from autograder.errors import RubricError
from autograder.language.catalogue import DEFAULT
from reference.questions import LIBRARY, Column, Panels

ASSIGNMENT_FILE = "assignment.toml"
#: The table of an assignment that names no other.
_TABLE = "panel.csv"


class DeclaredNotebook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A notebook as its author declares it; an item's keys are those of `Item` and of its question.

    Whoever studies alone reads first what they will be able to do (``goals``), and how many ``minutes`` it takes.
    """

    name: str
    title: str
    item: tuple[dict[str, Any], ...]
    goals: tuple[str, ...] = ()
    minutes: int | None = None


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An ``assignment.toml``. What a course says of language and policies it says for all its assignments."""

    title: str
    notebook: tuple[DeclaredNotebook, ...]
    data: str = _TABLE
    columns: dict[str, Column] = {}
    rows: Column = Column(call="row", calls="rows")
    derive: dict[str, str] = {}
    models: dict[str, str] = {}
    panels: Panels = Panels()
    language: str | None = None
    check_says: Says | None = None
    after_error: AfterError | None = None
    study: bool | None = None
    mistakes: dict[str, str] = {}


#: The name of a distribution: a release may hold any text in its place.
Distribution: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]+$")]


class Policies(msgspec.Struct, frozen=True):
    """What a course says for all its assignments, and an assignment may say for itself.

    ``study`` says whether a release tells the choices and words that are right, which nothing computes.
    """

    language: str = DEFAULT
    check_says: Says = "everything"
    after_error: AfterError = "next statement"
    study: bool = False
    packages: tuple[Distribution, ...] = ()


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an assignment's folder holds: what its author declares, its table (CSV), and its words by language.

    ``extra`` is the text of its ``extra.py``, ``pruned`` the known mistakes that were left out, with the reasons, and
    ``withheld`` the items whose right answer was taken out.
    """

    assignment: str
    declaration: dict[str, Any]
    table: str
    words: dict[str, dict[str, Any]] = {}
    extra: str = ""
    pruned: dict[str, dict[str, str]] = {}
    withheld: tuple[str, ...] = ()


def read_contents(folder: Path, *, whole: bool = False) -> Contents:
    """Return what an assignment's folder holds, or raise RubricError, naming the file and what is wrong with it.

    With ``whole`` no known mistake is left out.
    """
    path = folder / ASSIGNMENT_FILE
    document = _document(path)
    table = _table(folder / as_declaration(document, path).data, path)
    pruned = {} if whole else read_pruned(folder)
    return Contents(folder.name, document, table, read_words(folder), read_extra(folder), pruned)


def without_own_questions(contents: Contents) -> Contents:
    """Return contents without ``extra.py``: withheld are the items that ask its questions, or rest on one that does."""
    notebooks = contents.declaration["notebook"]
    items = {item.get("id", item["ask"]): item for notebook in notebooks for item in notebook["item"]}
    gone = {name for name, item in items.items() if item["ask"] not in LIBRARY} if contents.extra else set()
    while more := {name for name, item in items.items() if name not in gone and _names_in(item) & gone}:
        gone |= more

    def item(name: str, raw: dict[str, Any]) -> dict[str, Any]:
        # A choice is a question that nothing computes.
        kept = {"id": name, "ask": "choice", "title": raw.get("title", name), "points": raw["points"]}
        return kept if name in gone else raw

    left = [{**one, "item": [item(raw.get("id", raw["ask"]), raw) for raw in one["item"]]} for one in notebooks]
    return msgspec.structs.replace(
        contents,
        declaration={**contents.declaration, "notebook": left},
        extra="",
        pruned={name: named for name, named in contents.pruned.items() if name not in gone},
        withheld=tuple(name for name in items if name in gone or name in contents.withheld),
    )


def _names_in(raw: dict[str, Any]) -> set[str]:
    """Return every name in what an item's question takes, those in expressions too."""
    taken = {key: value for key, value in raw.items() if key not in Item.__struct_fields__ or key == "also"}
    return set(re.findall(r"\w+", msgspec.json.encode(taken).decode()))


def as_declaration(document: dict[str, Any], path: Path) -> Declaration:
    """Return what an author declares, or raise RubricError, naming the file and the key that is wrong."""
    try:
        return msgspec.convert(document, Declaration)
    except msgspec.ValidationError as error:
        raise RubricError(f"{path}: {_place(str(error), document)}") from None


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise RubricError(f"{path}: there is no assignment here. An assignment is a folder with this file.") from None
    except UnicodeDecodeError:
        raise RubricError(f"{path}: not in UTF-8. Save it as UTF-8.") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RubricError(f"{path}: not readable as TOML: {error}. Correct the file there.") from None


def _place(message: str, document: dict[str, Any]) -> str:
    """Return a decoder's message with the notebook's name in the place of its path."""
    text = message.split(" - at `")[0].replace("Object contains", "there is an").replace("unknown field", "unknown key")
    text = text.replace("Object missing required field", "there is no key")
    found = re.search(r" - at `\$\.(\w+)(?:\[(\d+)\])?(?:\.(\w+))?", message)
    if not found:
        return f"{text}. Compare the names of the keys with course/authors.md."
    if found[1] == "notebook" and found[2]:
        notebook = document["notebook"][int(found[2])]
        name = notebook.get("name", found[2]) if isinstance(notebook, dict) else found[2]
        return f"notebook {name!r}{f', key {found[3]!r}' if found[3] else ''}: {text}. Correct or remove it."
    return f"key {found[1]!r}: {text}. Correct it as course/authors.md says."


def _table(path: Path, named_in: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise RubricError(
            f"{named_in}: key 'data': {path} cannot be read: {error.strerror}. Correct the name."
        ) from None
    except UnicodeDecodeError:
        raise RubricError(
            f"{named_in}: key 'data': {path} is not in UTF-8. Save it as CSV UTF-8, which spreadsheets offer."
        ) from None
