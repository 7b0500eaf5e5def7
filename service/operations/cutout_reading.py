"""Members of a batch → network inputs, in parsing children, several at the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from service.member_reply import Told, read_members, read_prepared
from service.sandbox import ChildDied, ChildTimeout
from survey.ingest import CutoutRejected, Overrides

if TYPE_CHECKING:
    from service.members import Member
    from service.sandbox import Sandbox
    from service.served import Served

__all__ = ["GROUP", "MAX_DEATHS", "Limits", "Reader", "walk"]

#: Members that one child reads, and one call of the network embeds: a child's start costs 12 ms.
GROUP = 128
#: Children that the members of one batch may kill; each costs up to the child's time limit.
MAX_DEATHS = 8

# A child holds its members all at once.
_GROUP_BYTES = 24 * 2**20
# A disk and a socket give more; gzip unpacks some 100 MB/s of noise on a slow machine.
_BYTES_PER_CPU_SECOND = 20e6
_CPU_SECONDS = 5
# Of a cutout of five bands with all its looks, ten times what it takes (docs/results/batch.md).
_CPU_SECONDS_EACH = 0.1


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one archive.

    Attributes
    ----------
    members
        It may have.
    unpacked_bytes
        That may come out of it.
    table_bytes
        Of a table of cutouts, which a child holds as a whole.
    """

    members: int
    unpacked_bytes: int
    table_bytes: int


def walk(
    sandbox: Sandbox, pieces: Iterator[bytes], size: int, overrides: Overrides, limits: Limits
) -> Generator[Member, None, None]:
    """Yield the members of an archive in their order, as a parsing child finds them.

    Parameters
    ----------
    pieces
        The archive, ``size`` bytes together.

    Raises
    ------
    CutoutRejected
        If the archive as a whole cannot be read.
    Busy
        If the sandbox's queue is full.
    """
    head = {
        "task": "archive",
        "body_bytes": size,
        "cpu_seconds": _CPU_SECONDS + int(min(limits.unpacked_bytes, 60 * size) / _BYTES_PER_CPU_SECOND),
        "max_members": limits.members,
        "max_bytes": limits.unpacked_bytes,
        "max_table_bytes": limits.table_bytes,
        "overrides": asdict(overrides),
    }
    answers = sandbox.stream(head, [], read_members, body=pieces)
    try:
        for members in answers:
            yield from members
    finally:
        # Its child and its turn go when the walk is given up, not when somebody collects it.
        answers.close()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads members for one release.

    Attributes
    ----------
    children
        That read at the same time; each takes a turn in the sandbox's queue.
    """

    sandbox: Sandbox
    served: Served
    overrides: Overrides
    children: int = 2

    def read(self, members: Iterable[Member]) -> Generator[list[tuple[Member, Told]], None, None]:
        """Yield the members in their order, a group at a time, each with its network input or its refusal.

        While a group is being worked on, the next ones are read. A member that kills its child is refused and the
        others are read again, but after ``MAX_DEATHS`` of them the rest is refused unread.

        Raises
        ------
        Busy
            If the sandbox's queue is full.
        """
        groups = _grouped(members)
        deaths: list[str] = []
        with ThreadPoolExecutor(self.children, "members") as pool:
            ahead: deque[tuple[list[Member], Future[list[Told]]]] = deque()
            try:
                for group in groups:
                    ahead.append((group, pool.submit(self._read_group, group, deaths)))
                    if len(ahead) > self.children:
                        yield _paired(*ahead.popleft())
                while ahead:
                    yield _paired(*ahead.popleft())
            finally:
                for _, future in ahead:
                    future.cancel()

    def _read_group(self, group: list[Member], deaths: list[str]) -> list[Told]:
        told: dict[int, Told] = {
            n: CutoutRejected(member.code, member.message) for n, member in enumerate(group) if member.code
        }
        left = [n for n in range(len(group)) if n not in told]
        while left:
            if len(deaths) >= MAX_DEATHS:
                told |= dict.fromkeys(left, _unread())
                break
            found, death = self._read_some([group[n] for n in left])
            told |= dict(zip(left, found, strict=False))
            left = left[len(found) :]
            if death is None:
                break
            if not found:
                # It had a child of its own: nobody else can have spoilt it.
                deaths.append(group[left[0]].name)
                told[left.pop(0)] = death
        return [told[n] for n in range(len(group))]

    def _read_some(self, group: Sequence[Member]) -> tuple[list[Told], CutoutRejected | None]:
        """Read members in one child; what it told, and how it died if it did not reach the end."""
        contract = self.served.model.contract
        scale = contract.pixel_scale_arcsec
        head: dict[str, Any] = {
            "task": "members",
            "pixels": [member.pixels for member in group],
            "contract": contract.to_json(),
            "release": self.served.release.id,
            "overrides": asdict(self.overrides),
            "field_arcsec": None if scale is None else contract.field_px * scale,
            "cpu_seconds": _CPU_SECONDS + round(_CPU_SECONDS_EACH * len(group)),
        }
        files = [(member.name, member.data) for member in group]
        told: list[Told] = []
        answers = self.sandbox.stream(head, files, partial(read_prepared, contract=contract))
        try:
            told += islice(answers, len(group))
        except (ChildDied, ChildTimeout) as death:
            return told, death
        except CutoutRejected as nonsense:
            return told, nonsense
        finally:
            answers.close()
        # A child that was taken over may say that it is done before it is.
        return told, None if len(told) == len(group) else ChildDied()


def _grouped(members: Iterable[Member]) -> Iterator[list[Member]]:
    group: list[Member] = []
    for member in members:
        size = sum(len(one.data) for one in group)
        if len(group) == GROUP or (group and size + len(member.data) > _GROUP_BYTES):
            yield group
            group = []
        group.append(member)
    if group:
        yield group


def _paired(group: list[Member], future: Future[list[Told]]) -> list[tuple[Member, Told]]:
    return list(zip(group, future.result(), strict=True))


def _unread() -> CutoutRejected:
    return CutoutRejected(
        "archive.unread",
        f"{MAX_DEATHS} members crashed the program that read them; this one was not read any more. Send the batch "
        "again without them.",
    )
