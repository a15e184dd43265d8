"""The tiny model's own tokenizer: text in, text out, two tokens a vertex.

What: a byte-level tokenizer (every string is representable) plus one token for each string that answers are made of,
as a byte-pair encoding trained on such answers would merge them: `[[[0.12`, `, 0.34`, `], [0.56`, ..., `]]]`, and one
for each word of the questions. Nothing is special about these tokens: the text is the same for every model.
Why: on 2 CPU cores the length of a sequence is the cost of a sample. The Qwen tokenizer spends 14 tokens a vertex.
Further digits cost one byte token each, so 3 decimals also work.
"""

from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PAD, END = "<|endoftext|>", "<|im_end|>"
SPECIAL = [PAD, "<|im_start|>", END, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def answer_strings() -> list[str]:
    """Every string of an answer at 2 decimals that becomes one token: an opener or joiner with the number after it."""
    numbers = [f"0.{i:02d}" for i in range(100)] + ["1.00"]
    joined = [opener + number for opener in ("[[[", "], [", "]], [[", "[", ", ") for number in numbers]
    return [*joined, "]]]", "[]"]


def build_tokenizer(words: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer whose vocabulary is the special tokens, 256 bytes, the answers' strings and `words`.

    Args:
        words: words of the questions; each gets one token with a leading space and one without.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    whole = [*answer_strings(), "user\n", "assistant\n"]
    whole += [prefix + word for word in sorted(set(words)) for prefix in ("", " ") if len(prefix + word) > 1]
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in whole])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        chat_template=CHAT_TEMPLATE,
        extra_special_tokens={
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_start_token": "<|vision_start|>",
            "vision_end_token": "<|vision_end|>",
        },
        clean_up_tokenization_spaces=False,
        model_max_length=1024,
    )
