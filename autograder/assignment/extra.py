"""Questions of an author's own: ``extra.py`` in an assignment's folder.

A course is trusted like code. What a learner hands in is not, and nothing of it is ever read from here: the folder is
the course's, which no command takes from among the submissions.
"""

from __future__ import annotations

import sys
from importlib.util import decode_source
from pathlib import Path
from types import ModuleType

from autograder.errors import RubricError
from reference.questions import Question, QuestionError, collecting
from reference.questions.slips import line_in

EXTRA_FILE = "extra.py"


def read_extra(folder: Path) -> str:
    """Return the text of ``extra.py`` in an assignment's folder; an empty one if there is no such file.

    Raises
    ------
    RubricError
        If it is no text.
    """
    path = folder / EXTRA_FILE
    try:
        return decode_source(path.read_bytes()) if path.is_file() else ""
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise RubricError(f"{path}: {type(error).__name__}: {error}. Correct it there.") from None


def own_questions(text: str, path: Path) -> dict[str, Question]:
    """Return the questions that an ``extra.py`` adds, by name; none if it is empty. ``path`` is named in messages.

    Raises
    ------
    RubricError
        If it fails, naming file and line.
    """
    if not text:
        return {}
    module = ModuleType(f"extra of {path.parent.resolve()}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclasses look for it; no import statement can name it
    with collecting() as found:
        try:
            # Run from its text, so that Python leaves nothing compiled in the course's folder.
            exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
        except (Exception, SystemExit) as error:
            line = line_in(error, str(path))
            said = str(error) if isinstance(error, QuestionError) else f"{type(error).__name__}: {error}"
            place = f"{path}, line {line}" if line else str(path)
            raise RubricError(f"{place}: {said.rstrip('.')}. Correct it there.") from error
    return found
