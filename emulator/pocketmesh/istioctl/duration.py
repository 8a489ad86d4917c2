"""Durations on the command line, as Go writes them."""

from __future__ import annotations

from typing import Any, Final

import click

from pocketmesh.istioctl.waiting import seconds


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION: Final = _Duration()
