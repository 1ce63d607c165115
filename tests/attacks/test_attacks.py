"""Hostile submissions, graded in one class between honest neighbours: they earn nothing, and harm nobody.

Every folder of ``tests/attacks`` holds an attack: ``submission.toml`` says what is handed in, as in
``tests/submissions``, and ``expect.toml`` what must come of it (`attack_corpus`). Adding one needs no Python. By
default the attacks marked ``always`` run, and others drawn with a seed (``--draw``) up to the number of ``--attacks``.
The whole corpus, and some of it:

    .venv/bin/python -m pytest tests/attacks --attacks all
    .venv/bin/python -m pytest tests/attacks --attacks fork-bomb,sleeps
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from active_parts import active_parts
from attack_corpus import Attack, read_corpus
from attacked_class import AttackedClass
from formgrader_page import formgrader_of

from autograder.assignment.key import Keyed
from autograder.assignment.rubric import Rubric
from autograder.records.grading import Verdict

#: What an attack prints or answers where it reached what it must not reach.
TROPHY = "GOT THROUGH"

#: What steers a terminal; nbconvert makes colours of it.
STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

#: A picture that a page holds itself, as an active part.
_PICTURE = "img src=data:image/png;base64,"


def attack_names() -> list[str]:
    return [attack.name for attack in read_corpus()]


@pytest.mark.parametrize("name", attack_names())
def test_an_attack_comes_to_what_its_folder_says(name: str, attacked_class: AttackedClass, rubric: Rubric) -> None:
    attack = next((one for one in attacked_class.attacks if one.name == name), None)
    if attack is None:
        pytest.skip("not drawn in this run; --attacks all runs every one")
    grade = attacked_class.grades[name]
    found = {item.item: item for item in grade.items}
    expected = {item.id: attack.expected.of_item(item.id, attack.sample, rubric) for item in rubric.items}
    said = {item: f"{result.verdict}: {result.reason}" for item, result in found.items()}
    for item, entry in expected.items():
        allowed = [entry.verdict] if isinstance(entry.verdict, Verdict) else entry.verdict
        assert found[item].verdict in allowed, said
        assert entry.reason in found[item].reason
        right = found[item].verdict is Verdict.CORRECT
        assert found[item].score == (entry.score if entry.score is not None else found[item].points * right)
    require_tried(attack, attacked_class)


def require_tried(attack: Attack, attacked: AttackedClass) -> None:
    """An attack that never ran proves nothing: it must have left the traces that its folder names."""
    told = attacked.told(attack.name)
    assert [text for text in attack.expected.says if text not in told] == [], attacked.printed(attack.name)
    assert [text for text in attack.expected.hides if text in told] == [], attack.name
    notes = [note for notebook in attacked.grades[attack.name].notebooks for note in notebook.notebook.notes]
    assert [text for text in attack.expected.notes if not any(text in note for note in notes)] == [], notes


def test_no_attack_reached_anything(attacked_class: AttackedClass) -> None:
    for attack in attacked_class.attacks:
        told = attacked_class.told(attack.name)
        assert [line for line in told.splitlines() if TROPHY in line] == [], attack.name
        assert (attacked_class.bait.secret in told) is False, attack.name
    assert attacked_class.bait.visitors() == []
    assert attacked_class.bait.bystander.poll() is None


def test_the_honest_learners_marks_are_those_of_a_class_without_attackers(attacked_class: AttackedClass) -> None:
    assert len(attacked_class.honest) >= 2
    assert attacked_class.alone.score > 0
    peaceful = attacked_class.peaceful / "autograded" / "honest-0" / "practice" / "task1-icc.ipynb"
    for student in attacked_class.honest:
        assert attacked_class.grades[student].items == attacked_class.alone.items
        assert attacked_class.executed(student)["task1-icc"] == peaceful.read_text(encoding="utf-8")


def test_the_host_is_as_it_was(attacked_class: AttackedClass) -> None:
    before, after = attacked_class.before, attacked_class.after
    changed = {
        path for path in before.files.keys() | after.files.keys() if before.files.get(path) != after.files.get(path)
    }
    assert changed == set()
    assert after.mounts == before.mounts
    assert after.processes - before.processes == set()
    assert after.left_behind == before.left_behind == []


def test_the_results_hold_what_grading_writes_and_nothing_else(attacked_class: AttackedClass) -> None:
    students = {*attacked_class.grades}
    expected = {"gradebook.db", "hidden-seed.txt", "nbgrader_config.py", "autograded", "feedback", "runs", "source"}
    expected |= {"practice.html", "practice-report.html", "practice-to-read.html"}
    assert {path.name for path in attacked_class.into.iterdir()} == expected
    for folder in ("autograded", "feedback"):
        assert {path.name for path in (attacked_class.into / folder).iterdir()} == students
    assert (attacked_class.into / "hidden-seed.txt").read_text(encoding="utf-8") == "20\n"


def test_executed_notebooks_hold_text_and_pictures(attacked_class: AttackedClass, rubric: Rubric) -> None:
    graded = {item.id for item in rubric.items}
    for attack in attacked_class.attacks:
        for text in attacked_class.executed(attack.name).values():
            notebook = nbformat.reads(text, as_version=4)
            nbformat.validate(notebook)
            for cell in notebook.cells:
                assert set(cell.metadata) <= {"nbgrader"}
                assert "attachments" not in cell
                ours = cell.metadata.get("nbgrader", {}).get("grade_id") in graded
                kinds = {kind for output in cell.get("outputs", ()) for kind in output.get("data", {})}
                assert kinds <= {"text/plain", "text/html"} if ours else kinds <= {"text/plain", "image/png"}
        assert STEERING.findall(attacked_class.printed(attack.name)) == [], attack.name


def test_executed_notebooks_hold_no_more_than_a_page_is_quickly_made_of(attacked_class: AttackedClass) -> None:
    for attack in attacked_class.attacks:
        for text in attacked_class.executed(attack.name).values():
            notebook = nbformat.reads(text, as_version=4)
            outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
            assert len(outputs) <= 300 + len(notebook.cells)
            code = sum(len(cell.source) for cell in notebook.cells if cell.cell_type == "code")
            # Without this nbconvert takes code for IPython's, in which a line can be in another language.
            assert notebook.metadata.language_info.pygments_lexer == ("python" if code <= 15_000 else "text")


def test_pages_hold_nothing_that_runs_or_leads_elsewhere(attacked_class: AttackedClass, rubric: Rubric) -> None:
    harmless = active_parts(attacked_class.feedback("honest-0"))
    links = {f"a href={entry.name}-executed.html" for entry in rubric.notebook}
    of_ours = ("span style=width: ", "<svg [('aria-hidden', 'true'), ('class', 'dot'), ")
    of_notebooks = ("section.cell {", "<meta [('content', \"default-src 'none'; img-src data:; ", _PICTURE)
    for attack in attacked_class.attacks:
        more = active_parts(attacked_class.feedback(attack.name)) - harmless - links
        assert {part for part in more if not part.startswith(of_ours)} == set(), attack.name
        for path in (attacked_class.into / "feedback" / attack.name / "practice").glob("*-executed.html"):
            more = active_parts(path.read_text(encoding="utf-8")) - harmless
            assert {part for part in more if not part.startswith(of_notebooks)} == set(), (attack.name, path.name)
    links = {f"a href=feedback/{student}/practice/index.html" for student in attacked_class.grades}
    links |= {f"{link}#{item.id}" for link in links for item in rubric.items}
    links |= {"a href=practice.html", "a href=practice-report.html"}
    of_ours = ("body {", "<svg [('aria-hidden', 'true'), ('class', 'dot'), ", "<svg [('aria-label', 'Histogram ")
    for name in ("practice.html", "practice-report.html", "practice-to-read.html"):
        page = (attacked_class.into / name).read_text(encoding="utf-8")
        assert {part for part in active_parts(page) - harmless - links if not part.startswith(of_ours)} == set()


def test_nothing_of_a_learner_runs_where_a_teacher_opens_the_notebooks(attacked_class: AttackedClass) -> None:
    """As formgrader shows them, with the configuration that was written beside the grades."""
    formgrader = formgrader_of(attacked_class.into)

    def parts(text: str) -> set[str]:
        page = formgrader(text)
        assert "</html>" in page
        return {part for part in active_parts(page) if not part.startswith(_PICTURE)}

    harmless: set[str] = set()
    for text in attacked_class.executed("honest-0").values():
        harmless |= parts(text)
    for attack in attacked_class.attacks:
        for text in attacked_class.executed(attack.name).values():
            assert parts(text) - harmless == set(), attack.name


def test_nothing_of_the_hidden_panel_comes_out(attacked_class: AttackedClass, panels: tuple[Keyed, ...]) -> None:
    hidden = next(keyed for keyed in panels if keyed.hidden)
    numbers = {repr(float(number)) for number in hidden.panel.frame["youtube"][:20]}
    numbers |= {repr(value) for value in hidden.answers.values.values() if isinstance(value, float)}
    telling = {number for number in numbers if len(number.replace("0", "").strip(".-e")) >= 5}
    assert len(telling) >= 20
    for attack in attacked_class.attacks:
        told = "".join([attacked_class.feedback(attack.name), *attacked_class.executed(attack.name).values()])
        assert {number for number in telling if number in told} == set(), attack.name


def test_the_folders_of_the_corpus_are_whole() -> None:
    corpus = Path(__file__).resolve().parent
    folders = {path.name for path in corpus.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {attack.name for attack in read_corpus()} == folders
    assert len(folders) >= 60
    assert all(attack.sample.story for attack in read_corpus())
