"""Grading a lab: the checks in a process of their own, and the report of what they found."""
