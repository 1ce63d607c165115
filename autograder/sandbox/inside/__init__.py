"""The code of ours inside the box; it imports nothing else of ours.

Everything here may be read by the learner's code, and what runs in a notebook's own process may be patched or ended by
it, so nothing there protects anything: the walls are around it, and whoever reads its output trusts none of it.
"""
