from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from labcheck.authoring.replay import BlockFailed, replay
from labcheck.environments.state import EnvironmentFolder, Record, StateFolder
from labcheck.lab.load import load
from labcheck.lab.pages import Page, guide
from labcheck.lab.variant import variant

MakeLab = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> EnvironmentFolder:
    return EnvironmentFolder(tmp_path / "environment")


def a_page(make_lab: MakeLab, *blocks: str) -> Page:
    text = "".join(f"Text.\n```sh run\n{block}\n```\n```sh\nexit 1\n```\n" for block in blocks)
    return guide(variant(load(make_lab({"guide.md": text})), 1))


def test_blocks_are_carried_out_in_order_and_shown(make_lab: MakeLab, folder: EnvironmentFolder) -> None:
    shown: list[str] = []
    ran = replay(a_page(make_lab, "echo one", "echo two >&2\necho $KUBECONFIG"), folder, shown.append)
    assert [it.output for it in ran] == ["one\n", f"two\n{folder.kubeconfig}\n"]
    assert "".join(shown).startswith("    echo one\none\n    echo two >&2\n    echo $KUBECONFIG\ntwo\n")


@pytest.mark.parametrize("block", ["false\necho never", "exit 3", "no-such-command"])
def test_a_block_ends_at_its_first_failure(make_lab: MakeLab, folder: EnvironmentFolder, block: str) -> None:
    with pytest.raises(BlockFailed, match=r"guide\.md:3: This block ended with") as raised:
        replay(a_page(make_lab, block), folder)
    assert "never" not in raised.value.evidence


def test_a_block_shares_nothing_with_the_next(make_lab: MakeLab, folder: EnvironmentFolder) -> None:
    ran = replay(a_page(make_lab, "x=1; touch here", "echo [$x] $(ls)"), folder)
    assert ran[1].output == "[]\n"


def test_a_block_that_hangs_is_stopped(make_lab: MakeLab, folder: EnvironmentFolder) -> None:
    with pytest.raises(BlockFailed, match="did not end within"):
        replay(a_page(make_lab, "sleep 60"), folder, timeout=0.3)


def test_a_block_is_given_nothing_to_read(make_lab: MakeLab, folder: EnvironmentFolder) -> None:
    assert replay(a_page(make_lab, "cat; cat <<EOF\nhere\nEOF"), folder)[0].output == "here\n"


def test_labcheck_in_a_block_is_this_one_and_knows_lab_and_state(make_lab: MakeLab, tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "elsewhere")
    page = a_page(make_lab, "labcheck --version; labcheck status; labcheck list --json | grep '\"id\"'")
    folder = state.environment("lab-07-sample")
    folder.remember(Record("lab-07-sample", str(page.path.parent), "embedded", 1, "red", "creating"))
    (ran,) = replay(page, folder)
    assert f"labcheck {version('labcheck')}\n" in ran.output
    assert "interrupted" in ran.output
    assert "lab-07-sample" in ran.output


def test_requests_are_followed_only_where_the_cluster_tells_their_way(
    make_lab: MakeLab, folder: EnvironmentFolder
) -> None:
    page = a_page(
        make_lab, "labcheck() { echo traced; }\nlabcheck trace lab-07 client http://red/", "echo on"
    )
    assert [it.output for it in replay(page, folder)] == ["traced\n", "on\n"]
    assert [it.output for it in replay(page, folder, traces=False)] == ["on\n"]
