"""The panel: what is one, and what is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from reference import DesignError, grand_mean_centre, group_mean_centre, group_means
from reference.panels import COLUMNS, MEDIA, Panel, PanelError


def test_tutorial_panel_is_20_stores_by_10_weeks(panel):
    assert panel.stores == tuple(range(1, 21))
    assert len(panel) == 200
    assert list(panel.frame.columns) == list(COLUMNS)
    assert panel.frame["store_id"].dtype.kind == "i"
    assert (panel.frame.groupby("store_id")["week"].agg(list).map(tuple) == tuple(range(1, 11))).all()


def test_frame_is_fresh_and_the_panel_immutable(panel):
    frame = panel.frame
    frame.loc[0, "sales"] = -1.0
    assert panel.frame.loc[0, "sales"] != -1.0
    with pytest.raises(ValueError, match="read-only"):
        panel.sales[0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        panel.source = "elsewhere"


def test_panel_does_not_see_later_changes_of_its_frame(panel):
    frame = panel.frame
    copy = Panel.from_frame(frame)
    frame["sales"] = 0.0
    np.testing.assert_array_equal(copy.sales, panel.sales)


def test_rows_keep_their_order(panel):
    shuffled = panel.frame.sample(frac=1.0, random_state=3)
    assert Panel.from_frame(shuffled).week.tolist() == shuffled["week"].tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="week"), "column 'week' is missing; a panel needs store_id, week, youtube"),
        (lambda t: t.assign(region=1), "column 'region' is not part of a panel; drop it"),
        (lambda t: pd.concat([t, t[["week"]]], axis=1), "a column comes twice"),
        (lambda t: t.head(0), "there are no rows; give one row per store and week"),
        (lambda t: t.assign(sales="many"), "column 'sales' holds .*, not numbers; convert it"),
        (lambda t: t.assign(sales=True), "column 'sales' holds bool, not numbers"),
        (lambda t: t.assign(sales=t["sales"].where(t.index != 4)), "column 'sales', row 4 holds nan; fill it in"),
        (lambda t: t.assign(youtube=np.inf), "column 'youtube', row 0 holds inf"),
        (lambda t: t.assign(store_id=t["store_id"] + 0.5), "column 'store_id', row 0 holds 1.5, not a whole"),
        (lambda t: t.assign(store_id=t["store_id"] + 2**53), "column 'store_id', row 0 holds .*, not a whole number"),
        (lambda t: t.assign(week=1e300), "column 'week', row 0 holds 1e\\+300, not a whole number; recode"),
        (lambda t: t.assign(week=t["week"].replace(4, 3)), "row 3: store 1 has week 3 twice; keep one row"),
        (lambda t: t.drop(index=3), "column 'week', row 3: store 1 jumps from week 3 to 5; add the weeks between"),
    ],
)
def test_what_is_not_a_panel_is_refused_with_column_and_row(panel, change, message):
    with pytest.raises(PanelError, match=f"^the upload: .*{message}"):
        Panel.from_frame(change(panel.frame), source="the upload")


def test_grand_mean_centring_keeps_the_means(panel):
    centred = grand_mean_centre(panel.frame, ["youtube"])
    assert centred.means["youtube"] == pytest.approx(panel.youtube.mean(), rel=1e-14)
    assert centred.frame["youtube"].mean() == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_array_equal(centred.frame["facebook"], panel.facebook)


def test_group_mean_centring_takes_each_store_to_zero(panel):
    centred = group_mean_centre(panel.frame, MEDIA, "store_id")
    assert centred.frame.groupby("store_id")[["youtube", "newspaper"]].mean().abs().to_numpy().max() < 1e-12
    pd.testing.assert_frame_equal(centred.means, group_means(panel.frame, MEDIA, "store_id"))
    assert centred.means.loc[3, "youtube"] == pytest.approx(panel.youtube[panel.store_id == 3].mean())


def test_centring_names_a_column_that_is_not_there(panel):
    with pytest.raises(DesignError, match=r"column 'radio' is not in the table, which has store_id, .*; add it"):
        grand_mean_centre(panel.frame, ["radio"])


def test_centring_refuses_what_it_cannot_average(panel):
    frame = panel.frame
    with pytest.raises(DesignError, match="column 'youtube', row 3 is empty; fill it in"):
        grand_mean_centre(frame.assign(youtube=frame["youtube"].where(frame.index != 3)), MEDIA)
    with pytest.raises(DesignError, match="column 'store_id', row 0 is empty"):
        group_mean_centre(frame.assign(store_id=np.nan), MEDIA, "store_id")
    with pytest.raises(DesignError, match=r"column 'facebook' holds .*, not numbers; convert or recode it"):
        group_means(frame.assign(facebook="much"), MEDIA, "store_id")
