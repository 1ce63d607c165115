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


def own_questions(folder: Path) -> dict[str, Question]:
    """Return the questions that ``extra.py`` of an assignment's folder adds, by name; none if there is no such file.

    Raises
    ------
    RubricError
        If it fails, naming file and line.
    """
    path = folder / EXTRA_FILE
    if not path.is_file():
        return {}
    module = ModuleType(f"extra of {folder.resolve()}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclasses look for it; no import statement can name it
    with collecting() as found:
        try:
            # Run from its text, so that Python leaves nothing compiled in the course's folder.
            text = decode_source(path.read_bytes())
            exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
        except (Exception, SystemExit) as error:
            line = line_in(error, str(path))
            said = str(error) if isinstance(error, QuestionError) else f"{type(error).__name__}: {error}"
            place = f"{path}, line {line}" if line else str(path)
            raise RubricError(f"{place}: {said.rstrip('.')}. Correct it there.") from error
    return found
