"""Tables drawn from the fit of any table: what they keep, what is new in them, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import fit_mixed
from reference.questions import LIBRARY, Answer, Asked, Column, Dataset, Items, QuestionError, Setting
from reference.questions.draws import Panels, Source
from reference.questions.question import Question, collecting, question
from reference.questions.usable_tables import SimulationError, faults, usable_draw

SEEDS = st.integers(0, 2**32)
FEW = settings(max_examples=15, deadline=None)


def _days() -> tuple[Setting, Dataset]:
    """Return subjects called "007", who come on 5 to 9 days each."""
    rng = np.random.default_rng(1)
    subject = np.repeat(np.arange(16), rng.integers(5, 10, 16))
    day = pd.Series(subject).groupby(subject).cumcount().to_numpy()
    level, slope = 30.0 * rng.standard_normal(16), 7.0 * rng.standard_normal(16)
    reaction = 250.0 + level[subject] + (10.0 + slope[subject]) * day + 20.0 * rng.standard_normal(subject.size)
    ids = [f"{7 + 11 * one:03d}" for one in subject]
    age = rng.integers(20, 60, 16)[subject]
    frame = pd.DataFrame({"subject": ids, "days": day, "age": age, "reaction": reaction.round(2)})
    return Setting(
        columns={"subject": Column(group=True, calls="subjects")},
        models={
            "random intercept": "reaction ~ days + (1 | subject)",
            "random slope": "reaction ~ days + (1 + days | subject)",
        },
    ), Dataset(frame, "the days")


def _pupils(schools: int = 9) -> tuple[Setting, Dataset]:
    """Return pupils in three classes of each school, with scores that are whole numbers."""
    rng = np.random.default_rng(2)
    room = np.repeat(np.arange(3 * schools), 8)
    score = 50.0 + 4.0 * rng.standard_normal(schools)[room // 3] + 3.0 * rng.standard_normal(3 * schools)[room]
    score += 5.0 * rng.standard_normal(room.size)
    frame = pd.DataFrame({"school": [f"S-{one // 3 + 10}b" for one in room], "class": room + 1, "score": score})
    return Setting(
        columns={"school": Column(group=True), "class": Column(group=True, within="school")},
        models={"nested": "score ~ 1 + (1 | school/class)"},
    ), Dataset(frame.assign(score=score.round().astype(np.int64)), "the pupils")


def _marks() -> tuple[Setting, Dataset]:
    """Return every rater's mark of every item."""
    rng = np.random.default_rng(3)
    rater, item = np.repeat(np.arange(12), 10), np.tile(np.arange(10), 12)
    mark = 5.0 + rng.standard_normal(12)[rater] + rng.standard_normal(10)[item] + rng.standard_normal(120)
    frame = pd.DataFrame({"rater": rater + 1, "item": item + 1, "mark": mark.round(1)})
    return Setting(
        columns={"rater": Column(group=True), "item": Column(group=True)},
        models={"crossed": "mark ~ 1 + (1 | rater) + (1 | item)"},
    ), Dataset(frame, "the marks")


def _drawn(of: tuple[Setting, Dataset], panels: Panels, seed: int) -> pd.DataFrame:
    return Source.of(of[0], panels, of[1]).draw(np.random.default_rng(seed), "a draw").frame


def _asked(ask: str, library: Mapping[str, Question] = LIBRARY, **parameters: Any) -> Items:
    return Items((Asked("one", ask, library[ask].read(parameters)),))


@FEW
@given(SEEDS)
def test_text_ids_are_new_and_stay_text_and_what_is_constant_stays_so(seed: int) -> None:
    setting, data = _days()
    source = Source.of(setting, Panels(groups={"subject": (20, 40)}), data)
    drawn = source.draw(np.random.default_rng(seed), "a draw")
    again = Dataset.from_csv(drawn.to_csv_bytes()).frame
    pd.testing.assert_frame_equal(again, drawn.frame, check_dtype=False)
    ids = set(again["subject"])
    assert ids.isdisjoint(data.frame["subject"])
    assert all(len(one) == 3 and one.isdecimal() for one in ids)
    assert 20 <= len(ids) <= 40
    by_subject = again.groupby("subject")
    assert (by_subject["age"].nunique() == 1).all()
    assert not by_subject["days"].apply(lambda days: days.duplicated().any()).any()
    assert (again["reaction"] >= data.frame["reaction"].min() / 2.0 - 0.01).all()
    assert (again["reaction"].round(2) == again["reaction"]).all()


@FEW
@given(SEEDS)
def test_nesting_is_kept_when_groups_come_twice(seed: int) -> None:
    setting, data = _pupils()
    drawn = _drawn((setting, data), Panels(groups={"school": (15, 15)}), seed)
    assert drawn["school"].nunique() == 15
    assert (drawn.groupby("class")["school"].nunique() == 1).all()
    assert (drawn.groupby("school")["class"].nunique() == 3).all()
    for name in ("school", "class"):
        assert set(drawn[name]).isdisjoint(data.frame[name])
    assert drawn["school"].str.fullmatch(r"[A-Z]-\d\d+[a-z]\d*").all()
    assert pd.api.types.is_integer_dtype(drawn["score"])


@FEW
@given(SEEDS, st.sampled_from(["rater", "item"]))
def test_a_crossed_factor_is_resampled_and_the_other_one_has_new_names(seed: int, named: str) -> None:
    setting, data = _marks()
    other = {"rater": "item", "item": "rater"}[named]
    drawn = _drawn((setting, data), Panels(groups={named: (17, 17)}), seed)
    assert (drawn[named].nunique(), drawn[other].nunique()) == (17, data.frame[other].nunique())
    assert len(drawn.drop_duplicates(["rater", "item"])) == len(drawn)
    for name in ("rater", "item"):
        assert set(drawn[name]).isdisjoint(data.frame[name])


def test_a_large_draw_has_about_the_deviations_asked_for() -> None:
    setting, data = _days()
    panels = Panels(
        groups={"subject": (1500, 1500)},
        fixed={"days": (30.0, 30.0)},
        sd={"subject": (40.0, 40.0), "subject days": (5.0, 5.0), "residual": (10.0, 10.0)},
        correlation=(-0.5, -0.5),
    )
    drawn = _drawn((setting, data), panels, 4)
    fit = fit_mixed(drawn, "reaction ~ days + (1 + days | subject)")
    sds = np.sqrt(np.diagonal(fit.term.covariance))
    assert [*sds, fit.sigma] == pytest.approx([40.0, 5.0, 10.0], rel=0.1)
    assert fit.term.covariance[0, 1] / sds.prod() == pytest.approx(-0.5, abs=0.1)
    assert fit.fixed_effects["days"] == pytest.approx(30.0, abs=1.0)


def test_predictors_follow_strong_groups_if_they_are_lured() -> None:
    setting, data = _days()
    sizes = {"subject": (40.0, 40.0)}
    simple = Setting(columns=setting.columns, models={"one": "reaction ~ 1 + (1 | subject)"})
    drawn = _drawn((simple, data), Panels(groups={"subject": (300, 300)}, sd=sizes, lure={"age": 3.0}), 1)
    means = drawn.groupby("subject")[["age", "reaction"]].mean().to_numpy()
    assert abs(np.corrcoef(means.T)[0, 1]) > 0.6
    assert (drawn["age"] >= 0).all()


def test_the_sign_of_a_fixed_effect_is_drawn_if_either_will_do() -> None:
    setting, data = _days()
    panels = Panels(fixed={"days": (40.0, 40.0)}, either=("days",))
    slopes = [
        fit_mixed(_drawn((setting, data), panels, seed), "reaction ~ days + (1 | subject)").fixed_effects["days"]
        for seed in range(12)
    ]
    assert min(slopes) < 0.0 < max(slopes)


def test_a_seed_always_gives_the_same_usable_table() -> None:
    setting, data = _pupils(14)
    items = _asked("variance", model="nested", level="school")
    panels = Panels(sd={"school": (4.0, 5.0), "class": (3.0, 4.0)})
    one, two, other = (usable_draw(setting, panels, items, LIBRARY, data, seed)[0] for seed in (5, 5, 6))
    assert one.to_csv_bytes() == two.to_csv_bytes() != other.to_csv_bytes()
    reasons, key = faults(setting, items, LIBRARY, one, panels)
    assert reasons == ()
    assert key is not None
    assert set(key.values) == {"one"}


def test_the_search_ends_early_where_one_reason_speaks_against_nearly_all_draws() -> None:
    setting, data = _days()
    items = _asked("variance", model="random slope", level="subject")
    panels = Panels(smallest_sd={"random slope": 9.0})
    with pytest.raises(
        SimulationError, match=r"ended after 40 draws: in .* the REML fit of 'random slope' .*\[panels\] sd"
    ):
        usable_draw(setting, panels, items, LIBRARY, data, 1)


def test_the_most_frequent_reasons_are_named_with_their_advice() -> None:
    with collecting() as library:

        @question(kind="statistic", words="[en]")
        def hopeless(fits: Any) -> Answer:
            number = float(fits.frame["score"].mean())
            return Answer(number, faults=(f"the mean is {number}", "it is hopeless"))

    setting, data = _pupils(14)
    panels = Panels(smallest_sd=0.0, sd={"school": (4.0, 5.0), "class": (3.0, 4.0)})
    told: list[int] = []
    with pytest.raises(SimulationError, match="none of 6 draws") as caught:
        usable_draw(setting, panels, _asked("hopeless", library), library, data, 1, tries=6, tried=told.append)
    assert told == list(range(6))
    assert "in 6 of them one: it is hopeless" in str(caught.value)
    assert "in 6 of them one: the mean is " in str(caught.value)
    assert "draw clearer effects with [panels]" in str(caught.value)


@pytest.mark.parametrize(
    ("panels", "said"),
    [
        (Panels(simulate="other"), "no model 'other'"),
        (Panels(groups={"days": (5, 9)}), "'subject'"),
        (Panels(groups={"subject": (9, 5)}), "smaller number first"),
        (Panels(sd={"subject age": (1.0, 2.0)}), "'subject days'"),
        (Panels(sd={"subject": (2.0, 1.0)}), "smaller first"),
        (Panels(fixed={"age": (1.0, 2.0)}), "'days'"),
        (Panels(either=("age",)), "'days'"),
        (Panels(correlation=(-1.0, 0.0)), "correlation"),
        (Panels(lure={"reaction": 1.0}), "no predictor 'reaction'; there is 'days', 'age'"),
        (Panels(vary=1.5), "less than 1"),
    ],
)
def test_what_the_fit_does_not_have_is_refused(panels: Panels, said: str) -> None:
    with pytest.raises(QuestionError, match=said):
        _drawn(_days(), panels, 0)


@pytest.mark.parametrize(
    ("derive", "model"),
    [
        ({}, "log(reaction) ~ days + (1 | subject)"),
        ({"quick": "1 / reaction"}, "quick ~ days + (1 | subject)"),
        ({"usual": "mean(reaction)", "off": "days - usual"}, "reaction ~ off + (1 | subject)"),
    ],
)
def test_a_response_that_is_not_a_column_of_its_own_is_refused(derive: dict[str, str], model: str) -> None:
    with pytest.raises(QuestionError, match="column of its own"):
        _drawn((Setting(derive=derive, models={"one": model}), _days()[1]), Panels(), 0)


def test_an_effect_without_variance_must_be_given_one() -> None:
    setting, data = _days()
    level = data.frame.assign(
        reaction=data.frame["reaction"] - data.frame.groupby("subject")["reaction"].transform("mean")
    )
    flat = Setting(columns=setting.columns, models={"one": "reaction ~ 1 + (1 | subject)"})
    with pytest.raises(QuestionError, match="no variance of 'subject'"):
        _drawn((flat, Dataset(level, "flat")), Panels(), 0)
    assert len(_drawn((flat, Dataset(level, "flat")), Panels(sd={"subject": (5.0, 9.0)}), 0))


def test_a_negative_seed_is_refused() -> None:
    setting, data = _pupils()
    with pytest.raises(SimulationError, match="negative"):
        usable_draw(setting, Panels(), _asked("variance", model="nested", level="school"), LIBRARY, data, -1)


@pytest.mark.parametrize(
    ("predictor", "formula"),
    [
        ("subject.size", "reaction ~ subject.size + (1 | subject)"),
        ("of subject", "reaction ~ `of subject` + (1 | subject)"),
    ],
)
def test_groups_whose_name_is_a_word_of_a_predictors_name_are_new(predictor: str, formula: str) -> None:
    setting, data = _days()
    table = Dataset(data.frame.rename(columns={"days": predictor}), "the days")
    named = Setting(columns=setting.columns, models={"one": formula})
    drawn = _drawn((named, table), Panels(groups={"subject": (25, 25)}), 1)
    assert drawn["subject"].nunique() == 25
    assert set(drawn["subject"]).isdisjoint(table.frame["subject"])


def test_a_predictor_whose_name_holds_that_of_the_response_is_not_computed_from_it() -> None:
    data = _days()[1]
    table = Dataset(data.frame.rename(columns={"days": "reaction.days"}), "the days")
    setting = Setting(models={"one": "reaction ~ reaction.days + (1 | subject)"})
    assert len(_drawn((setting, table), Panels(), 1))
