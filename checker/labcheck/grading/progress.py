"""What changed between two gradings, in a line for each task that it changed for."""

from __future__ import annotations

from collections.abc import Iterator

from labcheck.grading.report import Report


def progress(before: Report, after: Report) -> Iterator[str]:
    """The tasks whose outcome or score is another now, then the score as a whole."""
    earlier = {task.id: task for task in before.tasks}
    for task in after.tasks:
        was = earlier.get(task.id)
        if was is None or (was.outcome, was.score) == (task.outcome, task.score):
            continue
        if was.outcome is task.outcome:
            yield f"{task.id}: {was.score} → {task.score} points"
        else:
            yield f"{task.id}: {was.outcome} → {task.outcome}"
    if before.score != after.score:
        yield f"score: {before.score} → {after.score} of {after.points}"
