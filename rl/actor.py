"""verl's actor worker, with our FSDP engine registered in its process, and with the images of its answers."""

from tensordict import TensorDict
from verl.single_controller.base.decorator import make_nd_compute_dataproto_dispatch_fn, register
from verl.utils.tensordict_utils import get
from verl.workers.engine_workers import ActorRolloutRefWorker

from hardware.answer_logits import LOG_PROB_GAP
from rollout.image_store import with_images


class PolygonActorWorker(ActorRolloutRefWorker):
    def __init__(self, *args, **kwargs):
        import hardware.fsdp_engine  # noqa: F401 - registers the engine

        super().__init__(*args, **kwargs)

    @register(dispatch_mode=make_nd_compute_dataproto_dispatch_fn(mesh_name="actor"))
    def compute_log_prob(self, data: TensorDict) -> TensorDict | None:
        return super().compute_log_prob(with_images(data))

    @register(dispatch_mode=make_nd_compute_dataproto_dispatch_fn(mesh_name="ref"))
    def compute_ref_log_prob(self, data: TensorDict) -> TensorDict | None:
        return super().compute_ref_log_prob(with_images(data))

    @register(dispatch_mode=make_nd_compute_dataproto_dispatch_fn(mesh_name="actor"))
    def update_actor(self, data: TensorDict) -> TensorDict | None:
        output = super().update_actor(with_images(data))
        if output is not None:
            metrics = get(output, "metrics")
            metrics[LOG_PROB_GAP] = metrics[LOG_PROB_GAP][:1]  # of the first mini-batch, before any step
        return output
