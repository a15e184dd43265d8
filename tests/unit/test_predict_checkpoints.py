"""Models that were trained elsewhere: asked in their own wording, stopped by their own rule, never trusted unasked."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from omegaconf import DictConfig

from data.rows import PreparedSample, read_samples
from polygon import UserError
from rollout import backend as backends
from rollout.answer_tokens import AnswerTokens
from rollout.backend import open_backend
from rollout.generate import checked_sampling
from rollout.predict import predict
from rollout.question import questions_of, reworded
from rollout.request import Sampling

PUBLISHED = ["simpleseg_qwen2_5_vl", "simpleseg_kimi_vl"]
WORDING = "Output the polygon coordinates of {q} in the image."


@pytest.fixture(scope="module")
def samples(data_root: Path) -> list[PreparedSample]:
    return list(read_samples(data_root, "shapes", "val"))


@pytest.mark.parametrize("vlm", PUBLISHED)
def test_published_checkpoints_are_asked_as_they_were_trained(vlm, composed, samples):
    config = composed("generate", f"vlm={vlm}", "output=val.jsonl")
    assert questions_of(config) == {"text2mask": WORDING}
    asked = [sample.prompt for sample in reworded(samples, questions_of(config))]
    assert asked == [
        f"<image>Output the polygon coordinates of {sample.expression} in the image." for sample in samples
    ]
    sampling = checked_sampling(config)
    assert (sampling.max_tokens, sampling.stop_at_bracket, config.vlm.trust_remote_code) == (512, False, False)


def test_ours_are_asked_as_they_were_prepared(composed, samples):
    config = composed("generate", "output=val.jsonl")
    assert list(reworded(samples, questions_of(config))) == samples
    assert checked_sampling(config).stop_at_bracket


def test_a_question_it_was_not_trained_for_is_refused(samples):
    with pytest.raises(UserError, match=r"shapes/val/.*asked in words of its own \(vlm\.questions\), for text2box"):
        list(reworded(samples, {"text2box": WORDING}))


def test_an_answer_goes_on_behind_its_brackets(tmp_path):
    class Tokenizer:
        pad_token_id, eos_token_id = 0, 1
        words = ("<pad>", "<end>", "[[[0.1, 0.2]", "]]]", ".")

        def __len__(self) -> int:
            return len(self.words)

        def decode(self, ids, **_) -> str:
            return "".join(self.words[index] for index in ids)

    (tmp_path / "config.json").write_text("{}")
    tokens = AnswerTokens(tmp_path, Tokenizer(), stop_at_bracket=False)
    assert tokens.stops("mask") == [1]
    assert tokens.read([2, 3, 4, 2, 3, 1], "mask").text == "[[[0.1, 0.2]]]].[[[0.1, 0.2]]]]"


@pytest.mark.parametrize(
    ("error", "trusted", "message"),
    [
        (
            ValueError("contains custom code; pass trust_remote_code=True"),
            False,
            "brings Python code of its own, which",
        ),
        (
            ImportError("cannot import name 'bytes_to_unicode'"),
            True,
            r"does not run here \(cannot import name .*vllm serve",
        ),
        (ValueError("something else"), True, "cannot start the model in .*: something else; check"),
    ],
)
def test_code_of_a_checkpoint(error, trusted, message, composed, tmp_path, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(backends, "_local", fail)
    config = composed("generate", "vlm=simpleseg_kimi_vl", f"vlm.trust_remote_code={trusted}")
    with pytest.raises(UserError, match=message) as caught:
        open_backend(config, tmp_path, Sampling(temperature=0, max_tokens=8))
    assert "\n" not in str(caught.value)


@pytest.fixture
def server() -> SimpleNamespace:
    """A server with one model, which answers everything with one box; `bodies` are the requests."""
    seen = SimpleNamespace(bodies=[])

    class Handler(BaseHTTPRequestHandler):
        def reply(self, content: dict) -> None:
            encoded = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def do_GET(self) -> None:
            self.reply({"data": [{"id": "served"}]})

        def do_POST(self) -> None:
            seen.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            message = {"content": "[0.1, 0.2, 0.3, 0.4]"}
            self.reply({"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"completion_tokens": 9}})

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        seen.url = f"http://127.0.0.1:{http.server_port}/v1"
        yield seen
        http.shutdown()


def test_a_photo_is_answered_by_a_server(
    server, composed: Callable[..., DictConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("rollout.predict.apply_environment", lambda config: None)
    photo = tmp_path / "photo.png"
    assert cv2.imwrite(str(photo), np.full((30, 40, 3), 90, np.uint8))
    settings = ("backend=openai", f"backend.url={server.url}", "task=text2box", "expression=dog")
    predict(composed("predict", *settings, f"image={photo}", f"output={tmp_path}/out"))
    record = json.loads((tmp_path / "out" / "photo.png.json").read_text())
    assert (record["region"], record["tokens"], record["model"]) == ({"box": [0.1, 0.2, 0.3, 0.4]}, 9, server.url)
    image, question = server.bodies[0]["messages"][0]["content"]
    assert question == {"type": "text", "text": "Box dog."}
    assert image["image_url"]["url"].startswith("data:image/png;base64,")


@pytest.mark.parametrize(("vlm", "stop"), [("kimi_vl_a3b", ["<|im_end|>"]), ("qwen2_5_vl_7b", None)])
def test_a_server_is_told_where_a_turn_ends(vlm, stop, server, composed, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    config = composed("generate", "backend=openai", f"backend.url={server.url}", f"vlm={vlm}")
    backend = open_backend(config, None, Sampling(temperature=0, max_tokens=8))
    assert backend.extra == ({"stop": stop, "skip_special_tokens": False} if stop else {})
