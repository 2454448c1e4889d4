"""Answers computed in threads, within limits of time and of requests at a time: ``Calculator``."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core.memory import is_out_of_memory
from nlmkit.errors import NlmkitError
from nlmkit.serving.errors import RequestError, refusal

if TYPE_CHECKING:
    from nlmkit.serving.requests import Call
    from nlmkit.serving.settings import Settings

LOG: Final = logging.getLogger("nlmkit.serving")


class Calculator:
    """Computes answers.

    Args:
        settings: Settings of the server.
    """

    def __init__(self, settings: Settings) -> None:
        self.limits, self.debug = settings.limits, settings.debug
        self._folders = sorted(settings.models, key=lambda model: -len(model[1]))
        self._pool = ThreadPoolExecutor(self.limits.threads, thread_name_prefix="nlmkit-answers")
        self._lock = threading.Lock()
        self._running = 0

    async def answer(self, call: Call) -> bytes:
        """Return the answer as JSON.

        Raises:
            RequestError: Too many requests are being answered, it takes too long, or the model refuses an input.
        """
        with self._lock:
            if self._running >= self.limits.concurrency:
                raise RequestError(503, f"{self._running} requests are being answered: try again later")
            self._running += 1
        deadline = time.monotonic() + self.limits.seconds
        future = self._pool.submit(self._compute, call, deadline)
        future.add_done_callback(self._release)
        waiting = asyncio.wrap_future(future)
        done, _ = await asyncio.wait({waiting}, timeout=self.limits.seconds)
        if not done:
            if future.cancel():  # no thread has begun with it
                raise RequestError(503, "too many requests are waiting: try again later")
            waiting.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody asks for it any more
            raise self._too_slow(call)
        return waiting.result()

    def close(self) -> None:
        """Let no thread begin with another answer."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _release(self, _future: Future[bytes]) -> None:
        with self._lock:
            self._running -= 1

    def _too_slow(self, call: Call) -> RequestError:
        what = f"fewer or shorter {call.question.items}"
        return RequestError(413, f"the answer takes longer than {self.limits.seconds:g} s: send {what}")

    def _compute(self, call: Call, deadline: float) -> bytes:
        """Compute the answer in a thread, some inputs at a time.

        Raises:
            RequestError: It takes too long, or the model refuses an input.
        """
        results: list[dict[str, Any]] = []
        question, model = call.question, call.served.model
        try:
            for some in batches(call.items, question.together):
                if time.monotonic() > deadline:
                    raise self._too_slow(call)
                count = len(some)
                results += question.answer(model, some, call.options)
            return encoded({"model": call.served.name, "results": results})
        except RequestError:
            raise
        except NlmkitError as error:
            item = question.item
            raise refusal(error, item=item, first=len(results), count=count, folders=self._folders) from None
        except Exception as error:
            if is_out_of_memory(error):
                raise RequestError(413, f"too little memory: send fewer or shorter {question.items}") from None
            name = type(error).__name__
            LOG.error("internal error: %s while answering %s", name, question.name, exc_info=self.debug)
            raise RequestError(500, "internal error") from None


def batches(items: Sequence[Any], together: int) -> Sequence[Sequence[Any]]:
    """Return the inputs in groups of at most ``together``."""
    return [items[start : start + together] for start in range(0, len(items), together)]


def encoded(value: Any) -> bytes:
    """Return a value as strict JSON; numbers that JSON cannot represent become null."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    return text.encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
