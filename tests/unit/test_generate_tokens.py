"""From a prompt to chat text, and from token ids to an answer, with a tokenizer of a few words."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from rollout.answer_tokens import AnswerTokens
from rollout.prompt import chat_messages, chat_text
from rollout.request import Answer
from rollout.stop import closing_token_ids

WORDS = ["<pad>", "<end>", "<image>", "[[[0.1, 0.2]", "]]]", " ]]]\n", "]]", " so", "<end2>"]


class Tokenizer:
    pad_token_id, eos_token_id = 0, 1

    def __len__(self) -> int:
        return len(WORDS)

    def decode(self, ids, skip_special_tokens=False, clean_up_tokenization_spaces=False) -> str:
        assert not skip_special_tokens
        assert not clean_up_tokenization_spaces
        return "".join(WORDS[index] for index in ids)


@pytest.fixture
def tokens(tmp_path: Path) -> AnswerTokens:
    (tmp_path / "config.json").write_text(json.dumps({"image_token_id": 2, "video_token_id": None, "vocab_size": 9}))
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, 8], "temperature": 0.7}))
    return AnswerTokens(tmp_path, Tokenizer())


def test_stops_and_bans(tokens):
    assert closing_token_ids(Tokenizer()) == [4, 5]
    assert tokens.banned == [2]
    assert tokens.stops("mask") == [1, 8, 4, 5]
    assert tokens.stops("box") == tokens.stops("point") == [1, 8]


def test_a_folder_without_generation_settings(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    tokens = AnswerTokens(tmp_path, Tokenizer())
    assert (tokens.banned, tokens.ends) == ([], [1])


@pytest.mark.parametrize(
    ("ids", "kind", "answer"),
    [
        ([3, 4], "mask", Answer("[[[0.1, 0.2]]]]", 2, "stop")),
        ([3, 4, 0, 0], "mask", Answer("[[[0.1, 0.2]]]]", 2, "stop")),
        ([3, 5, 7], "mask", Answer("[[[0.1, 0.2] ]]]\n", 2, "stop")),
        ([3, 4, 7, 1], "box", Answer("[[[0.1, 0.2]]]] so", 4, "stop")),
        ([7, 8, 0], "point", Answer(" so", 2, "stop")),
        ([3, 7, 7], "mask", Answer("[[[0.1, 0.2] so so", 3, "length")),
        ([7, 0, 7, 1], "box", Answer(" so<pad> so", 4, "stop")),
        ([1, 0], "mask", Answer("", 1, "stop")),
        ([], "mask", Answer("", 0, "length")),
    ],
)
def test_an_answer_ends_at_its_first_stop(ids, kind, answer, tokens):
    assert tokens.read(ids, kind) == answer


def test_the_tag_becomes_the_image():
    seen = []
    processor = SimpleNamespace(
        apply_chat_template=lambda messages, **options: seen.append((messages, options)) or "text"
    )
    assert chat_text(processor, "<image>Box it.") == "text"
    ((messages, options),) = seen
    content = [{"type": "image"}, {"type": "text", "text": "Box it."}]
    assert messages == [{"role": "user", "content": content}]
    assert options == {"tokenize": False, "add_generation_prompt": True}
    parts = chat_messages("Look: <image> Box it.", b"\xff\xd8 a JPEG")[0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "text"]
    assert parts[1]["image_url"]["url"].startswith("data:image/jpeg;base64,")


def test_the_chat_templates_end_token_ends_an_answer(tmp_path):
    """As Kimi-VL's, whose configuration names another: the template is asked, not only the settings."""

    class Chat(Tokenizer):
        all_special_ids = (0, 1, 8)

        def apply_chat_template(self, messages, tokenize, **_) -> str:
            assert not tokenize
            return "".join(f"{turn['content'][0]['text']} <end2>" for turn in messages)

        def __call__(self, text, add_special_tokens) -> dict[str, list[int]]:
            assert text.startswith("<end2>")
            return {"input_ids": [8]}

    (tmp_path / "config.json").write_text("{}")
    tokens = AnswerTokens(tmp_path, Chat())
    assert tokens.ends == [1, 8]
    assert tokens.read([3, 8, 7, 7], "box") == Answer("[[[0.1, 0.2]", 2, "stop")
