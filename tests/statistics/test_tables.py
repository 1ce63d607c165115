"""Tables as users bring them: whatever the types of their columns, the fit is that of the same numbers as floats."""

from __future__ import annotations

from decimal import Decimal

import dask.dataframe as dask
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from reference import DesignError, fit
from reference.data import tables
from reference.inference.prediction import predict_conditional, predict_population


@pytest.fixture
def frame() -> pd.DataFrame:
    """Forty groups of text in two columns, numbers that fit into 8 bits, and rows in no order."""
    rng = np.random.default_rng(5)
    n = 400
    store, week = rng.integers(0, 40, n), rng.integers(1, 53, n)
    tv, radio = rng.integers(0, 120, n), rng.integers(0, 120, n)
    sales = 1e-3 * tv * radio + 0.1 * week + rng.standard_normal(40)[store] + rng.standard_normal(n)
    columns = {"store": store, "week": week, "tv": tv, "radio": radio, "sales": sales}
    return pd.DataFrame(columns).assign(region=np.array(["east", "north", "west"])[store % 3])


@pytest.fixture
def in_pieces(monkeypatch):
    """Let every table be long, and every group, so that scattered rows are summed as they come."""
    for name, rows in (("WHOLE", 37), ("PIECE", 37), ("LONG_GROUP", 5)):
        monkeypatch.setattr(tables, name, rows)


def require_same(one, other):
    assert one.design.fixed_names == other.design.fixed_names
    assert one.design.n_observations == other.design.n_observations
    np.testing.assert_allclose(one.criterion, other.criterion, rtol=1e-9)
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-6, atol=1e-8)


def require_fitted(result, table):
    """The residuals are as large as sigma says, and prediction for the rows of the fit is the fit."""
    assert np.std(table["sales"] - result.fitted) == pytest.approx(result.sigma, rel=0.2)
    np.testing.assert_allclose(predict_conditional(result, table), result.fitted, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(predict_conditional(result, table.tail(1)), result.fitted[-1:], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(
    "kind",
    ["int8", "int16", "uint8", "int32", "Int8", "int8[pyarrow]", "float32", "float16", pd.ArrowDtype(pa.int64())],
)
@pytest.mark.parametrize("terms", ["tv * radio", "tv:radio", "I(tv**2) + radio", "I(tv - radio)", "tv + region"])
def test_numbers_are_multiplied_as_floats(frame, kind, terms):
    formula = f"sales ~ {terms} + (1 | store)"
    whole = fit(formula, frame.astype({"tv": float, "radio": float}))
    require_same(fit(formula, frame.astype({"tv": kind, "radio": kind})), whole)


def test_products_beyond_64_bits(frame):
    large = frame.assign(tv=frame["tv"] * 2**34, radio=frame["radio"] * 2**34)
    formula = "sales ~ tv:radio + (1 | store)"
    require_same(fit(formula, large), fit(formula, large.astype({"tv": float, "radio": float})))


def test_levels_made_of_numbers_keep_their_names(frame):
    result = fit("sales ~ C(k) + I(tv**2) + (1 | store)", frame.assign(k=frame["week"] % 3))
    assert result.design.fixed_names[1:3] == ("C(k)[T.1]", "C(k)[T.2]")


@pytest.mark.parametrize("kind", ["category", "string", "object", pd.ArrowDtype(pa.string())])
def test_text_of_any_type_is_a_factor(frame, kind):
    formula = "sales ~ tv * region + (1 | store)"
    require_same(fit(formula, frame.astype({"region": kind})), fit(formula, frame))


@pytest.mark.parametrize("kind", ["bool", "boolean", "bool[pyarrow]"])
def test_true_and_false_are_one_and_zero(frame, kind):
    one = frame.assign(late=(frame["week"] > 20).astype(kind))
    zero = frame.assign(late=(frame["week"] > 20).astype(float))
    for formula in ("sales ~ late + (1 | store)", "sales ~ late * tv + (1 | store)"):
        require_same(fit(formula, one), fit(formula, zero))


@pytest.mark.parametrize("kind", ["object", "boolean", "bool[pyarrow]"])
@pytest.mark.parametrize("pieces", [False, True])
def test_true_and_false_with_gaps_are_one_and_zero_in_the_other_rows(frame, kind, pieces, request):
    late = (frame["week"] > 20).astype(object).where(frame.index % 7 != 3, None)
    gaps = frame.assign(late=late.astype(kind))
    kept = frame[late.notna()].assign(late=(frame["week"] > 20).astype(float))
    if pieces:
        request.getfixturevalue("in_pieces")
    for formula in ("sales ~ late + (1 | store)", "sales ~ late * tv + (1 + late | store)"):
        found = fit(formula, gaps)
        require_same(found, fit(formula, kept))
        assert found.design.notes == (
            f"{int(late.isna().sum())} of {len(frame)} rows left out: late {late.isna().sum()}.",
        )
    with pytest.raises(DesignError, match="column 'late', row 3 is empty"):
        fit("sales ~ late + (1 | store)", gaps, missing="raise")
    assert fit("sales ~ C(late) + (1 | store)", gaps).design.fixed_names == ("Intercept", "C(late)[T.True]")


def test_names_in_advice_can_be_written(frame):
    odd = frame.assign(**{"the code": frame["week"].astype(object), "the end": pd.Timestamp("2024-01-31")})
    odd["big code"] = 10**17 + frame["week"]
    for name in ("the code", "the end", "big code"):
        with pytest.raises(DesignError, match=rf"C\(`{name}`\)"):
            fit(f"sales ~ `{name}` + (1 | store)", odd)


def test_categories_that_no_row_has_are_left_out(frame, request):
    table = frame[frame["region"] != "west"].astype({"region": pd.CategoricalDtype(["north", "east", "west"])})
    formula = "sales ~ region + (1 | store)"
    whole = fit(formula, table)
    assert whole.design.fixed_names == ("Intercept", "region[T.east]")
    np.testing.assert_allclose(predict_population(whole, table), whole.design.matrices.fixed @ whole.coefficients)
    request.getfixturevalue("in_pieces")
    require_same(fit(formula, table), whole)
    assert list(table["region"].cat.categories) == ["north", "east", "west"]


def test_numbers_for_a_factor_of_numbers_are_its_levels(frame):
    coded = frame.assign(k=(frame["store"] % 4).astype("category"))
    formula = "sales ~ k + (1 | store)"
    whole = fit(formula, coded)
    levels = pd.DataFrame({"k": [0, 1, 2, 3]})
    expected = whole.coefficients * [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]]
    np.testing.assert_allclose(predict_population(whole, levels), expected.sum(axis=1))
    require_same(fit(formula, iter([coded.iloc[:200], coded.iloc[200:].astype({"k": int})])), whole)
    with pytest.raises(DesignError, match=r"'k', row 0 holds 7, none of the levels that the model knows, 0, 1, 2, 3;"):
        predict_population(whole, levels.assign(k=7))


def test_codes_that_are_text_in_one_piece_and_numbers_in_the_next_are_refused(frame):
    texts = frame.assign(k=np.array(["A", "B", "7"])[frame["week"] % 3])
    with pytest.raises(
        DesignError, match=r"'k', row 200 holds 7, none of the levels that the model knows, '7', 'A', 'B';"
    ):
        fit("sales ~ k + (1 | store)", iter([texts.iloc[:200], texts.iloc[200:].assign(k=7)]))
    with pytest.raises(DesignError, match=r"'k' holds .*not numbers"):
        fit("sales ~ k * tv + (1 | store)", iter([texts.iloc[:200].assign(k=7 + texts["tv"]), texts.iloc[200:]]))
    with pytest.raises(DesignError, match=r"'k' holds numbers in one piece of the table and text in another"):
        fit("sales ~ tv + (1 | k)", iter([texts.iloc[:200], texts.iloc[200:].assign(k=7)]))


CITY = "sales ~ tv + (1 | city:store)"


# As text, 10 comes before 2 and a-b:1 before a:1.
@pytest.mark.parametrize("cities", [np.arange(40) // 3, np.array([f"a{'-b' * (k % 2)}" for k in range(40)])])
def test_groups_of_two_columns_are_in_one_order_however_they_are_read(frame, cities, request):
    table = frame.assign(city=cities[frame["store"]])
    whole, streamed = fit(CITY, table), fit(CITY, iter([table.iloc[:150], table.iloc[150:]]))
    request.getfixturevalue("in_pieces")
    parted = fit(CITY, table)
    for result in (whole, parted):
        require_fitted(result, table)
    for result in (streamed, parted):
        require_same(result, whole)
        assert result.term.levels == whole.term.levels


@pytest.mark.parametrize("parted", [False, True])
def test_two_groups_of_one_name_are_refused(frame, parted):
    table = frame.assign(city=np.where(frame["week"] % 2, "x", "x:y"), store=np.where(frame["week"] % 2, "y:z", "z"))
    with pytest.raises(DesignError, match=r"two groups of 'city:store' are both called 'x:y:z'; take the colons out"):
        fit(CITY, iter([table]) if parted else table)


def test_a_factor_that_is_a_part_of_the_groups_too(frame, request):
    formula = "sales ~ tv + region + (1 | region:store)"
    whole = fit(formula, frame)
    request.getfixturevalue("in_pieces")
    require_same(fit(formula, frame), whole)
    in_order = frame.sort_values(["region", "store"])
    require_same(fit(formula, in_order), whole)


def test_days_and_times_are_the_same_groups_in_every_piece(frame):
    noon = pd.to_timedelta(np.where(frame["store"] == 39, 12, 0), unit="h")
    for start in (pd.Timestamp("2026-01-01"), pd.Timedelta("7 days")):
        table = frame.assign(store=start + pd.to_timedelta(frame["store"], unit="D") + noon).sort_values("store")
        whole = fit("sales ~ tv + (1 | store)", table)
        parted = fit("sales ~ tv + (1 | store)", iter([table.iloc[:200], table.iloc[200:]]))
        require_same(parted, whole)
        assert parted.term.levels == whole.term.levels
        assert len(whole.term.levels) == frame["store"].nunique()
        require_fitted(whole, table)
    assert "7 days" in whole.term.levels


@pytest.mark.parametrize(
    "ids",
    [
        lambda store: store.map(lambda k: float(k) if k % 2 else int(k)).astype(object),
        lambda store: store.map(lambda k: Decimal(f"{k}.0") if k % 2 else Decimal(k)).astype(object),
        lambda store: store.map(lambda k: f"s{k}\0\0"),
        lambda store: (store * 1_000_003).astype(">i4"),
        lambda store: store.astype("string[pyarrow]"),
        lambda store: store.astype("category"),
        lambda store: (store % 2).astype(bool),
    ],
)
def test_ids_of_any_type(frame, ids):
    table = frame.assign(store=ids(frame["store"]))
    plain = frame.assign(store=pd.factorize(pd.Index(table["store"].tolist()))[0])
    whole = fit("sales ~ tv + (1 | store)", table)
    require_same(whole, fit("sales ~ tv + (1 | store)", plain))
    require_same(fit("sales ~ tv + (1 | store)", iter([table.iloc[:7], table.iloc[7:]])), whole)
    require_fitted(whole, table)
    assert len(set(whole.term.levels)) == plain["store"].nunique()


@pytest.mark.parametrize(
    ("formula", "change", "said"),
    [
        ("sales ~ Intercept + (1 | store)", {"Intercept": 2.0}, r"may not be called 'Intercept'"),
        ("sales ~ `tv:radio` + tv:radio + (1 | store)", {"tv:radio": np.arange(400)}, r"would be called 'tv:radio'"),
        ("sales ~ tv + (1 | store)", {"store": np.arange(400) % 7 + 1j}, r"'store' holds complex numbers"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(frame, formula, change, said):
    with pytest.raises(DesignError, match=said):
        fit(formula, frame.assign(**change))


@pytest.mark.parametrize("data", [None, 5])
def test_what_is_no_table_is_refused(data):
    with pytest.raises(DesignError, match=r"the table is a (NoneType|int); give a data frame"):
        fit("sales ~ tv + (1 | store)", data)


def test_parquet_of_an_indexed_frame_and_folders_named_by_a_column(frame, tmp_path):
    formula = "sales ~ tv + (1 | store)"
    whole = fit(formula, frame)
    frame.set_index("store").to_parquet(tmp_path / "indexed.parquet")
    require_same(fit(formula, tmp_path / "indexed.parquet"), whole)
    frame.to_parquet(tmp_path / "folder", partition_cols=["store"])
    require_same(fit(formula, tmp_path / "folder"), whole)


def test_parquet_files_of_different_types_are_refused(frame, tmp_path):
    for name, kind in (("a", "int64"), ("b", "float64")):
        frame.assign(tv=(frame["tv"] + (kind == "float64") / 2).astype(kind)).to_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(DesignError, match=r"do not fit together .*same types"):
        fit("sales ~ tv + (1 | store)", tmp_path)


@pytest.mark.parametrize("table", [lambda frame: frame.drop(columns="tv"), lambda frame: frame.set_index("store")])
def test_a_dask_frame_that_lacks_a_column_is_refused(frame, table):
    with pytest.raises(DesignError, match=r"column '(tv|store)' is not in the Dask data frame, which has .*sales"):
        fit("sales ~ tv + (1 | store)", dask.from_pandas(table(frame), npartitions=3))


def test_hundreds_of_dummies_and_tall_groups_end():
    rng = np.random.default_rng(1)
    n = 6_000
    table = pd.DataFrame({"store": rng.integers(0, 4, n), "sku": [f"s{k:03d}" for k in rng.permutation(n) % 360]})
    table["sales"] = rng.standard_normal(n) + table["store"]
    assert fit("sales ~ sku + (1 | store)", table).sigma == pytest.approx(1.0, rel=0.05)
