"""A model's answer about a photo, or about every photo of a folder: as text, as JSON, and drawn over the photo.

    python -m rollout.predict image=photo.jpg expression="the dog on the left"
    python -m rollout.predict image=photos task=text2box expression="the dog" vlm=qwen2_5_vl_7b backend=vllm
    python -m rollout.predict image=photo.jpg task=point2mask point=[0.4,0.6]
    python -m rollout.predict image=photo.jpg task=box2mask box=[0.1,0.2,0.5,0.9]
    python -m rollout.predict image=photo.jpg expression="the dog" backend=openai backend.url=http://127.0.0.1:8000/v1
    python -m rollout.predict image=photo.jpg expression="the dog" vlm=simpleseg_qwen2_5_vl codec=reference backend=vllm

The committed tiny model, which knows coloured shapes of 128 x 128 px and nothing else, is the default, so that the
command works at once. Photos that cannot be read are named and left out. rollout/answer_record.py says what is written.
"""

import re
import sys
from itertools import chain
from pathlib import Path

from omegaconf import DictConfig

from conf import command
from hardware.environment import apply_environment
from polygon import Answer as Parsed
from polygon import Codec, Mask, UserError
from rollout.answer_record import write_answer
from rollout.backend import open_backend
from rollout.generate import check_room, checked_sampling
from rollout.photo import find_photos, photo_samples
from rollout.question import Question
from rollout.request import pending_requests
from vlm.checkpoint import find_model

WORDS = ("expression", "question", "image", "output")
"""Settings whose value is what stands behind `=`, word for word."""
_BEFORE_QUOTE = re.compile(r'(\\*)("|$)')  # only there does a backslash mean something to Hydra
PROMPT_TOKENS = 512
"""Room for an expression that is longer than those of the training, and that the tiny model still has."""


@command("predict")
def main(config: DictConfig) -> None:
    try:
        predict(config)
    except KeyboardInterrupt:
        sys.exit(130)


def predict(config: DictConfig) -> None:
    """Answer about the photos that `config` (conf/predict.yaml) names; prints, and writes below `output`.

    Raises UserError for settings that do not fit, and where no photo can be read.
    """
    if config.image is None:
        raise UserError("name a photo or a folder of photos: image=photo.jpg")
    if config.max_pixels is not None and (type(config.max_pixels) is not int or config.max_pixels < 1):
        raise UserError(f"max_pixels is {config.max_pixels!r}; it is a whole number from 1, or null")
    question, codec = Question.from_config(config), Codec.from_config(config.codec)
    config.vlm.max_prompt_length = max(config.vlm.max_prompt_length, PROMPT_TOKENS)
    sampling = checked_sampling(config)
    photos = find_photos(config.image)[: config.limit]
    bad: dict[Path, str] = {}
    samples = photo_samples(photos, question, config.max_pixels, bad)
    requests = pending_requests(samples, config.draws, config.seed, set())
    if (first := next(requests, None)) is None:
        raise UserError(f"image={config.image}: no photo can be read ({next(iter(bad.values()))}); give another")

    apply_environment(config)
    folder = None if config.backend.name == "openai" else find_model(config.vlm.path)
    if folder is not None:
        check_room(config)
    backend = open_backend(config, folder, sampling)
    model = str(config.vlm.path if folder else config.backend.url)
    for request, answer in backend.answers(chain([first], requests)):
        parsed = codec.parse(answer.text, request.kind, "all")
        name = Path(request.sample.sample_id).name + (f".{request.draw}" if config.draws > 1 else "")
        files = write_answer(Path(config.output), name, request, answer, parsed, codec, model)
        print(_printable(answer.text if len(photos) * config.draws == 1 else f"{name}: {answer.text}"))
        print(f"{_said(parsed)}; written to {', '.join(map(str, files))}", file=sys.stderr)
    for reason in bad.values():
        print(f"left out: {reason}", file=sys.stderr)


def _said(parsed: Parsed) -> str:
    if parsed.region is None:
        return f"no {parsed.kind} could be read in this answer ({parsed.failure})"
    if isinstance(parsed.region, Mask):
        count = len(parsed.region.polygons)
        rings = f"{count} ring{'s' if count > 1 else ''}"
        return f"a mask of {rings} and {parsed.region.n_vertices} vertices" if count else "no such object"
    return f"a {parsed.kind}"


def _printable(text: str) -> str:
    """Without control characters, which could drive a terminal."""
    return "".join(character if character.isprintable() or character == "\n" else "\ufffd" for character in text)


def word_for_word(arguments: list[str]) -> list[str]:
    """Command-line arguments with the values of WORDS quoted as Hydra wants them: "the dog's tail" needs no escapes."""
    quoted = []
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key in WORDS and value and value != "null" and value[0] not in "'\"":
            escaped = _BEFORE_QUOTE.sub(lambda found: 2 * found[1] + ('\\"' if found[2] else ""), value)
            argument = f'{key}="{escaped}"'
        quoted.append(argument)
    return quoted


if __name__ == "__main__":
    sys.argv[1:] = word_for_word(sys.argv[1:])
    main()
