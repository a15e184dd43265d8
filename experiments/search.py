"""Reward weights and clip range by Optuna, a GSPO run for each trial.

    python -m experiments.search trials=12
    python -m experiments.search trials=4 +train.trainer.total_training_steps=10

Maximises the held-out IoU after training: all trials see the same questions, in training too, so they compare in pairs.
What is found best was chosen by those questions: score it on another split. The study is a file in `out` (Optuna's
journal); a search that was stopped goes on, the trial it was at is done again. Hydra's own Optuna sweeper has had no
release since 2022 and wants an Optuna of that year.
"""

from pathlib import Path

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial, TrialState

from conf import command
from experiments.jobs import Job, as_words, run
from experiments.runs import find_runs
from polygon import UserError


@command("search")
def main(config: DictConfig) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    study = open_study(config, out / "study.journal")
    failed = []
    while (number := len(study.get_trials(states=[TrialState.COMPLETE]))) + len(failed) < config.trials:
        trial = study.ask()
        chosen = overrides(config, trial)
        print(f"{number + 1}/{config.trials}  {said(trial.params)}", flush=True)
        try:
            score = train(config, out / f"trial-{trial.number}", chosen)
        except UserError as error:
            study.tell(trial, state=TrialState.FAIL)
            failed.append(f"trial {trial.number}: {error}")
            print(f"     failed: {error}", flush=True)
            continue
        study.tell(trial, score)
        print(f"     held-out IoU {score:.4f}", flush=True)
    for trial in sorted(study.get_trials(states=[TrialState.COMPLETE]), key=lambda trial: -trial.value):
        print(f"{trial.value:.4f}  {said(trial.params)}")
    if failed:
        raise UserError(f"{len(failed)} trials failed: {'; '.join(failed)}")


def open_study(config: DictConfig, file: Path) -> optuna.Study:
    """The study in that file, a new one if there is none; a trial that a kill left open is put in line again."""
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(file))),
        study_name=config.name,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=config.seed),
        load_if_exists=True,
    )
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)
    return study


def overrides(config: DictConfig, trial: Trial) -> list[str]:
    """What `rl.train` is told of a trial's numbers."""
    found = []
    for name, choice in config.space.items():
        number = trial.suggest_float(name, choice.low, choice.high, log=choice.log)
        found += [f"{key}={number:.6g}" for key in choice.sets]
    return found


def every_run(config: DictConfig) -> list[str]:
    """What `rl.train` is told in each trial."""
    return as_words(OmegaConf.to_container(config.train))


def train(config: DictConfig, folder: Path, chosen: list[str]) -> float:
    """The held-out IoU at the end of a run. Raises UserError for one that fails or has none."""
    named = (f"name={config.name}", f"arm={folder.name}", f"seed={config.seed}", f"run_dir={folder}")
    run(Job(folder / "train.log", "rl.train", (*every_run(config), *chosen, *named)))
    (done,) = find_runs(folder)
    if not done.held_out_iou:
        raise UserError(
            f"{folder} has no held-out IoU to maximise: keep the reward iou, with weight 0 if need be, and a validation"
        )
    return done.held_out_iou[max(done.held_out_iou)]


def said(numbers: dict[str, float]) -> str:
    return "  ".join(f"{name} {number:.4g}" for name, number in numbers.items())


if __name__ == "__main__":
    main()
