"""A release that is served no longer answers who names it, while its files are there."""

from __future__ import annotations

import asyncio
import shutil

import pytest
from support.more_releases import another_release
from support.serving import copied

from service import opening
from service.opening import open_resources
from service.operations.refusals import Busy, ReleaseGone, UnknownRelease
from service.settings import Settings


@pytest.fixture
def data_dir(served_data, tmp_path):
    return copied(served_data, tmp_path / "data")


@pytest.fixture
def opened(data_dir):
    """What is served, and three releases that are not."""
    others = [another_release(data_dir, days=days, is_active=False) for days in (1, 2, 3)]
    resources = open_resources(Settings(data_dir=data_dir))
    yield resources, others
    resources.close()


def test_a_release_that_is_not_active_is_opened_once_and_only_the_last_two_are_kept(opened):
    resources, (first, second, third) = opened

    async def scene():
        one, same = await asyncio.gather(resources.pinned(first), resources.pinned(first))
        assert one is same
        assert (one.release.id, one.folder) == (first, resources.surveys["tiny"])
        # Its model is open already.
        assert one.encoder is resources.default("tiny").encoder
        await resources.pinned(second)
        assert await resources.pinned(first) is one
        await resources.pinned(third)
        assert await resources.pinned(first) is one
        assert list(resources.shared.pins._opened) == [third, first]

    asyncio.run(scene())


def test_what_is_served_is_not_opened_again(opened):
    resources, _ = opened
    served = resources.default("tiny")
    assert asyncio.run(resources.pinned(served.release.id)) is served


def test_a_release_without_its_folder_is_gone_and_an_unknown_one_is_not_found(opened, data_dir):
    resources, (first, *_) = opened
    shutil.rmtree(data_dir / "releases" / first)
    with pytest.raises(ReleaseGone, match=f"{first} cannot be opened any more"):
        asyncio.run(resources.pinned(first))
    with pytest.raises(UnknownRelease, match="no release 'tiny--none'"):
        asyncio.run(resources.pinned("tiny--none"))


def test_a_release_without_room_beside_those_served_waits_for_it(opened, monkeypatch):
    resources, (first, *_) = opened
    monkeypatch.setattr(opening, "available_bytes", lambda: 1000)
    with pytest.raises(Busy, match=f"no memory for release {first}"):
        asyncio.run(resources.pinned(first))
