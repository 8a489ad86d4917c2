"""Jinja2 for a lab's files: sandboxed, strict about names, and errors that say where.

A template sees the params of the variant and nothing else: no files, no environment, no includes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import jinja2
import jinja2.meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from labcheck.errors import AuthorError, did_you_mean

Value: TypeAlias = str | int

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
)
# Jinja2's own globals would stand in for a param that is missing: `namespace` is one of them.
_ENVIRONMENT.globals = {"range": _ENVIRONMENT.globals["range"]}
_KEPT = 1000
"""Templates, each of which is rendered for several variants of its lab."""


def render(text: str, params: Mapping[str, Value], path: Path, first_line: int = 1) -> str:
    """`text` with the params filled in.

    `path` and `first_line` say where the text stands, for errors. Raises AuthorError.
    """
    if "{" not in text:
        return text
    try:
        return _compiled(text).render(params)
    except jinja2.UndefinedError as error:
        name = _undefined_name(error)
        meant = f" {did_you_mean(name, params)}" if name else ""
        line = _line_of(error, first_line)
        raise AuthorError.at(path, line, f"{_sentence(error.message)}{meant}") from None
    except jinja2.TemplateSyntaxError as error:
        raise AuthorError.at(path, error.lineno + first_line - 1, _sentence(error.message)) from None
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise AuthorError.at(path, _line_of(error, first_line), _sentence(str(error))) from None


@lru_cache(_KEPT)
def _compiled(text: str) -> jinja2.Template:
    return _ENVIRONMENT.from_string(text)


@lru_cache(_KEPT)
def used(text: str) -> frozenset[str]:
    """The params that a template which renders asks for."""
    return frozenset(jinja2.meta.find_undeclared_variables(_ENVIRONMENT.parse(text)))


def _undefined_name(error: jinja2.UndefinedError) -> str:
    # Jinja2's message for a missing variable is "'name' is undefined"; it offers no attribute.
    message = error.message or ""
    return message.split("'")[1] if message.endswith("is undefined") and "'" in message else ""


def _line_of(error: Exception, first_line: int) -> int:
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line + first_line - 1 if line else first_line


def _sentence(message: str | None) -> str:
    text = (message or "The template cannot be rendered").strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
