"""SimpleSegRewardManager: the `rewards` and `codec` of the composed configuration inside verl's reward loop.

verl makes one in each reward worker and gives it the whole run's configuration. Overrides that select it
(conf/rl.yaml sets them):

    reward.reward_manager.source=importlib
    reward.reward_manager.name=SimpleSegRewardManager
    reward.reward_manager.module.path=pkg://rewards.verl_manager

Every row returns the same keys, as verl requires; a value that does not exist for a row (a term that does not apply,
the vertices of a box) is None, which verl's validation leaves out of its means
(metric_utils.process_validation_metrics). verl logs nothing of this during training: see rewards/group_stats.py.
"""

from typing import Any

import torch
from omegaconf import DictConfig
from verl import DataProto
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from polygon import Codec, Target
from rewards.composer import Rewards
from vlm.end_tokens import end_token_ids


class SimpleSegRewardManager(RewardManagerBase):
    """Decodes a response, scores it against `reward_model.ground_truth` (Target JSON) and reports every raw term."""

    def __init__(self, config: DictConfig, tokenizer: Any, compute_score: Any, **reward_model: Any):
        """compute_score and reward_model (router address, tokenizer) are verl's other ways to a reward; unused here."""
        super().__init__(config, tokenizer, compute_score)
        self.tokenizer: Any = tokenizer
        self.rewards = Rewards(config.rewards, Codec.from_config(config.codec))
        self.end_ids = {*end_token_ids(tokenizer), tokenizer.pad_token_id} - {None}

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        """Score the last row of `data` -> {"reward_score": total, "reward_extra_info": `Score.metrics()`}."""
        row = data[-1]
        responses_T = row.batch["responses"]
        length = int(row.batch["attention_mask"][-len(responses_T) :].sum())
        target = Target.from_json(row.non_tensor_batch["reward_model"]["ground_truth"])
        score = self.rewards.score(self.decode(responses_T[:length]), target)
        return {"reward_score": score.total, "reward_extra_info": score.metrics()}

    def decode(self, tokens_T: torch.Tensor) -> str:
        """Tokens -> text without trailing end and padding tokens.

        Other special tokens stay in the text: they are no part of an answer, and the parser should see that.
        """
        ids = tokens_T.tolist()
        while ids and ids[-1] in self.end_ids:
            ids.pop()
        return self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
