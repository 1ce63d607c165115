"""What is known of a release: ``release.json`` beside the learners' notebooks, and the whole of it in the course.

The one beside the notebooks is what a learner needs to be answered without the course: what is asked, the tolerances,
the words, the table, and the notebooks as they were. No number that was computed is in it, no seed, and nothing of how
hidden tables are drawn. A learner can write into it, so that it is read as anybody's file.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from autograder.assignment.contents import Contents, Policies, without_own_questions
from autograder.assignment.declaration import rubric_of
from autograder.assignment.rubric import Rubric, deciding
from autograder.errors import CourseError, OurFault, UsageError

RELEASE_FILE = "release.json"
#: Where a course keeps its releases, in the assignment's folder.
_KEPT = "releases"
#: A release takes some hundred kilobytes, most of it the table.
_MOST_BYTES = 64 * 1024**2

#: What tells an item's right answer, or speaks of it, where nothing computes it.
_TELLING = frozenset({"right", "slots", "question", "advice", "hints", "also"})


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A release: its id, what the assignment's folder and the course said, and the notebooks as texts by file name."""

    id: str
    contents: Contents
    policies: Policies
    notebooks: dict[str, str]

    def rubric(self, path: Path, language: str | None = None) -> Rubric:
        """Return its rubric; ``path`` is where it was read. Raise RubricError if it does not hold together."""
        return rubric_of(self.contents, path, self.policies, language)


def id_of(rubric: Rubric, notebooks: Mapping[str, str], extra: str) -> str:
    """Return the id of a release: a digest of its notebooks, its table, and all that decides a grade; not of words."""
    setting, panels = msgspec.to_builtins(rubric.setting), msgspec.to_builtins(rubric.panels)
    for column in (*setting["columns"].values(), setting["rows"]):
        column.update(call="", calls="")
    items = [deciding(item) for item in rubric.items]
    known = [rubric.assignment, notebooks, rubric.data.decode(), setting, panels, items, rubric.after_error, extra]
    return hashlib.sha256(msgspec.json.encode(known, order="sorted")).hexdigest()[:16]


def public(release: Release) -> Release:
    """Return what of a release learners may have.

    Without ``panels``, what a memo is read by, and why mistakes were left out; and, unless the author says that it is
    for study, without ``extra.py`` and the choices and words that are right: such items are withheld.
    """
    for_study = release.contents.declaration.get("study", release.policies.study)
    contents = release.contents if for_study else without_own_questions(release.contents)
    declared = {key: value for key, value in contents.declaration.items() if key != "panels"}
    withheld = list(contents.withheld)

    def item(raw: Mapping[str, Any]) -> dict[str, Any]:
        words = any("right" in slot for slot in raw.get("slots", {}).values())
        hidden = not for_study and ("right" in raw or words)
        if hidden:
            withheld.append(raw.get("id", raw["ask"]))
        return {key: raw[key] for key in raw if key != "memo" and not (hidden and key in _TELLING)}

    declared["notebook"] = [{**one, "item": [item(raw) for raw in one["item"]]} for one in declared["notebook"]]
    words = {language: _without_words_of(withheld, document) for language, document in contents.words.items()}
    pruned = {name: dict.fromkeys(mistakes, "") for name, mistakes in contents.pruned.items() if name not in withheld}
    return msgspec.structs.replace(
        release,
        contents=msgspec.structs.replace(
            contents, declaration=declared, words=words, pruned=pruned, withheld=tuple(withheld)
        ),
    )


def _without_words_of(withheld: list[str], document: dict[str, Any]) -> dict[str, Any]:
    items = {
        name: {
            key: text
            for key, text in words.items()
            if key != "scheme" and (name not in withheld or key not in _TELLING)
        }
        for name, words in document.get("items", {}).items()
    }
    return {**document, "items": items}


def as_text(release: Release) -> str:
    """Return a release as JSON that :func:`read_release_file` reads back."""
    return msgspec.json.format(msgspec.json.encode(release), indent=1).decode() + "\n"


def read_release_file(path: Path) -> Release | None:
    """Return the release in a file; None if there is no file.

    Raises
    ------
    CourseError
        If it is not a release.
    """
    try:
        status = path.lstat()
        # Whoever opens a pipe waits for a writer, and a link may lead to something that never ends.
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise CourseError(f"{path}: a release is an ordinary file of at most 64 MB. Get it again.")
        return msgspec.json.decode(path.read_bytes(), type=Release)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CourseError(f"{path} is not a release ({printable(error)[:300]}). Get it again.") from None


@dataclass(frozen=True)
class Beside:
    """A release that lies beside a learner's notebooks, and its file: what cannot be done with it is said of that."""

    path: Path
    release: Release

    def rubric(self, language: str | None = None, *, own_code: bool = False) -> Rubric:
        """Return its rubric, its words in a language; raise CourseError if it does not hold together.

        The ``extra.py`` in it is run only with ``own_code``, for where code of the folder is run anyway; else the items
        that it answers are withheld.
        """
        with self.anybodys():
            contents = self.release.contents
            contents = contents if own_code else without_own_questions(contents)
            return rubric_of(contents, self.path, self.release.policies, language)

    @contextmanager
    def anybodys(self) -> Iterator[None]:
        """Raise CourseError, naming the file, for whatever fails in here: it may hold what no author would write."""
        try:
            yield
        except OurFault:  # such as a table of the learner's own that cannot be read
            raise
        except UsageError as error:
            said = printable(error).removeprefix(f"{self.path}: ")
            raise CourseError(f"{self.path}: {said[:600]}") from None
        except Exception as problem:
            why = f"{type(problem).__name__}: {problem}"
            raise CourseError(f"{self.path} cannot be used ({printable(why)[:300]}). Get it again.") from problem


def release_beside(folder: Path) -> Beside | None:
    """Return the release that lies in a learner's folder; None if there is none.

    Raises
    ------
    CourseError
        If it cannot be read.
    """
    release = read_release_file(folder / RELEASE_FILE)
    return Beside(folder / RELEASE_FILE, release) if release else None


def kept_file(source: Path, release_id: str) -> Path:
    """Return where the source folder of an assignment keeps a release."""
    return source / _KEPT / f"{release_id}.json"


def kept_releases(source: Path) -> dict[str, Path]:
    """Return the files of all releases that the source folder of an assignment keeps, by their ids."""
    return {path.stem: path for path in source.glob(f"{_KEPT}/*.json")}


def printable(said: object) -> str:
    """Return what is said with nothing in it that steers a terminal, as it may quote anybody's file."""
    return "".join(character for character in str(said) if character.isprintable())
