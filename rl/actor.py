"""verl's actor worker, with our FSDP engine registered in its process."""

from verl.workers.engine_workers import ActorRolloutRefWorker


class PolygonActorWorker(ActorRolloutRefWorker):
    def __init__(self, *args, **kwargs):
        import hardware.fsdp_engine  # noqa: F401 - registers the engine

        super().__init__(*args, **kwargs)
