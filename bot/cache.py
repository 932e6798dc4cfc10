"""Keeps answers by key, and asks for each of them once, for all callers that wait for it; and keys for a while."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAXSIZE = 1000
"""Keys that a cache holds, where its owner sets no other number."""


@dataclass(frozen=True, slots=True)
class _Value(Generic[V]):
    """An answer. Times are the event loop's."""

    value: V
    fresh_until: float
    usable_until: float
    """Until then it takes the place of a newer one that could not be loaded."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no answer."""

    error: Exception
    trace: TracebackType | None
    """As it was when the load failed: raising the same error again would lengthen its own."""


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    """What the latest load of a key left behind."""

    content: _Value[V] | _Failure
    load_again_at: float
    failed: bool
    """Whether that load failed; the content may be an earlier answer all the same."""

    def result(self) -> V:
        """The answer. Raises the error of a load that failed."""
        if isinstance(self.content, _Failure):
            raise self.content.error.with_traceback(self.content.trace)
        return self.content.value


class Cache(Generic[K, V]):
    """Answers by key, in memory.

    `load` is called once for all callers that want a key at the same time, in a task of its own: a caller that gives
    up, or is cancelled, does not stop it. It has to end by itself. All durations are in seconds:

    - `ttl`: an answer is fresh for so long after its load began;
    - `error_ttl`: after a failed load, `load` is not called again for so long;
    - `stale_while_revalidate`: an answer that is no longer fresh is given for so long at once, while a newer one is
      loaded for those who come later;
    - `stale_if_error`: an answer that is no longer fresh can be used for so long in place of one that could not be
      loaded (both names are those of RFC 5861);
    - `maxsize`: with more keys than this, the least recently used one is forgotten.
    """

    def __init__(
        self,
        load: Callable[[K], Awaitable[V]],
        *,
        ttl: float,
        error_ttl: float,
        stale_while_revalidate: float = 0.0,
        stale_if_error: float = 0.0,
        maxsize: int = MAXSIZE,
    ) -> None:
        self._load = load
        self._ttl = ttl
        self._error_ttl = error_ttl
        self._stale_while_revalidate = stale_while_revalidate
        self._stale_if_error = stale_if_error
        self._maxsize = maxsize
        self._entries: dict[K, _Entry[V]] = {}
        """The least recently used one is the first."""
        self._loading: dict[K, asyncio.Task[_Entry[V]]] = {}

    async def get(self, key: K, *, until: float | None = None) -> V:
        """The answer for this key, loaded unless one is here that is fresh, or stale and good enough to begin with.

        `until`: the event-loop time at which this caller stops waiting for a load; `None` waits for its end. Then an
        answer that is stale and can still be used is returned; without one, this raises `TimeoutError`.
        Raises what `load` raised, also for `error_ttl` seconds afterwards.
        """
        entry = self._entries.pop(key, None)
        if entry:
            self._entries[key] = entry
            if _now() < entry.load_again_at:
                return entry.result()
            if self._is_good_enough(entry.content):
                self._load_once(key)
                return entry.result()
        loading = self._load_once(key)
        await asyncio.wait([loading], timeout=None if until is None else max(until - _now(), 0.0))
        if loading.done():
            return loading.result().result()
        if entry and isinstance(entry.content, _Value) and _now() < entry.content.usable_until:
            return entry.content.value
        raise TimeoutError

    def put(self, key: K, value: V) -> None:
        """Keep an answer that came some other way, as if it had just been loaded."""
        self._keep(key, self._answered(value, _now()))

    def prefetch(self, key: K) -> None:
        """Begin to load the answer for this key, unless a fresh one is here; for a caller that needs it soon."""
        entry = self._entries.get(key)
        if entry is None or _now() >= entry.load_again_at:
            self._load_once(key)

    async def refresh(self, key: K) -> bool:
        """Load the answer for this key, however fresh the last one is; `False` when that failed.

        A fresh answer stays in use when the load fails.
        """
        loading = self._load_once(key)
        await asyncio.wait([loading])
        return not loading.result().failed

    def _is_good_enough(self, content: _Value[V] | _Failure) -> bool:
        return isinstance(content, _Value) and _now() < content.fresh_until + self._stale_while_revalidate

    def _load_once(self, key: K) -> asyncio.Task[_Entry[V]]:
        """The load that is under way for this key, or a new one."""
        if key not in self._loading:
            self._loading[key] = asyncio.create_task(self._loaded(key), name="cache")
            self._loading[key].add_done_callback(lambda _: self._loading.pop(key))
        return self._loading[key]

    async def _loaded(self, key: K) -> _Entry[V]:
        began = _now()
        try:
            value = await self._load(key)
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is wanted
            entry = self._after(error, self._entries.get(key))
        else:
            entry = self._answered(value, began)
        self._keep(key, entry)
        return entry

    def _answered(self, value: V, at: float) -> _Entry[V]:
        fresh_until = at + self._ttl
        return _Entry(_Value(value, fresh_until, fresh_until + self._stale_if_error), fresh_until, failed=False)

    def _keep(self, key: K, entry: _Entry[V]) -> None:
        self._entries.pop(key, None)
        self._entries[key] = entry
        if len(self._entries) > self._maxsize:
            del self._entries[next(iter(self._entries))]

    def _after(self, error: Exception, last: _Entry[V] | None) -> _Entry[V]:
        now = _now()
        again = now + self._error_ttl
        if last and isinstance(last.content, _Value) and now < last.content.usable_until:
            again = max(last.content.fresh_until, min(again, last.content.usable_until))
            return _Entry(last.content, again, failed=True)
        return _Entry(_Failure(error, error.__traceback__), again, failed=True)


class ExpiringSet(Generic[K]):
    """Keys, each for `ttl` seconds. With more than `maxsize`, the one that was added first is forgotten."""

    def __init__(self, ttl: float, maxsize: int = MAXSIZE) -> None:
        self._ttl = ttl
        self._maxsize = maxsize
        self._until: dict[K, float] = {}

    def add(self, key: K) -> None:
        """Add a key, or keep it for longer."""
        self.discard(key)
        self._until[key] = _now() + self._ttl
        if len(self._until) > self._maxsize:
            del self._until[next(iter(self._until))]

    def discard(self, key: K) -> None:
        """Forget a key, if it is here."""
        self._until.pop(key, None)

    def __contains__(self, key: K) -> bool:
        return _now() < self._until.get(key, float("-inf"))


def _now() -> float:
    return asyncio.get_running_loop().time()
