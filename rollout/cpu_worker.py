"""vLLM's worker on a CPU, taught to take new weights while it runs.

Why: on a CPU vLLM packs linear weights and drops the originals, so verl's `load_weights` on a running engine fails
(`'Parameter' object has no attribute 'weight_loader'`). vLLM's own `reload_weights` packs them anew.
How: `conf/hardware/cpu.yaml` names this class as `worker_extension_cls`; GPU runs keep verl's.
"""

import torch
from verl.workers.rollout.vllm_rollout.bucketed_weight_transfer import BucketedWeightReceiver
from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension
from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead


class CpuWorkerExtension(vLLMColocateWorkerExtension):
    """verl's worker extension, with weights received whole and handed to vLLM's `reload_weights`.

    Whole: `rl.preflight` refuses LoRA on a CPU, so `peft_config` is never set.
    """

    def update_weights_from_ipc(self, peft_config: dict | None = None, base_sync_done=False, use_shm: bool = False):
        weights: list[tuple[str, torch.Tensor]] = []

        def keep(bucket, is_last: bool) -> None:
            # Clones: the tensors are views into a shared-memory segment that is closed right after.
            weights.extend((name, tensor.clone()) for name, tensor in bucket)

        receiver = BucketedWeightReceiver(
            zmq_handle=self._get_zmq_handle(), device=torch.device("cpu"), use_shm=use_shm
        )
        receiver.receive_weights(on_bucket_received=keep)
        self.reload(weights)

    def reload(self, weights: list[tuple[str, torch.Tensor]]) -> None:
        """Replace the model's weights by (Hugging Face name, tensor) pairs; all of them in one call."""
        self.model_runner.reload_weights(weights_iterator=iter(weights))
        # A head tied to the embedding has no weights of its own to load, so vLLM 0.28 leaves it packed as it was:
        # without this, rollouts sample from the old head.
        for module in self.model_runner.get_model().modules():
            if isinstance(module, ParallelLMHead):
                module.quant_method.process_weights_after_loading(module)
