"""The course says what it promises to, and no number in it was typed by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

# What the course must hold: the subject, its page, and words of the heading it is under.
SECTIONS = (
    ("why grouped data break one regression", "primer/why", "What goes wrong"),
    ("what a multilevel model is", "primer/why", "What a multilevel model is"),
    ("when it is needed", "primer/why", "When you need one"),
    ("fixed and random effects", "primer/effects", "Fixed effects and random effects"),
    ("intercepts and slopes", "primer/effects", "Intercepts and slopes"),
    ("managerial reading", "primer/effects", "How a manager reads it"),
    ("grand-mean centring", "primer/centring", "At the grand mean"),
    ("group-mean centring", "primer/centring", "At the group mean"),
    ("covariance structures", "primer/centring", "Structures"),
    ("the sign of the correlation", "primer/centring", "What the sign of the correlation says"),
    ("nested", "primer/effects", "Nested"),
    ("crossed", "primer/effects", "Crossed"),
    ("customers by region and channel", "primer/effects", "An example: customers by region and channel"),
    ("a usual week in dollars", "primer/centring", "A usual week, in dollars"),
    ("data and structure", "tutorial/data", "Structure"),
    ("descriptives", "tutorial/data", "Descriptives"),
    ("least squares", "tutorial/pooled", "One regression for all stores"),
    ("pairwise correlations", "tutorial/pooled", "Can the media be told apart?"),
    ("correlations of the fixed effects", "tutorial/random-intercept", "Correlations of the fixed effects"),
    ("a test of the random intercept", "tutorial/random-intercept", "Is the level worth having?"),
    ("standard errors compared", "tutorial/random-slope", "Three sets of standard errors"),
    ("the boundary in other methods", "tutorial/random-slope", "What other methods do there"),
    ("serial correlation", "tutorial/diagnostics", "Does one week tell of the next?"),
    ("normality of random effects", "tutorial/diagnostics", "Are the stores normal?"),
    ("parsimony", "tutorial/diagnostics", "Is it more than is needed?"),
    ("creative, message fit, frequency caps", "tutorial/decisions", "Before you take money from a store"),
    ("baseline-adjusted performance", "tutorial/decisions", "Baseline-adjusted performance"),
    ("glossary", "glossary", "Glossary"),
    ("random intercept: equation", "tutorial/random-intercept", "The model"),
    ("random intercept: fit", "tutorial/random-intercept", "The fit"),
    ("random intercept: variance components", "tutorial/random-intercept", "Variance components"),
    ("random intercept: ICC", "tutorial/random-intercept", "The intraclass correlation"),
    ("random intercept: R²", "tutorial/random-intercept", "R²"),
    ("random intercept: reading", "tutorial/random-intercept", "Reading it"),
    ("random slope: equation", "tutorial/random-slope", "The model"),
    ("random slope: fit", "tutorial/random-slope", "The fit"),
    ("random slope: variance components", "tutorial/random-slope", "Variance components"),
    ("random slope: ICC and R²", "tutorial/random-slope", "ICC and R²"),
    ("random slope: comparison", "tutorial/random-slope", "Is it better than a level alone?"),
    ("the likelihood ratio on the boundary", "tutorial/random-slope", "The boundary"),
    ("random slope: correlation", "tutorial/random-slope", "The correlation"),
    ("what a singular fit is", "tutorial/random-slope", "A singular fit"),
    ("why the correlation is minus one", "tutorial/random-slope", "Why minus one, here"),
    ("random slope: reading", "tutorial/random-slope", "Reading it"),
    ("shrinkage", "tutorial/stores", "Shrinkage"),
    ("caterpillar", "tutorial/stores", "The caterpillar"),
    ("a panel with known truth", "tutorial/stores", "Where the truth is known"),
    ("why centring cannot change the criterion", "tutorial/software", "Why centring cannot change the criterion"),
    ("how statsmodels goes wrong", "tutorial/software", "How statsmodels goes wrong on this panel"),
    ("how one sees it", "tutorial/software", "How one sees it"),
    ("interpretation templates", "tutorial/communication", "Templates"),
    ("diagnostics", "tutorial/diagnostics", "Diagnostics"),
    ("what the panel says: the form", "tutorial/evidence", "The form of the model"),
    ("what the panel says: shuffles", "tutorial/evidence", "Shuffled labels"),
    ("what the panel says: odd weeks", "tutorial/evidence", "Without the oddest weeks"),
    ("what the panel says: the report", "tutorial/evidence", "What a report may say"),
    ("decisions: budget tiers", "tutorial/decisions", "Budget tiers"),
    ("decisions: experiments", "tutorial/decisions", "Experiments"),
    ("decisions: KPIs", "tutorial/decisions", "What to measure"),
    ("decisions: cadence", "tutorial/decisions", "How often"),
    ("decisions: uncertainty", "tutorial/decisions", "What we do not know"),
    ("the exercises", "tutorial/exercises", "The exercises"),
    ("reproducibility", "tutorial/exercises", "Reproducibility"),
    ("teachers: setting up", "teachers", "Setting up"),
    ("teachers: releasing", "teachers", "Releasing"),
    ("teachers: grading", "teachers", "Grading"),
    ("teachers: exit codes", "teachers", "Exit codes"),
    ("teachers: memos", "teachers", "Reading memos"),
    ("teachers: hidden panels", "teachers", "Hidden panels"),
    ("teachers: security", "teachers", "Security"),
)

# And its figures: conceptual ones by letter, the tutorial's by number.
FIGURES = {
    "primer/effects": ("A", "B"),
    "primer/centring": ("C", "D", "F"),
    "primer/why": ("E",),
    "tutorial/data": ("1", "2", "2b"),
    "tutorial/communication": ("3", "4", "4b"),
    "tutorial/random-slope": ("5", "6"),
    "tutorial/stores": ("7", "8"),
    "tutorial/software": ("9",),
    "tutorial/diagnostics": ("10",),
    "tutorial/evidence": ("12",),
    "tutorial/decisions": ("11",),
}

# Numbers that are no results: a list's, levels by convention, years of references, names of things, the panel's units.
ALLOWED = (
    r"(?m)^ *\d\. ",
    r"\b(?:5|80|95) %",
    r"\([^()]*\b(?:19|20)\d\d\)",
    r"\b(?:Figure|Task|Part|level) \w+",
    r"\b10{0,2},000\s+(?:extra )?(?:dollars|pieces)",
)
# A short description reads aloud badly, and says nothing.
SHORTEST_DESCRIPTION = 80


def typed_numbers(prose: str) -> list[str]:
    """Return the numbers in a text that may not be typed there."""
    for pattern in ALLOWED:
        prose = re.sub(pattern, " ", prose)
    return re.findall(r"(?<![A-Za-z])(?:\d[\d.,]*\d|\d)", prose)


@pytest.mark.parametrize(("subject", "page", "heading"), SECTIONS, ids=[row[0] for row in SECTIONS])
def test_the_course_treats(subject: str, page: str, heading: str, pages: dict[str, Any]) -> None:
    headings = [node.get_text().rstrip("¶#").strip() for node in pages[page].soup.select("article :is(h1, h2, h3)")]
    assert heading in headings or any(found.startswith(heading) for found in headings)


@pytest.mark.parametrize(("page", "names"), FIGURES.items())
def test_the_figures_of_a_page_are_there_with_caption_and_description(
    page: str, names: tuple[str, ...], pages: dict[str, Any]
) -> None:
    figures = {node["data-figure"]: node for node in pages[page].soup.select("figure.picture")}
    assert set(figures) == set(names)
    for name, figure in figures.items():
        assert len(figure.img["alt"]) > SHORTEST_DESCRIPTION
        assert figure.figcaption.get_text().startswith(f"Figure {name}. ")


def test_every_exercise_is_named_and_can_be_taken_along(pages: dict[str, Any], root: Path) -> None:
    links = {node["href"].rsplit("/", 1)[-1] for node in pages["tutorial/exercises"].soup.select("a.download")}
    assert links == {path.name for path in (root / "exercises").glob("*/*.ipynb")}


def test_each_task_has_a_worked_example_of_its_own(pages: dict[str, Any], root: Path) -> None:
    there = {node["id"] for node in pages["tutorial/examples"].soup.select("[id]")}
    tasks = {f"{path.parent.name}-{path.stem}" for path in (root / "exercises").glob("*/*.ipynb")}
    assert tasks <= there


def test_each_page_asks_questions_whose_answers_unfold(pages: dict[str, Any]) -> None:
    taught = [name for name in pages if name.startswith(("primer/", "tutorial/"))]
    for name in set(taught) - {"tutorial/exercises", "tutorial/examples"}:
        found = pages[name].soup.select("article details:has(> summary):has(> p)")
        asked = [node.summary.get_text() for node in found if len(node.p.get_text()) > 40]
        assert len([text for text in asked if text.endswith("?")]) >= 2, name


def test_no_result_is_typed_by_hand(pages: dict[str, Any]) -> None:
    course = [page for name, page in pages.items() if name.startswith(("index", "glossary", "primer/", "tutorial/"))]
    assert {page.name: found for page in course if (found := typed_numbers(page.prose))} == {}


@pytest.mark.parametrize(
    ("prose", "found"),
    [
        ("the ICC is 0.064", ["0.064"]),
        ("a criterion of 863.76, at store 14", ["863.76", "14"]),
        ("there are 20 stores", ["20"]),
        ("11.9 (2 degrees of freedom)", ["11.9", "2"]),
        ("1. lme4, ten stores\n2. of 1,000\ndollars", []),
        ("a 95 % interval; James and others (2013); Figure 3; 1,000 dollars", []),
        ("95 stores, and 96 %", ["95", "96"]),
    ],
)
def test_typed_results_are_told_from_conventions(prose: str, found: list[str]) -> None:
    assert typed_numbers(prose) == found


def test_live_numbers_are_not_taken_for_prose(pages: dict[str, Any]) -> None:
    assert "number(" not in pages["tutorial/pooled"].prose
    assert "an extra unit of YouTube" in pages["tutorial/pooled"].prose


def test_every_live_number_is_what_the_reference_gives_now(pages: dict[str, Any]) -> None:
    printed, count = {}, 0
    for page in pages.values():
        # Tests elsewhere cover what the commands print.
        if "{eval}" not in page.source:
            continue
        computed = page.run()
        shown = [node.get_text() for node in page.soup.select("span.output.text_plain")]
        count += len(computed)
        if shown != [value for _, value in computed]:
            printed[page.name] = (shown, computed)
    assert printed == {}
    assert count > len(FIGURES)


def test_the_numbers_on_the_pages_are_those_of_lme4(pages: dict[str, Any], root: Path) -> None:
    lme4 = json.loads((root / "tests" / "oracles" / "tutorial.json").read_text(encoding="utf-8"))
    expected = {
        "tutorial/data": (f"{lme4['describe']['mean_sales']:.1f}",),
        "tutorial/pooled": (
            f"{lme4['ols']['coef']['youtube']:.4f}",
            f"{lme4['ols']['se']['facebook']:.4f}",
            f"{100 * lme4['ols']['adj_r2']:.1f} %",
        ),
        "tutorial/random-intercept": (
            f"{lme4['ri']['criterion']:.2f}",
            f"{lme4['ri']['icc_adjusted']:.4f}",
            f"{lme4['ri']['r2_conditional']:.3f}",
            f"{lme4['ri']['fixef']['youtube']:.4f}",
        ),
        "tutorial/random-slope": (
            f"{lme4['lrt']['p']:.4f}",
            f"{lme4['lrt']['p_boundary_mixture']:.4f}",
            f"{lme4['rs']['r2_marginal']:.4f}",
            f"{lme4['rs']['icc_adjusted']:.4f}",
            f"{lme4['rs_ml']['AIC']:.2f}",
            *(f"{lme4[model]['se']['youtube']:.6f}" for model in ("ols", "ri", "rs")),
        ),
        "tutorial/software": (f"{lme4['rs_centred']['fixef']['(Intercept)']:.4f}",),
    }
    texts = {name: pages[name].soup.get_text() for name in expected}
    assert {name: [n for n in numbers if n not in texts[name]] for name, numbers in expected.items()} == {
        name: [] for name in expected
    }
    *first, last = lme4["top5_by_slope"]
    assert f"The five steepest are {', '.join(first)} and {last}." in " ".join(
        pages["tutorial/stores"].soup.get_text().split()
    )
