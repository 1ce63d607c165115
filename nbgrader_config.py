"""Lets nbgrader's own tools work on this course: its sources are in solutions/, its releases in exercises/."""

c = get_config()  # noqa: F821  (nbgrader provides it)

c.CourseDirectory.course_id = "mlm-course"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
# What is asked, and every release whole, lies beside the source notebooks and must not go to learners.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    ".pytest_cache",
    "assignment.toml",
    "pruned.toml",
    "extra.py",
    "*.csv",
    "words.*.toml",
    "releases",
    "extra.py",
    "pruned.toml",
]
# By itself `nbgrader autograde` would run learners' code as you; so it runs in the box, on the panels of `mlm grade`.
c.Autograde.exporter_class = "autograder.commands.autograde.BoxedExporter"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = [
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "autograder.commands.autograde.FileScores",
]
# A learner's Markdown is shown to the teacher in the teacher's own browser session.
c.HTMLExporter.filters = {"markdown2html": "autograder.results.safe_outputs.markdown_to_safe_html"}
c.HTMLExporter.sanitize_html = True
