"""What can go wrong with an expression; the texts are cel-go's where it is known what it would say."""

from __future__ import annotations


class CompileError(Exception):
    """The expression is not one that this package understands."""


class EvaluationError(Exception):
    """The expression has no value for these variables: a missing key, a wrong type, text that does not
    parse.
    """


NO_SUCH_OVERLOAD = "no such overload"
