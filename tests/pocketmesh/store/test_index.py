"""An index finds objects by what they say, and never lags behind."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pocketmesh.store import Index, Key, Store

WEB, API = Key("services", "shop", "web"), Key("services", "shop", "api")


@pytest.fixture
def store(tmp_path: Path):
    store = Store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def by_color(store: Store) -> Index:
    store.create(WEB, {"colors": ["red"]})
    return store.index("services", lambda obj: obj["colors"])


def places(index: Index, color: str) -> list[str]:
    return [name for _, name in index.at(color)]


def test_what_was_there_before_is_found(by_color):
    assert places(by_color, "red") == ["web"]
    assert "red" in by_color
    assert "blue" not in by_color


def test_what_comes_changes_and_goes_is_followed(store, by_color):
    store.create(API, {"colors": ["red", "blue"]})
    assert places(by_color, "red") == ["api", "web"]
    store.update(API, {"colors": ["blue"]})
    assert places(by_color, "red") == ["web"]
    store.delete(API)
    assert places(by_color, "blue") == []
    assert "blue" not in by_color


def test_other_resources_are_not_looked_at(store, by_color):
    store.create(Key("pods", "shop", "web"), {})
    assert places(by_color, "red") == ["web"]


def test_it_is_up_to_date_within_a_block_and_when_that_is_undone(store, by_color):
    def give_up() -> None:
        with store.together():
            store.create(API, {"colors": ["blue"]})
            store.update(WEB, {"colors": ["green"]})
            assert places(by_color, "blue") == ["api"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        give_up()
    assert places(by_color, "blue") == []
    assert places(by_color, "red") == ["web"]


def test_the_state_is_its_owners_alone(store, tmp_path):
    store.create(WEB, {"colors": []})
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes
