"""Shared prompts: the answers of a group attend to one computation of their question and image, with gradient.

Why: G answers to one question repeat its prompt G times in every forward and backward pass. A photograph takes 1,200
tokens, an answer 200: without sharing most of an update goes into copies of the same prompts.
How: all tokens of a micro-batch are packed into one row, first each distinct prompt once, then the answers. Everything
but attention works token by token and needs no change; `attend` computes the prompts among themselves, and each answer
with its prompt's keys and values in front of its own. Positions are those of the unshared sequences, so any rotary
scheme holds, Qwen-VL's three-dimensional one included.
"""

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tensordict import NonTensorData, TensorDict
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask
from verl.utils.model import extract_multi_modal_inputs

ATTENTION = "shared_prompts"
"""Name of the attention implementation, and of the keyword argument that brings it the layout of a micro-batch."""


@dataclass(frozen=True)
class SharedPrompts:
    """Where the tokens of a micro-batch are: B sequences with Q distinct prompts, T tokens packed into one row.

    tokens_T: for each packed token its index among all tokens of the unshared sequences.
    places_N: for each of those N tokens the packed token that stands for it; -1 for the last one of a sequence, which
        predicts nothing and is left out.
    prompts_QP, answers_BR: packed indices, padded on the right with 0 where `has_prompt_QP`, `has_answer_BR` are False.
    prompt_of_B: the prompt of each sequence. leaders_Q: for each prompt the first sequence that has it.
    """

    tokens_T: Tensor
    places_N: Tensor
    prompts_QP: Tensor
    has_prompt_QP: Tensor
    answers_BR: Tensor
    has_answer_BR: Tensor
    prompt_of_B: Tensor
    leaders_Q: list[int]

    @classmethod
    def of(cls, offsets: Tensor, prompt_lengths: Sequence[int], keys: Sequence[Hashable]) -> "SharedPrompts":
        """Sequences with equal keys have equal prompts.

        Args:
            offsets: (B + 1,), where each sequence begins among all tokens, and the end of the last.
            prompt_lengths: tokens of each sequence's prompt, at least one.
        """
        device, starts = offsets.device, offsets.tolist()
        numbers: dict[Hashable, int] = {}
        prompt_of = [numbers.setdefault(key, len(numbers)) for key in keys]
        leaders = [prompt_of.index(number) for number in range(len(numbers))]

        prompts = [torch.arange(starts[row], starts[row] + prompt_lengths[row]) for row in leaders]
        answers = [
            torch.arange(start + length, stop - 1)
            for start, stop, length in zip(starts[:-1], starts[1:], prompt_lengths, strict=True)
        ]
        tokens_T = torch.cat([*prompts, *answers])
        places_N = torch.full((starts[-1],), -1)
        places_N[tokens_T] = torch.arange(len(tokens_T))
        for row, number in enumerate(prompt_of):
            first = starts[leaders[number]]
            places_N[starts[row] : starts[row] + prompt_lengths[row]] = places_N[first : first + prompt_lengths[row]]

        prompts_QP, has_prompt_QP = _padded([places_N[tokens] for tokens in prompts])
        answers_BR, has_answer_BR = _padded([places_N[tokens] for tokens in answers])
        moved = (tokens_T, places_N, prompts_QP, has_prompt_QP, answers_BR, has_answer_BR, torch.tensor(prompt_of))
        return cls(*(tensor.to(device) for tensor in moved), leaders)

    def model_inputs(self, input_ids: Tensor, position_ids: Tensor) -> dict[str, Any]:
        """The packed row for the model.

        Args:
            input_ids: (B, jagged). position_ids: (B, jagged), or (B, 4, jagged) for text and vision positions.
        """
        positions = position_ids.values()[..., self.tokens_T]
        return {
            "input_ids": input_ids.values()[self.tokens_T].unsqueeze(0),
            "position_ids": positions.unsqueeze(-2),
            # transformers passes a mask of four dimensions on as it is and builds none of T x T; `attend` reads neither
            "attention_mask": torch.ones(1, 1, 1, 1, dtype=torch.bool, device=positions.device),
            ATTENTION: self,
        }


def _padded(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Rows of indices -> (padded on the right with 0, where they are)."""
    lengths = torch.tensor([len(row) for row in rows])
    return pad_sequence(rows, batch_first=True), torch.arange(int(lengths.max())) < lengths.unsqueeze(1)


def attend(
    module: nn.Module,
    query_1HTD: Tensor,
    key_1KTD: Tensor,
    value_1KTD: Tensor,
    attention_mask: Tensor | None,
    shared_prompts: SharedPrompts | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """transformers' SDPA attention; with `shared_prompts` over packed tokens.  Returns ((1, T, heads, dim), None)."""
    if shared_prompts is None:
        return sdpa_attention_forward(module, query_1HTD, key_1KTD, value_1KTD, attention_mask, **kwargs)
    places = shared_prompts

    def rows(packed_1HTD: Tensor, where: Tensor) -> Tensor:
        """(1, H, T, D), (rows, length) -> (rows, H, length, D)."""
        return packed_1HTD[0][:, where].transpose(0, 1)

    # Padding is on the right, so a causal mask hides it from every token that counts.
    prompt_keys, prompt_values = (rows(packed, places.prompts_QP) for packed in (key_1KTD, value_1KTD))
    of_prompts, _ = sdpa_attention_forward(
        module, rows(query_1HTD, places.prompts_QP), prompt_keys, prompt_values, None, **(kwargs | {"is_causal": True})
    )
    found = of_prompts[places.has_prompt_QP]
    longest = places.answers_BR.shape[1]
    if longest:
        sequences = len(places.prompt_of_B)
        sees_prompt = places.has_prompt_QP[places.prompt_of_B][:, None, None].expand(-1, 1, longest, -1)
        sees_answer = torch.ones(longest, longest, dtype=torch.bool, device=sees_prompt.device).tril()
        mask = torch.cat([sees_prompt, sees_answer.expand(sequences, 1, -1, -1)], dim=-1)
        keys, values = (
            torch.cat([of_prompt[places.prompt_of_B], rows(packed, places.answers_BR)], dim=2)
            for of_prompt, packed in ((prompt_keys, key_1KTD), (prompt_values, value_1KTD))
        )
        of_answers, _ = sdpa_attention_forward(
            module, rows(query_1HTD, places.answers_BR), keys, values, mask, **kwargs
        )
        found = torch.cat([found, of_answers[places.has_answer_BR]])
    return found.unsqueeze(0), None


AttentionInterface.register(ATTENTION, attend)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def share_prompts(micro_batch: TensorDict) -> tuple[SharedPrompts, dict[str, Any]]:
    """The layout of a micro-batch, and the model's inputs of its distinct images.

    In RL the answers to one question about one image share their prompt.  In SFT, which has no `prompts`, the rows
    about one image share the tokens that they begin with alike.
    """
    sequences = [row.tolist() for row in micro_batch["input_ids"].unbind()]
    images = [
        image.data if isinstance(image, NonTensorData) else image
        for image in micro_batch.get("multi_modal_inputs", [None] * len(sequences))
    ]
    digests: dict[tuple, bytes] = {}
    keys: list[Hashable] = [_image_key(image, digests) if image else number for number, image in enumerate(images)]
    if "prompts" in micro_batch:
        prompts = [tuple(prompt.tolist()) for prompt in micro_batch["prompts"].unbind()]
        keys = list(zip(keys if any(images) else [None] * len(prompts), prompts, strict=True))
        lengths = [len(prompt) for prompt in prompts]
    else:
        lengths = _common_lengths(sequences, keys)
    shared = SharedPrompts.of(micro_batch["input_ids"].offsets(), lengths, keys)
    return shared, extract_multi_modal_inputs([image or {} for image in images], shared.leaders_Q)


def _common_lengths(sequences: list[list[int]], keys: Sequence[Hashable]) -> list[int]:
    """For each sequence, with how many tokens all sequences of its key begin alike; without the last token of any."""
    groups: dict[Hashable, list[list[int]]] = {}
    for key, tokens in zip(keys, sequences, strict=True):
        groups.setdefault(key, []).append(tokens[:-1])
    lengths = {}
    for key, group in groups.items():
        first, last = min(group), max(group)  # what these two begin with alike, all between them do
        pairs = enumerate(zip(first, last, strict=False))
        lengths[key] = next((place for place, (a, b) in pairs if a != b), len(first))
    return [lengths[key] for key in keys]


def _image_key(image_inputs: dict[str, Any], known: dict[tuple, bytes]) -> Hashable:
    """What tells one image from another; `known` has the digests of the tensors seen so far."""
    return tuple((name, _digest(value, known)) for name, value in sorted(image_inputs.items()) if value is not None)


def _digest(value: Any, known: dict[tuple, bytes]) -> Hashable:
    if not isinstance(value, Tensor):
        return repr(value)
    place = (value.data_ptr(), value.shape, value.stride(), value.dtype)  # the rows of a group often share a tensor
    if place not in known:
        digest = hashlib.blake2b(repr(place[1:]).encode(), digest_size=16)
        digest.update(value.detach().contiguous().cpu().view(torch.uint8).numpy())
        known[place] = digest.digest()
    return known[place]
