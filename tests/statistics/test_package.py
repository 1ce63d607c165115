"""What the package shows to the outside: names, imports, documentation, and its command."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import reference
from reference import errors
from reference.__main__ import main

MODULES = sorted(module.name for module in pkgutil.walk_packages(reference.__path__, "reference."))


def test_all_is_exact():
    public = {name for name, value in vars(reference).items() if not name.startswith("_")}
    public -= {name for name in public if isinstance(getattr(reference, name), ModuleType)}
    assert len(reference.__all__) == len(set(reference.__all__))
    assert set(reference.__all__) == public


def test_error_tree_is_the_one_drawn():
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    drawn = {word for line in errors.__doc__.splitlines() for word in line.split() if word.endswith("Error")}
    assert drawn == classes
    assert all(issubclass(getattr(errors, name), errors.MultilevelError) for name in classes)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0


def test_command_prints_the_tutorial(capsys):
    main()
    text = capsys.readouterr().out
    titles = ("Descriptives", "Pooled OLS", "Random intercept (REML)", "ICC and R²", "What centring changed")
    assert all(title in text for title in titles)
    assert "top 5: 14, 1, 16, 8, 6" in text
    assert max(map(len, text.splitlines())) <= 100


def test_import_leaves_statsmodels_until_a_regression_needs_it():
    code = "import sys, reference; sys.exit('statsmodels' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(reference.__path__[0]).parent)
