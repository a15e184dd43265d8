"""Where a model's turn ends, by the chat templates of well-known families; templates are cut down to their marks."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from rewards.verl_manager import SimpleSegRewardManager
from rollout.answer_tokens import AnswerTokens
from rollout.stop import TrainingStops
from vlm.end_tokens import end_token_ids, turn_end_id

TURN = "{%- for turn in messages -%}"
TEXT = "{%- if turn.content is string -%}{{ turn.content }}{%- else -%}{{ turn.content[0].text }}{%- endif -%}"
FAMILIES = {
    # family: special tokens, end token of the configuration, template, token behind an answer
    "Qwen-VL, InternVL": (
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "<|im_end|>",
        TURN + "{{ '<|im_start|>' + turn.role + '\n' }}" + TEXT + "{{ '<|im_end|>\n' }}{%- endfor -%}", "<|im_end|>",
    ),
    "Kimi-VL": (
        ["[BOS]", "[EOS]", "<|im_end|>", "<|im_user|>", "<|im_assistant|>", "<|im_middle|>"], "[EOS]",
        TURN + "{{ '<|im_' + turn.role + '|>' + turn.role + '<|im_middle|>' }}" + TEXT + "<|im_end|>{%- endfor -%}",
        "<|im_end|>",
    ),
    "GLM-4.5V": (
        ["<|endoftext|>", "<|user|>", "<|assistant|>"], "<|endoftext|>",
        TURN + "{{ '<|' + turn.role + '|>\n' }}" + TEXT + "{{ '\n' }}{%- endfor -%}", "<|user|>",
    ),
    "DeepSeek-VL2": (
        ["<|begin|>", "<|end|>"], "<|end|>",
        TURN + "{{ turn.role + ': ' }}" + TEXT + "{{ '<|end|>' if turn.role == 'assistant' else '\n' }}{%- endfor -%}",
        "<|end|>",
    ),
    "Gemma": (
        ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"], "<eos>",
        TURN + "{{ '<start_of_turn>' + turn.role + '\n' }}" + TEXT + "{{ '<end_of_turn>\n' }}{%- endfor -%}",
        "<end_of_turn>",
    ),
    "parts only": (
        ["</s>", "<end>"], "</s>", TURN + "{{ turn.content[0]['text'] + '<end>' }}{%- endfor -%}", "<end>",
    ),
    "text only": (
        ["</s>", "<end>"], "</s>",
        TURN + "{{ raise_exception('text') if turn.content is not string else turn.content + '<end>' }}{%- endfor -%}",
        "<end>",
    ),
    "LLaVA, Molmo: none": (["</s>"], "</s>", TURN + "{{ turn.role + ': ' }}" + TEXT + "{{ ' ' }}{%- endfor -%}", None),
    "broken": (["</s>"], "</s>", "{{ nothing.at.all }}", None),
}  # fmt: skip


def build(special: list[str], end: str, template: str | None) -> Any:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate([*special, *alphabet])}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, chat_template=template)


@pytest.mark.parametrize(("special", "end", "template", "behind"), FAMILIES.values(), ids=FAMILIES)
def test_the_token_behind_an_answer(special, end, template, behind, tmp_path):
    tokenizer = build(special, end, template)
    expected = None if behind is None else tokenizer.convert_tokens_to_ids(behind)
    assert turn_end_id(tokenizer) == expected
    ends = {tokenizer.eos_token_id} | ({expected} - {None})
    assert set(end_token_ids(tokenizer, tmp_path)) == ends
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, 5]}))
    assert set(end_token_ids(AutoTokenizer.from_pretrained(tmp_path))) == ends | {0, 5}, "its folder is looked into"


def test_a_turn_of_kimi_vl_ends_its_answer(tmp_path):
    """Its configuration names [EOS] alone: the answer ran on into the next turn, and was never well formed."""
    special, end, template, _ = FAMILIES["Kimi-VL"]
    tokenizer = build(special, end, template)
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"eos_token_id": 1}, "eos_token_id": 1}))
    tokens = AnswerTokens(tmp_path, tokenizer)
    assert tokens.ends == [1, 2]
    written = tokenizer("[0.1, 0.2]<|im_end|><|im_user|>user<|im_middle|>And", add_special_tokens=False)["input_ids"]
    answer = tokens.read(written, "point")
    assert (answer.text, answer.finish, answer.tokens) == ("[0.1, 0.2]", "stop", 11)


def test_a_turn_of_kimi_vl_ends_it_in_training(repo_root):
    """vLLM is told of the end, and the reward sees the answer without it: a well-formed one counts as such."""
    special, end, template, _ = FAMILIES["Kimi-VL"]
    tokenizer = build([*special, "]]]"], end, template)
    assert (TrainingStops(tokenizer).of("box"), TrainingStops(tokenizer).of("mask")) == ([2], [2, 6])
    with initialize_config_dir(str(repo_root / "conf"), version_base="1.3"):
        manager = SimpleSegRewardManager(compose("rl"), tokenizer, None)
    written = tokenizer("[0.1, 0.2]<|im_end|>", add_special_tokens=False, return_tensors="pt")["input_ids"]
    assert manager.decode(written[0]) == "[0.1, 0.2]"


def test_a_template_beside_the_tokenizer(tmp_path):
    special, end, template, _ = FAMILIES["Kimi-VL"]
    tokenizer = build(special, end, None)
    assert turn_end_id(tokenizer, tmp_path) is None
    (tmp_path / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    assert turn_end_id(tokenizer, tmp_path) == 2
    (tmp_path / "chat_template.jinja").write_text(template.replace("<|im_end|>", "[EOS]"))
    assert turn_end_id(tokenizer, tmp_path) == 1


@pytest.mark.parametrize("content", ["[]", "{torn", '{"eos_token_id": "[EOS]"}', '{"eos_token_id": [null]}'])
def test_a_configuration_without_end_tokens(content, tmp_path):
    (tmp_path / "generation_config.json").write_text(content)
    assert end_token_ids(build(["</s>"], "</s>", None), tmp_path) == [0]


def test_qwen2_5_vl(shared, tmp_path):
    published = shared / "data/models_small/qwen2.5-vl-7b-config"
    if not published.is_dir():
        pytest.skip(f"no {published}: the tokenizer of Qwen2.5-VL-7B-Instruct")
    folder = tmp_path / "model"
    shutil.copytree(published, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert sorted(map(tokenizer.convert_ids_to_tokens, end_token_ids(tokenizer))) == ["<|endoftext|>", "<|im_end|>"]
    (folder / "generation_config.json").unlink()
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    del settings["chat_template"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"eos_token": "<|endoftext|>"}))
    bare = AutoTokenizer.from_pretrained(folder)
    assert bare.convert_ids_to_tokens(turn_end_id(bare, folder)) == "<|im_end|>"


def test_the_shipped_model_ends_as_it_did(repo_root):
    tokenizer = AutoTokenizer.from_pretrained(repo_root / "models/tiny_qwen3_vl_sft")
    assert end_token_ids(tokenizer, Path(repo_root / "models/tiny_qwen3_vl_sft")) == [tokenizer.eos_token_id]
