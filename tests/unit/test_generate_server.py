"""The OpenAI-compatible backend against a server on this machine that plays its part."""

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from data.rows import PreparedSample
from polygon import UserError
from rollout.openai_backend import OpenAIBackend
from rollout.request import Answer, Request, Sampling

IMAGE = b"\x89PNG and so on"
SAMPLING = Sampling(temperature=0.5, max_tokens=32)


class Server:
    """Answers `/v1/models` with `models`, and each chat completion with what `reply(body)` gives: status, JSON."""

    def __init__(self) -> None:
        self.models: object = {"data": [{"id": "tiny"}]}
        self.reply: Callable[[dict], tuple[int, object]] = lambda body: (200, completion("[]"))
        self.bodies: list[dict] = []
        self.headers: list[dict] = []

    @contextmanager
    def running(self) -> Iterator[str]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send(*((200, server.models) if self.path == "/v1/models" else (404, {"error": "no such path"})))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.bodies.append(body)
                server.headers.append(dict(self.headers))
                self.send(*server.reply(body))

            def send(self, status: int, content: object) -> None:
                encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(encoded)))
                self.end_headers()
                self.wfile.write(encoded)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
            threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            yield f"http://127.0.0.1:{http.server_port}/v1"
            http.shutdown()


def completion(text: str | None, finish: str = "stop", **more: object) -> dict:
    return {"choices": [{"message": {"content": text}, "finish_reason": finish}], **more}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture(autouse=True)
def no_waiting_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def requests(count: int = 1) -> list[Request]:
    return [Request(sample(f"s{index}"), draw=0, seed=100 + index) for index in range(count)]


def sample(sample_id: str) -> PreparedSample:
    return PreparedSample(
        sample_id=sample_id,
        source="shapes",
        split="val",
        task="text2mask",
        image=IMAGE,
        height=8,
        width=8,
        expression=sample_id,
        prompt_region=None,
        rle={},
        box=None,
        image_id="0",
        ann_id="0",
        index=0,
        prompt=f"<image>Outline {sample_id}.",
    )


def answers(backend: OpenAIBackend, count: int = 1) -> dict[str, Answer]:
    return {request.sample.sample_id: answer for request, answer in backend.answers(requests(count))}


def test_a_request_holds_the_image_the_question_and_the_sampling(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with server.running() as url:
        answers(OpenAIBackend(SAMPLING, url=url + "/", extra={"top_p": 0.9}))
    (body,) = server.bodies
    (message,) = body.pop("messages")
    assert body == {"model": "tiny", "temperature": 0.5, "max_tokens": 32, "seed": 100, "top_p": 0.9}
    assert message["role"] == "user"
    image, question = message["content"]
    assert question == {"type": "text", "text": "Outline s0."}
    header, _, encoded = image["image_url"]["url"].partition(",")
    assert (header, base64.b64decode(encoded)) == ("data:image/png;base64", IMAGE)
    assert server.headers[0]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (completion("[[[0.1", "length", usage={"completion_tokens": 32}), Answer("[[[0.1", 32, "length")),
        (completion("[]", usage={"completion_tokens": 2}), Answer("[]", 2, "stop")),
        (completion("[]", usage=None), Answer("[]", None, "stop")),
        (completion(None, "content_filter"), Answer("", None, "stop")),
    ],
)
def test_replies_become_answers(reply, answer, server):
    server.reply = lambda body: (200, reply)
    with server.running() as url:
        assert answers(OpenAIBackend(SAMPLING, url=url)) == {"s0": answer}


def test_many_requests_run_at_once_but_no_more_than_allowed(server):
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3, timeout=10)  # breaks unless three requests are on their way at once

    def reply(body: dict) -> tuple[int, dict]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1
        return 200, completion(body["messages"][0]["content"][1]["text"])

    server.reply = reply
    with server.running() as url:
        found = answers(OpenAIBackend(SAMPLING, url=url, concurrency=3), 12)
    assert {name: answer.text for name, answer in found.items()} == {f"s{i}": f"Outline s{i}." for i in range(12)}
    assert most == 3


def test_a_passing_failure_is_asked_again(server):
    replies = iter([(503, {}), (429, {}), (200, completion("[]"))])
    server.reply = lambda body: next(replies)
    with server.running() as url:
        assert answers(OpenAIBackend(SAMPLING, url=url))["s0"].text == "[]"
    assert len(server.bodies) == 3


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            (503, {"error": "busy"}),
            r"no answer from .*/v1 \(503 Service Unavailable: .*busy.*\); start one",
        ),
        (
            (400, {"error": "too long"}),
            r"/chat/completions refused the request \(400 .*too long.*\); change what",
        ),
        ((401, {}), r"refused the request \(401 .*\); set the environment variable OPENAI_API_KEY"),
        ((404, {}), r"refused the request \(404 .*\); start one"),
        ((200, {"detail": "hello"}), r'gave no chat completion: {"detail": "hello"}; start one'),
        ((200, b"<html>"), r"answers without JSON; is the port another's\? start one"),
    ],
)
def test_a_lasting_failure_is_one_line(reply, message, server):
    server.reply = lambda body: reply
    with server.running() as url, pytest.raises(UserError, match=message) as caught:
        answers(OpenAIBackend(SAMPLING, url=url, retries=1), 5)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("models", "model", "message"),
    [
        ({"data": [{"id": "a"}, {"id": "b"}]}, None, "backend.model is not set; set backend.model to one of: a, b"),
        ({"data": [{"id": "a"}]}, "c", "there is no model 'c'; set backend.model to one of: a"),
        ({"hello": "world"}, None, "is no OpenAI-compatible server: its /models lists none; start one"),
        ([], None, "is no OpenAI-compatible server"),
    ],
)
def test_the_model_has_to_be_served(models, model, message, server):
    server.models = models
    with server.running() as url, pytest.raises(UserError, match=message):
        OpenAIBackend(SAMPLING, url=url, model=model)


def test_no_server_another_program_or_no_address():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        def greet() -> None:
            connection, _ = taken.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        threading.Thread(target=greet, daemon=True).start()
        with pytest.raises(UserError, match=rf"no answer from http://127.0.0.1:{port} \(.*\); start one"):
            OpenAIBackend(SAMPLING, url=f"http://127.0.0.1:{port}")
    with pytest.raises(UserError, match=rf"no answer from http://127.0.0.1:{port} \(.*refused.*\); start one"):
        OpenAIBackend(SAMPLING, url=f"http://127.0.0.1:{port}")
    with pytest.raises(UserError, match=r"^backend\.url: 'localhost:8000' is no address"):
        OpenAIBackend(SAMPLING, url="localhost:8000")


@pytest.mark.parametrize("text", ["[0.1, 0.2]", "[0.1, 0.2]<|im_end|>", "[0.1, 0.2]<|im_end|><|im_user|>user [1, 1]"])
def test_a_model_is_stopped_at_the_end_of_its_turn(text, server):
    server.reply = lambda body: (200, completion(text, "length"))
    with server.running() as url:
        (answer,) = answers(OpenAIBackend(SAMPLING, url=url, stop=["<|im_end|>", "<|end|>"])).values()
    assert (server.bodies[0]["stop"], server.bodies[0]["skip_special_tokens"]) == (["<|im_end|>", "<|end|>"], False)
    assert (answer.text, answer.finish) == ("[0.1, 0.2]", "stop" if "<|im_end|>" in text else "length")
