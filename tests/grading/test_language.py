"""A second language is a file: every sentence is there, with the same gaps, and no page mixes two."""

from __future__ import annotations

import pickle
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from string import Formatter

import msgspec
import pytest

from autograder.assignment.course import Course
from autograder.assignment.declaration import load_rubric
from autograder.assignment.key import Keyed
from autograder.assignment.release import make_release
from autograder.assignment.rubric import Rubric
from autograder.errors import ReleaseError, RubricError, UsageError
from autograder.grading.pipeline import Grading
from autograder.kinds.finding import Scale
from autograder.kinds.registry import compare
from autograder.language import catalogue
from autograder.language.catalogue import DEFAULT, LANGUAGES, MissingWords, Sentence, listed, translated, words
from autograder.records.grading import Ending, Grade, NotebookGrade, NotebookRun, SubmittedNotebook, Verdict
from autograder.records.verdict_signs import name_of
from autograder.results.executed_notebook import executed_notebook
from autograder.results.pages import class_page, learner_page
from autograder.sandbox.wire import plain_value
from autograder.scoring.items import judge_alone

OTHERS = [language for language in LANGUAGES if language != DEFAULT]


def gaps(pattern: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}


def test_there_is_a_second_language() -> None:
    assert "de" in OTHERS


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_there_with_the_same_gaps(language: str) -> None:
    assert {name: gaps(pattern) for name, pattern in words(language).items()} == {
        name: gaps(pattern) for name, pattern in words(DEFAULT).items()
    }


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_words_for_everything_and_changes_nothing_else(course: Course, language: str) -> None:
    # Warnings are errors here, so a missing word would raise.
    assert (course.source("practice") / f"words.{language}.toml").is_file()
    for assignment in course.assignments:
        english, other = course.rubric(assignment), course.rubric(assignment, language)
        if not (course.source(assignment) / f"words.{language}.toml").is_file():
            assert other == english, "what is not translated stays in one language"
            continue
        assert other.language == language
        assert other.title != english.title
        for before, after in zip(english.items, other.items, strict=True):
            assert (
                msgspec.structs.replace(
                    after,
                    title=before.title,
                    question=before.question,
                    advice=before.advice,
                    hints=before.hints,
                    memo=before.memo,
                )
                == before
            ), "a translation changes words only"


@pytest.mark.parametrize("language", OTHERS)
def test_names_of_answers_and_functions_stay_as_they_are(course: Course, language: str) -> None:
    for assignment in course.assignments:
        english, other = course.rubric(assignment), course.rubric(assignment, language)
        for item, twin in zip(english.items, other.items, strict=True):
            for name, text in item.hints.items():
                code = re.findall(r"\b(?:reml=False|fit\.scale|store_id|lrt_df|chi2\.sf|random_effects)\b", text)
                assert [word for word in code if word not in twin.hints[name]] == [], name


def test_every_verdict_has_a_name_and_none_is_a_graders_word() -> None:
    for language in LANGUAGES:
        named = [translated(name_of(verdict), language) for verdict in Verdict]
        assert len(set(named)) == len(Verdict)
        assert not {"malformed", "skipped", "carried forward", "output limit"} & set(named)


def test_a_sentence_is_english_until_it_is_shown() -> None:
    sentence = Sentence("scoring.rests_on", items=listed(["a", "b", "c"]))
    assert sentence == "This rests on a, b and c: put that right first."
    assert translated(sentence, "de") == "Das beruht auf a, b und c; bring das zuerst in Ordnung."
    assert translated(sentence, "en") == sentence
    assert translated("a teacher's own words", "de") == "a teacher's own words"


def test_a_sentence_within_a_sentence_is_translated_with_it() -> None:
    found = compare("proportion", plain_value([1.0, 2.0]), 0.5, Scale(0.01))
    assert found.sentence == (
        "This must be one number, but it is a list with 2 entries. "
        "Take the one entry that is asked for; [0], for instance, takes one."
    )
    assert translated(found.sentence, "de") == (
        "Das muss eine einzelne Zahl sein, ist aber eine Liste mit 2 Einträgen. "
        "Nimm den einen Eintrag, nach dem gefragt ist; [0] zum Beispiel nimmt einen."
    )


def test_a_sentence_keeps_its_name_when_it_is_copied() -> None:
    copy = pickle.loads(pickle.dumps(Sentence("scoring.no_value", item="icc")))
    assert translated(copy, "de") == "Keine Zelle gibt icc einen Wert."


def test_a_missing_sentence_warns_and_stands_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = {name: pattern for name, pattern in words("de").items() if name != "comparison.right"}
    monkeypatch.setattr(catalogue, "words", lambda language: lacking if language == "de" else words(language))
    with pytest.warns(MissingWords, match="comparison.right"):
        assert translated(Sentence("comparison.right"), "de") == "Right."
    with warnings.catch_warnings(record=True) as shown:
        warnings.resetwarnings()
        warnings.simplefilter("ignore", ResourceWarning)  # as Python starts
        assert translated(Sentence("comparison.right"), "de") == "Right."
    assert shown == []


def test_an_unknown_language_says_which_there_are(course: Course) -> None:
    with pytest.raises(UsageError, match=r"no words in the language 'fr'. There are: de, en."):
        course.rubric("practice", "fr")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[items.icq]\ntitle = "x"', "an item 'icq'"),
        ('[mistakes]\nhalfway = "x"', "a mistake 'halfway'"),
        ('[notebooks]\ntask9 = "x"', "a notebook 'task9'"),
        ('[cells.task9]\nafter = "x"', "a notebook 'task9'"),
        ('[items.icc.hints]\nhalfway = "x"', "item 'icc' has a hint 'halfway'"),
        ("[items.icc]\npoints = 9", "points"),
        ("title = ", "words.de.toml"),
    ],
)
def test_a_translation_of_what_is_not_there_is_an_error(
    course: Course, tmp_path: Path, content: str, said: str
) -> None:
    folder = tmp_path / "practice"
    shutil.copytree(course.source("practice"), folder)
    (folder / "words.de.toml").write_text(content, encoding="utf-8")
    with pytest.raises(RubricError, match=r"words\.de\.toml") as raised:
        load_rubric(folder, language="de")
    assert said in str(raised.value)


@pytest.mark.parametrize("cell", ["afterwards", "memo", "gain_average"])
def test_a_translation_of_a_cell_that_is_no_text_is_an_error(course: Course, tmp_path: Path, cell: str) -> None:
    shutil.copytree(course.root, tmp_path / "course")
    with (tmp_path / "course" / "practice" / "words.de.toml").open("a", encoding="utf-8") as words:
        words.write(f'{cell} = "x"\n')
    exam = Course(tmp_path / "course")
    with pytest.raises(ReleaseError, match=rf"words\.de\.toml, \[cells\.task5-memo\]: it has no cell of text '{cell}'"):
        make_release(exam, exam.rubric("practice"))


@pytest.mark.parametrize(("key", "value"), [("language", "fr"), ("check_says", "nothing")])
def test_a_course_with_an_unknown_setting_is_an_error(course: Course, tmp_path: Path, key: str, value: str) -> None:
    shutil.copytree(course.root, tmp_path / "course")
    path = tmp_path / "course" / "course.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(f'^{key} = ".*"$', f'{key} = "{value}"', text, flags=re.MULTILINE), encoding="utf-8")
    with pytest.raises(UsageError, match="'fr'" if key == "language" else r"course\.toml: .*nothing"):
        Course(tmp_path / "course").rubric("practice")


def graded(rubric: Rubric, grading: Grading, own: Keyed) -> Grade:
    """A learner who made every known mistake somewhere, and whom something else befell elsewhere."""
    notebooks = []
    for entry, released in zip(rubric.notebook, grading.release, strict=True):
        items = []
        for item in entry.item:
            wrong = next(iter(own.answers.mistakes.get(item.id, {}).values()), "a text")
            items.append(judge_alone(rubric, item, plain_value(wrong), own) if item.kind != "manual" else None)
        waiting = replace(items[0], item="memo", verdict=Verdict.NEEDS_PERSON, hint=None)
        waiting = replace(waiting, reason=Sentence("scoring.for_a_person"))
        notebook = SubmittedNotebook(entry.name, released.cells, notes=(Sentence("submission.deleted", cells="icc"),))
        run = NotebookRun(entry.name, Ending.FINISHED)
        notebooks.append(NotebookGrade(notebook, run, tuple(item or waiting for item in items)))
    return Grade("anna", rubric.assignment, tuple(notebooks))


def visible(page: str) -> str:
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    attributes = " ".join(re.findall(r'(?:title|aria-label)="([^"]*)"', page))
    return re.sub(r"<[^>]+>", " ", page) + " " + attributes


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_mixes_languages(course: Course, grading: Grading, panels: tuple[Keyed, ...], language: str) -> None:
    rubric = course.rubric("practice", language)
    grade = graded(rubric, grading, panels[0])
    other = "de" if language == "en" else "en"
    telling = {"en": r"\b(the|is|this|and|with|points|right|wrong)\b", "de": r"\b(der|die|das|ist|und|von|nicht)\b"}
    pages = [learner_page(rubric, grade), class_page(rubric, [grade])]
    for notebook, released in zip(grade.notebooks, grading.release, strict=True):
        written = executed_notebook(notebook, released, language)
        pages += re.findall(r'"text/html": "(.*)"', written)
    assert all(f'<html lang="{language}">' in page for page in pages[:2])
    for page in map(visible, pages):
        # Names of answers and choices are code, the same in every language.
        text = re.sub(r'\\?"random \w+\\?"|&#34;random \w+&#34;|\w+_\w+|reml=\w+|fit\.\w+|fit\(\)', " ", page)
        assert re.findall(telling[other], text) == [], text
        assert re.search(telling[language], text)
