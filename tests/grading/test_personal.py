"""A panel for each learner: always the same for a name, another for another, and a neighbour's numbers are found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autograder.assignment.key import Keyed, expected, own_panel
from autograder.assignment.rubric import Rubric
from autograder.cli import main
from autograder.grading.copies import find_copies, personal_panel
from autograder.grading.pipeline import Grading
from autograder.records.grading import Copy, Ending, Grade, NotebookGrade, NotebookRun, SubmittedNotebook
from autograder.results.class_report import report_page
from autograder.sandbox.wire import key_value
from autograder.scoring.items import score_notebook
from autograder.student import load_panel


@pytest.fixture(scope="module")
def personal(rubric: Rubric) -> dict[str, Keyed]:
    return {name: personal_panel(rubric, name) for name in ("ada", "grace", "hedy")}


def hand_in(rubric: Rubric, student: str, own: Keyed, numbers_of: Keyed) -> Grade:
    """Grade a learner on a panel, whose answers are the right ones of a panel."""
    notebooks = []
    for entry in rubric.notebook:
        answers = {i.id: key_value(expected(i, numbers_of.answers)) for i in entry.item if i.kind != "manual"}
        notebook, run = SubmittedNotebook(entry.name, ()), NotebookRun(entry.name, Ending.FINISHED, answers=answers)
        notebooks.append(NotebookGrade(notebook, run, score_notebook(rubric, notebook, [(own, run)])))
    return Grade(student, rubric.assignment, tuple(notebooks))


def test_a_name_always_gives_the_same_panel_and_no_other_name_does(rubric: Rubric, personal) -> None:
    assert personal_panel(rubric, "ada").panel.to_csv_bytes() == personal["ada"].panel.to_csv_bytes()
    assert len({keyed.panel.to_csv_bytes() for keyed in personal.values()}) == len(personal)
    assert not any(keyed.hidden for keyed in personal.values())


def test_a_learner_is_graded_on_the_own_panel(rubric: Rubric, panels: tuple[Keyed, ...], personal) -> None:
    grading = Grading(rubric, (), panels, personal=personal)
    assert grading.panels_of("grace") == (personal["grace"], *panels[1:])
    assert grading.panels_of("somebody else") == panels


def test_a_neighbours_numbers_are_reported_and_honest_ones_are_not(rubric: Rubric, personal) -> None:
    honest = [hand_in(rubric, name, keyed, keyed) for name, keyed in personal.items()]
    assert list(find_copies(rubric, honest, personal)) == []
    copied = hand_in(rubric, "grace", personal["grace"], personal["hedy"])
    (found,) = find_copies(rubric, [honest[0], copied, honest[2]], personal)
    assert (found.student, found.other) == ("grace", "hedy")
    assert {"var_store", "icc", "lrt_chi2", "store_slopes", "gain_average"} <= set(found.items)
    assert "lrt_df" not in found.items


def test_one_number_that_is_right_elsewhere_is_chance(rubric: Rubric, personal) -> None:
    honest = hand_in(rubric, "ada", personal["ada"], personal["ada"])
    first = honest.notebooks[0]
    answers = {**first.run.answers, "icc": key_value(personal["hedy"].answers.values["icc"])}
    changed = replace(first, run=replace(first.run, answers=answers))
    grade = replace(honest, notebooks=(changed, *honest.notebooks[1:]))
    assert list(find_copies(rubric, [grade], personal)) == []


def handout(root: Path, names: Path, into: Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(
            ["handout", "practice", "--learners", str(names), "--into", str(into), "--course", str(root / "solutions")]
        )
    return int(ended.value.code or 0)


def test_a_handout_holds_the_release_and_a_panel_that_the_notebook_and_its_check_use(
    root: Path, rubric: Rubric, personal, tmp_path: Path, monkeypatch, capsys
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("ada\n\n grace \n", encoding="utf-8")
    assert handout(root, names, tmp_path / "out") == 0
    folder = tmp_path / "out" / "grace" / "practice"
    notebooks = sorted(path.name for path in folder.glob("*.ipynb"))
    assert notebooks == sorted(f"{entry.name}.ipynb" for entry in rubric.notebook)
    for name in notebooks:
        assert (folder / name).read_bytes() == (root / "exercises" / "practice" / name).read_bytes()
    assert (folder / "release.json").read_bytes() == (root / "exercises" / "practice" / "release.json").read_bytes()
    monkeypatch.chdir(folder)
    assert load_panel().equals(personal["grace"].panel.frame)
    assert own_panel(rubric, folder).answers.values["icc"] == personal["grace"].answers.values["icc"]
    assert "2 learners" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no learner in this list"),
        ("ada\n\nada\n", "line 3: ada is there twice, or hardly differs from line 1"),
        ("Jos\u00e9\njose\u0301\n", "line 2: jose\u0301 is there twice, or hardly differs from line 1"),
        ("a\x1b[2J\nA\x1b[2j", "line 2: A\\x1b[2j is there twice"),
    ],
)
def test_a_list_of_learners_that_will_not_do_is_refused(
    root: Path, tmp_path: Path, capsys, text: str, said: str
) -> None:
    names = tmp_path / "names.txt"
    names.write_text(text, encoding="utf-8")
    assert handout(root, names, tmp_path / "out") == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_copies_are_in_the_class_report(rubric: Rubric, personal) -> None:
    grades = [hand_in(rubric, "grace", personal["grace"], personal["hedy"])]
    page = report_page(rubric, grades, [Copy("grace", "hedy", ("icc", "var_store"))])
    titles = {item.id: item.title for item in rubric.items}
    assert f"grace: {titles['icc']}, {titles['var_store']} of the panel of hedy" in page
    assert "somebody else" not in report_page(rubric, grades).lower()
