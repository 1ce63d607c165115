from pathlib import Path

c = get_config()  # noqa: F821  (nbgrader provides it)
c.CourseDirectory.course_id = "mlm-course"
# The sources lie beside this file, each in the folder of its assignment.
c.CourseDirectory.root = str(Path(__file__).parent)
c.CourseDirectory.source_directory = "."
c.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "*.toml", "*.csv", "extra.py", "releases"]
c.BoxedGrading.course = str(Path(__file__).parent)
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
# Colours for code in other languages can take hours.
c.HighlightMagicsPreprocessor.enabled = False
