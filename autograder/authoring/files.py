"""A proposed assignment as files: ``assignment.toml``, the course's, nbgrader's configuration, sample submissions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from autograder.assignment.rubric import Rubric
from autograder.authoring.notebooks import answer_cell, codes, what_to_assign, with_comment
from autograder.authoring.proposal import Proposal, Task
from autograder.authoring.solutions import ANSWER, fits_used
from autograder.language.catalogue import Sentence, translated
from reference.questions import Fits

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def assignment_toml(title: str, data: str, proposal: Proposal, language: str) -> str:
    """Return the text of an assignment.toml."""
    setting = proposal.setting
    lines = [
        f"# {translated(Sentence('new.assignment'), language)}",
        f"title = {toml(title)}",
        f"data = {toml(data)}",
        f"rows = {toml({'call': setting.rows.call, 'calls': setting.rows.calls})}",
        "\n[columns]",
        *(f"{toml_key(name)} = {toml(_said(column))}" for name, column in setting.columns.items()),
        "\n[models]",
        *(f"{toml_key(name)} = {toml(formula)}" for name, formula in setting.models.items()),
        "\n[panels]",
        *(f"{name} = {toml(value)}" for name, value in _said(proposal.panels).items()),
    ]
    for task in proposal.tasks:
        lines += [
            "\n[[notebook]]",
            f"name = {toml(task.name)}",
            f"title = {toml(translated(task.title, language))}",
            "item = [",
        ]
        lines += [f"  {toml(_translated(item, language))}," for item in task.items]
        lines.append("]")
    return "\n".join(lines) + "\n"


def course_toml(title: str, assignment: str, language: str) -> str:
    """Return the text of a course.toml with one assignment."""
    return f"title = {toml(title)}\nassignments = [{toml(assignment)}]\nlanguage = {toml(language)}\n"


def with_assignment(text: str, assignment: str) -> str | None:
    """Return the text of a course.toml with one more assignment; None if its list is not found in it."""
    found = re.search(r"^assignments\s*=\s*\[[^\]]*?(,?)(\s*)\]", text, flags=re.MULTILINE)
    if found is None:
        return None
    before = text[: found.start(1)].rstrip()
    comma = "" if before.endswith("[") else ", "
    return f"{before}{comma}{toml(assignment)}{found[2]}]{text[found.end() :]}"


def samples(proposal: Proposal, rubric: Rubric, fits: Fits) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield sample submissions, each the name of its folder and its files.

    The solution, the untouched release, and for each question the first known mistake that its item recognises.
    """
    yield _sample(rubric, "solution", "Everything is right.", 'default = "correct"')
    yield _sample(rubric, "untouched", "The notebooks are handed in as they were handed out.", 'default = "missing"')
    shown = set[str]()
    items = {item.id: item for item in rubric.items}
    for task in proposal.tasks:
        for name, mistake, source in _mistaken(task, fits, rubric.language):
            item = items[name]
            if item.ask not in shown and mistake in item.hints:
                shown.add(item.ask)
                story = f"{name} comes from a known mistake, {mistake}; all else is right."
                expected = f'default = "correct"\n\n[items.{name}]\nverdict = "wrong"\nmistake = "{mistake}"'
                cells = f"\n[cells]\n{answer_cell(name)} = '''\n{source}\n'''"
                yield _sample(rubric, f"{name}-{mistake}", story, expected, cells)


def _sample(rubric: Rubric, name: str, story: str, expected: str, cells: str = "") -> tuple[str, dict[str, str]]:
    base = "release" if name == "untouched" else "solution"
    lines = [f"story = {toml(story)}", f"base = {toml(base)}", f"assignment = {toml(rubric.assignment)}", cells]
    folder = f"{rubric.assignment}-{name.replace('_', '-')}"
    return folder, {"submission.toml": "\n".join(lines).rstrip() + "\n", "expect.toml": f"{expected}\n"}


def _mistaken(task: Task, fits: Fits, language: str) -> Iterator[tuple[str, str, str]]:
    """Yield items, a known mistake of each, and the source of the cell that makes it."""
    written = codes(task, fits)
    fitted = fits_used(fits, [code.right for code in written.values()])
    known = {item["id"]: item for item in task.items}
    for name, code in written.items():
        for mistake, text in code.mistakes.items():
            missing = [line for line in fits_used(fits, [text]) if line not in fitted]
            source = "\n".join([*missing, text.replace(ANSWER, name)])
            yield name, mistake, with_comment(what_to_assign(known[name], fits, language), source)


def _said(struct: msgspec.Struct) -> dict[str, Any]:
    """Return what a struct says that is not said by default."""
    default = msgspec.structs.asdict(type(struct)())
    return {name: value for name, value in msgspec.structs.asdict(struct).items() if value != default[name]}


def _translated(item: Any, language: str) -> Any:
    if isinstance(item, Mapping):
        return {name: _translated(value, language) for name, value in item.items()}
    return translated(item, language) if isinstance(item, Sentence) else item


def toml_key(name: str) -> str:
    """Return a key of a TOML table."""
    return name if _BARE.fullmatch(name) else toml(name)


def toml(value: Any) -> str:
    """Return a value as TOML on one line: texts, numbers, lists, tables."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # A JSON text is a TOML text, but for the character that TOML must not hold as it is.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case int() | float():
            return repr(value)
        case Mapping():
            return "{ " + ", ".join(f"{toml_key(str(key))} = {toml(one)}" for key, one in value.items()) + " }"
        case _:
            return "[" + ", ".join(map(toml, value)) + "]"
