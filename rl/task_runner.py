"""The Ray actor that runs training: verl's, with our trainer under the mode `sync` and our server of rollouts."""

import ray
from verl.trainer.main_ppo import TaskRunnerV1


@ray.remote
class PolygonTaskRunner(TaskRunnerV1.__ray_metadata__.modified_class):
    """verl's task runner. Other modes than `sync` change the data loader too: the name stays, its trainer changes."""

    def run(self, config) -> None:
        # Imported here: Ray sends an actor's class by value, and with it would go a copy of verl's registry.
        from verl.trainer.ppo.v1.trainer_base import TRAINER_REGISTRY

        from rl.trainer import PolygonTrainer
        from rollout import vllm_server

        TRAINER_REGISTRY["sync"] = PolygonTrainer
        vllm_server.register()
        super().run(config)
