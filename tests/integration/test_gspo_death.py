"""vLLM's engine is killed in the middle of a run: no hang, no orphan, and the run can be continued (test_gspo.py)."""


def test_the_run_ends_and_says_who_died(gspo):
    assert gspo.exit_code == 1
    error = gspo.console[gspo.console.index("\nerror: ") :]
    assert error.startswith("\nerror: VLLM::EngineCore (pid ")
    assert ") died while the run was going on\n" in error
    assert "\n--- last lines of " in error


def test_nothing_is_left(gspo):
    assert gspo.left[0] == []
    assert gspo.shared_memory == set()
