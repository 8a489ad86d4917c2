from __future__ import annotations

import asyncio

from pocketmesh.api.streams.pipe import Pipe


async def test_a_reader_gets_what_is_there_and_then_the_end() -> None:
    pipe = Pipe()
    await pipe.put(b"abc")
    pipe.end()

    assert [await pipe.read(2), await pipe.read(2), await pipe.read(2)] == [b"ab", b"c", b""]


async def test_a_writer_waits_until_a_full_pipe_is_read() -> None:
    pipe = Pipe(limit=3)
    await pipe.put(b"abc")
    second = asyncio.ensure_future(pipe.put(b"def"))
    await asyncio.sleep(0)

    assert not second.done()
    assert await pipe.read() == b"abc"
    await second
    assert await pipe.read() == b"def"
