"""The composer: weighted sum, configuration errors, the committed recipes; and for any text at all, terms in [0, 1]."""

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from polygon import Codec, Mask, Target, UserError, rle_encode
from rewards import TERMS, Rewards
from rewards.iou import MaskIoU

CODEC = Codec()
SIZE = 64
CONF = Path(__file__).parents[2] / "conf"
RECIPES = sorted(path.stem for path in (CONF / "rewards").glob("*.yaml"))
ALL_TERMS = Rewards({name: {"weight": weight} for weight, name in enumerate(TERMS, start=1)}, CODEC)


def target(kind, *, empty=False):
    mask_HW = np.zeros((SIZE, SIZE), dtype=bool)
    mask_HW[10:40, 20:50] = not empty
    box = None if empty else (20 / SIZE, 10 / SIZE, 50 / SIZE, 40 / SIZE)
    return Target(kind=kind, task=f"text2{kind}", height=SIZE, width=SIZE, rle=rle_encode(mask_HW), box=box)


TARGETS = [target(kind, empty=empty) for kind in ("mask", "box", "point") for empty in (False, True)]

coordinate = st.one_of(
    st.floats(0, 1).map("{:.3f}".format), st.sampled_from(["2", "-1", "1e308", "NaN", "٣", "0.", ""])
)
answer_like = st.recursive(
    coordinate, lambda inner: st.lists(inner, max_size=6).map(lambda parts: f"[{', '.join(parts)}]"), max_leaves=40
)
ring = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=12).map(np.array)
well_formed = st.lists(ring, max_size=4).map(lambda rings: CODEC.format(Mask(tuple(rings))))
texts = st.one_of(st.text(), st.text(alphabet="[]0.1, -e5\n"), answer_like, well_formed)


@given(text=texts, gold=st.sampled_from(TARGETS))
def test_any_text_has_terms_in_0_1_and_their_weighted_sum(text, gold):
    score = ALL_TERMS.score(text, gold)
    present = {name: value for name, value in score.terms.items() if value is not None}
    assert set(present) == {name for name, term in TERMS.items() if gold.kind in term.applies_to}
    assert all(0.0 <= value <= 1.0 for value in present.values())
    assert score.total == pytest.approx(sum(ALL_TERMS.weights[name] * value for name, value in present.items()))
    assert (score.total == 0.0) or score.failure is None
    assert score.metrics().keys() == ALL_TERMS.score("[]", TARGETS[0]).metrics().keys()


def test_a_response_is_parsed_and_rasterised_once(monkeypatch):
    calls = []
    read = Codec.parse
    monkeypatch.setattr(Codec, "parse", lambda *args: calls.append("parse") or read(*args))
    rasterise = Codec.rasterise
    monkeypatch.setattr(Codec, "rasterise", lambda *args: calls.append("rasterise") or rasterise(*args))
    gold = target("mask")
    ALL_TERMS.score(CODEC.text(gold.mask), gold)
    assert calls == ["parse", "rasterise"]


def test_metrics_say_absent_as_none():
    metrics = ALL_TERMS.score("[0.500, 0.500]", target("point")).metrics()
    assert metrics["reward/point_in_mask"] == 1.0
    assert metrics["reward/iou"] is metrics["vertices"] is None
    assert (metrics["strict"], metrics["parse_failure"], metrics["n_answers"]) == (1.0, 0.0, 1.0)


def test_weight_zero_only_logs_and_null_removes():
    rewards = Rewards({"iou": {"weight": 0}, "format": {"weight": 0.1}, "distance": None}, CODEC)
    score = rewards.score(CODEC.text(target("mask").mask), target("mask"))
    assert score.terms.keys() == {"iou", "format"}
    assert score.terms["iou"] > 0.9
    assert score.total == pytest.approx(0.1)


def test_a_term_of_ones_own_by_target_path():
    recipe = {"hard": {"_target_": "rewards.iou.MaskIoU", "threshold": 0.5, "weight": 2.0}}
    rewards = Rewards(recipe, CODEC)
    assert isinstance(rewards.terms["hard"], MaskIoU)
    assert rewards.score(CODEC.text(target("mask").mask), target("mask")).total == 2.0
    assert recipe["hard"]["weight"] == 2.0


@pytest.mark.parametrize(
    ("recipe", "named"),
    [
        ({"iuo": {"weight": 1.0}}, ["rewards.iuo", "iou, distance, format, length, boundary, box_iou, point_in_mask"]),
        ({"iou": {"weight": 1.0, "treshold": 0.5}}, ["rewards.iou", "'treshold'", "threshold"]),
        ({"iou": {"weight": "high"}}, ["rewards.iou", "'high'"]),
        ({"iou": {"weight": float("nan")}}, ["rewards.iou", "nan"]),
        ({"iou": {"weight": 1.0, "threshold": "high"}}, ["rewards.iou", "'str'"]),
        ({"iou": {}}, ["rewards.iou", "weight"]),
        ({"iou": 1.0}, ["rewards.iou", "1.0"]),
        ({"mine": {"_target_": "rewards.iou.MaskUoI", "weight": 1.0}}, ["rewards.mine", "rewards.iou.MaskUoI"]),
        ({"mine": {"_target_": "nowhere.Term", "weight": 1.0}}, ["rewards.mine", "nowhere.Term"]),
        ({"mine": {"_target_": "os.system", "weight": 1.0}}, ["rewards.mine", "os.system"]),
        ({"iou": None}, ["no term is left"]),
    ],
)
def test_a_wrong_recipe_is_named_in_one_line(recipe, named):
    with pytest.raises(UserError) as error:
        Rewards(recipe, CODEC)
    assert "\n" not in str(error.value)
    for part in named:
        assert part in str(error.value)


def test_a_target_no_term_applies_to_is_an_error_rather_than_a_silent_zero():
    with pytest.raises(UserError, match=r"iou applies to box answers \(task text2box\).*box_iou"):
        Rewards({"iou": {"weight": 1.0}}, CODEC).score("[0.1, 0.1, 0.2, 0.2]", target("box"))


def composed(*overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_container(compose(overrides=list(overrides)), resolve=True)["rewards"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_committed_recipe_composes_and_covers_every_kind(recipe):
    rewards = Rewards(composed(f"+rewards={recipe}"), CODEC)
    assert {kind for term in rewards.terms.values() for kind in term.applies_to} == {"mask", "box", "point"}
    for name in rewards.terms:
        assert name in rewards.table()


def test_recipes_hold_what_their_names_say():
    weights = {name: Rewards(composed(f"+rewards={name}"), CODEC).weights for name in RECIPES}
    default = {"iou": 1.0, "distance": 0.2, "format": 0.1, "box_iou": 1.0, "point_in_mask": 1.0}
    assert weights == {
        "simpleseg": default,
        "iou_only": {"iou": 1.0, "box_iou": 1.0, "point_in_mask": 1.0},
        "iou_format": {"iou": 1.0, "format": 0.1, "box_iou": 1.0, "point_in_mask": 1.0},
        "hard_iou": {**default, "iou": 0.0, "hit": 1.0},
        "with_boundary": {**default, "boundary": 0.5},
        "with_length_penalty": {**default, "length": 0.2},
    }


def test_terms_are_removed_and_added_on_the_command_line():
    added = ("+rewards/term@rewards.length=length", "+rewards.length.weight=0.3")
    rewards = Rewards(composed("+rewards=simpleseg", "rewards.distance=null", *added), CODEC)
    assert rewards.weights == {"iou": 1.0, "format": 0.1, "box_iou": 1.0, "point_in_mask": 1.0, "length": 0.3}


def test_every_term_file_is_in_use_or_known():
    stems = {path.stem for path in (CONF / "rewards" / "term").glob("*.yaml")}
    assert stems == set(TERMS)
