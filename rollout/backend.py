"""`backend=vllm`, `transformers` or `openai`: opened by name, so that each needs only what it imports itself."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from polygon import UserError
from rollout.request import Backend, Sampling


def open_backend(config: DictConfig, folder: Path | None, sampling: Sampling) -> Backend:
    """The backend of the node `backend`, running the model of `vlm` on `hardware`; the environment is set.

    Args:
        folder: a checked model folder; None for a server, which has its own model.
    Raises UserError for a backend that is not installed, not reachable, or cannot do what is asked.
    """
    options: Any = OmegaConf.to_container(config.backend, resolve=True)
    name = options.pop("name")
    if sampling.grammar is not None and name != "vllm":
        raise UserError(f"grammar=true needs backend=vllm; backend={name} cannot hold answers to a grammar")
    if folder is None:
        from rollout.openai_backend import OpenAIBackend

        return OpenAIBackend(sampling, stop=OmegaConf.select(config, "vlm.stop") or (), **options)
    try:
        return _local(name, config, folder, sampling, options)
    except ModuleNotFoundError as error:
        raise UserError(f"backend={name} needs the module {error.name}, which is not installed: make setup") from error
    except (ValueError, LookupError, AssertionError, RuntimeError, OSError, ImportError) as error:
        # Weights that do not fit, an unknown architecture, too little memory: the types tell nothing apart.
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        if "trust_remote_code" in str(error) and not config.vlm.trust_remote_code:
            raise UserError(
                f"the model in {folder} brings Python code of its own, which would run here with your rights: "
                f"read its *.py files, then set vlm.trust_remote_code=true"
            ) from error
        if isinstance(error, ImportError) and config.vlm.trust_remote_code:
            raise UserError(
                f"the Python code that the model in {folder} brings does not run here ({reason}): it was written for "
                f"another transformers; serve the model with that one (`vllm serve`) and set backend=openai"
            ) from error
        raise UserError(
            f"backend={name} cannot start the model in {folder}: {reason}; "
            f"check that its weights fit its config.json and this machine, or try another backend"
        ) from error


def _local(name: str, config: DictConfig, folder: Path, sampling: Sampling, options: dict[str, Any]) -> Backend:
    vlm, hardware = config.vlm, config.hardware
    options |= {"max_prompt_length": vlm.max_prompt_length, "trust_remote_code": vlm.trust_remote_code}
    if name == "transformers":
        from rollout.transformers_backend import TransformersBackend

        place = {"device": hardware.device, "dtype": hardware.rollout.dtype, "attention": hardware.attention}
        return TransformersBackend(folder, sampling, external_lib=vlm.external_lib, **place, **options)
    from rollout.vllm_backend import VllmBackend

    engine = {
        "dtype": hardware.rollout.dtype,
        "enforce_eager": hardware.rollout.enforce_eager,
        "tensor_parallel_size": hardware.rollout.tensor_parallel,
        **options.pop("engine"),
    }
    return VllmBackend(folder, sampling, max_num_seqs=hardware.rollout.max_num_seqs, engine=engine, **options)
