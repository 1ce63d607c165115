"""Lets nbgrader's own tools work on this course: its sources are in solutions/, its releases in exercises/."""

c = get_config()  # noqa: F821  (nbgrader provides it)

c.CourseDirectory.course_id = "mlm-course"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
# The rubric lies beside the source notebooks and must not go to learners.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    ".pytest_cache",
    "rubric.toml",
    "words.*.toml",
]
# A learner's Markdown is shown to the teacher in the teacher's own browser session.
c.HTMLExporter.filters = {"markdown2html": "autograder.results.safe_outputs.markdown_to_safe_html"}
c.HTMLExporter.sanitize_html = True
