"""`RaySession.result`: bad input found by a worker arrives as its one line, everything else as Ray has it."""

import pytest
import ray
from hydra.errors import InstantiationException
from ray.exceptions import RayTaskError

from polygon import UserError
from rl.ray_session import RaySession


def task_error(cause: Exception) -> RayTaskError:
    return RayTaskError("run", "a long traceback", cause, proctitle="ray::run", pid=1, ip="127.0.0.1")


@pytest.mark.parametrize("cause", [UserError("no row is left"), InstantiationException("no such key")])
def test_bad_input_is_raised_as_it_was(cause, monkeypatch):
    inner = task_error(cause).as_instanceof_cause()
    for error in (inner, task_error(inner).as_instanceof_cause()):  # from a worker, and from one that asked another
        monkeypatch.setattr(ray, "get", lambda run, error=error: (_ for _ in ()).throw(error))
        with pytest.raises(type(cause)) as raised:
            RaySession().result(None)
        assert str(raised.value) == str(cause)


def test_anything_else_keeps_its_tracebacks(monkeypatch):
    error = task_error(ValueError("a bug")).as_instanceof_cause()
    monkeypatch.setattr(ray, "get", lambda run: (_ for _ in ()).throw(error))
    with pytest.raises(ValueError, match="a long traceback"):
        RaySession().result(None)
