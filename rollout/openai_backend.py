"""Answers by any server that speaks OpenAI's chat completions: `vllm serve`, SGLang, llama.cpp, a hosted model.

    python -m rollout.generate backend=openai backend.url=http://127.0.0.1:8000/v1 output=val.jsonl

The server applies its own chat template, stop rules and token bans. What it takes beyond the standard goes into
`backend.extra`; a key, if it wants one, into the environment variable OPENAI_API_KEY. A model whose configuration does
not name the end of its turn (Kimi-VL's) is stopped by `vlm.stop`: the server is told, and what it writes behind is cut.
"""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from polygon import UserError
from rollout.prompt import chat_messages
from rollout.request import Answer, Request, Sampling

RETRIED = {408, 429, 500, 502, 503, 504}
_START = "start one, for example with `vllm serve MODEL_FOLDER --port 8000`, and set backend.url to its address"
_KEY = "set the environment variable OPENAI_API_KEY to one that it takes"
_ASK = "change what is asked: backend.extra, temperature, vlm.max_response_length"


class OpenAIBackend:
    """`concurrency` requests at a time; one that fails for a passing reason is sent again, `retries` times.

    Args:
        url: up to and including `/v1`.
        model: a name the server knows, or None where it serves one model only.
        timeout: seconds for one answer.
        extra: further keys of every request.
        stop: texts that end an answer; special tokens must be in the text for a server to see them, so it is asked to
            leave them in.
    """

    def __init__(
        self,
        sampling: Sampling,
        *,
        url: str,
        model: str | None = None,
        concurrency: int = 16,
        timeout: float = 120,
        retries: int = 4,
        extra: Mapping[str, Any] | None = None,
        stop: Sequence[str] = (),
    ):
        if not url.startswith(("http://", "https://")):
            raise UserError(f"backend.url: {url!r} is no address; for example http://127.0.0.1:8000/v1")
        self.sampling, self.url, self.concurrency = sampling, url.rstrip("/"), concurrency
        self.timeout, self.retries, self.stop = timeout, retries, list(stop)
        # `skip_special_tokens` is vLLM's and SGLang's.
        stopping = {"stop": self.stop, "skip_special_tokens": False} if stop else {}
        self.extra = stopping | dict(extra or {})
        self.model = self._served(model)

    def answers(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Answer]]:
        pool = ThreadPoolExecutor(self.concurrency)
        waiting, running = iter(requests), set[Future[tuple[Request, Answer]]]()
        try:
            while True:
                while len(running) < self.concurrency and (request := next(waiting, None)) is not None:
                    running.add(pool.submit(self._answer, request))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _served(self, model: str | None) -> str:
        try:
            names = [entry["id"] for entry in self._call("/models", retries=0)["data"]]
        except (LookupError, TypeError):
            raise UserError(f"{self.url} is no OpenAI-compatible server: its /models lists none; {_START}") from None
        if model is None and len(names) == 1:
            return names[0]
        if model not in names:
            asked = "backend.model is not set" if model is None else f"there is no model {model!r}"
            raise UserError(f"{self.url}: {asked}; set backend.model to one of: {', '.join(names)}")
        return model

    def _answer(self, request: Request) -> tuple[Request, Answer]:
        body = {
            "model": self.model,
            "messages": chat_messages(request.sample.prompt, request.sample.image_bytes()),
            "temperature": self.sampling.temperature,
            "max_tokens": self.sampling.max_tokens,
            "seed": request.seed,
            **self.extra,
        }
        reply = self._call("/chat/completions", body, retries=self.retries)
        try:
            choice, usage = reply["choices"][0], reply.get("usage") or {}
            text, finish = choice["message"]["content"] or "", choice["finish_reason"]
        except (LookupError, TypeError, AttributeError):
            raise UserError(f"{self.url} gave no chat completion: {_line(json.dumps(reply))}; {_START}") from None
        if (end := min((at for each in self.stop if (at := text.find(each)) >= 0), default=-1)) >= 0:
            text, finish = text[:end], "stop"
        return request, Answer(text, usage.get("completion_tokens"), "length" if finish == "length" else "stop")

    def _call(self, path: str, body: dict | None = None, *, retries: int) -> Any:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get("OPENAI_API_KEY"):
            headers["Authorization"] = f"Bearer {key}"
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(retries + 1):
            try:
                asked = urllib.request.Request(self.url + path, data, headers)
                with urllib.request.urlopen(asked, timeout=self.timeout) as reply:
                    return json.loads(reply.read())
            except urllib.error.HTTPError as error:
                said = error.read().decode(errors="replace")
                reason = _line(f"{error.code} {error.reason}: {said}")
                if error.code not in RETRIED:
                    way_out = {401: _KEY, 403: _KEY, 404: _START}.get(error.code, _ASK)
                    raise UserError(f"{self.url}{path} refused the request ({reason}); {way_out}") from None
            except (OSError, http.client.HTTPException) as error:  # refused, reset, timed out, or not HTTP at all
                reason = _line(str(getattr(error, "reason", error))) or type(error).__name__
            except ValueError:
                raise UserError(f"{self.url}{path} answers without JSON; is the port another's? {_START}") from None
            if attempt < retries:
                time.sleep(min(2**attempt, 30))
        raise UserError(f"no answer from {self.url} ({reason}); {_START}")


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
