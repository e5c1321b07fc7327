"""The training loop: two stages, a finite-value check with roll-back, states to resume from."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from partnerface.avatar.model import Avatar
from partnerface.config.settings import TrainSettings
from partnerface.errors import StoppedError, TrainingError
from partnerface.progress import Progress
from partnerface.training.objective import Objective
from partnerface.training.optimiser import Optimiser
from partnerface.training.ranks import Ranks
from partnerface.training.sampler import RaySampler

LOG_EVERY = 25
SNAPSHOT_EVERY = 50
#: Empty voxels are dropped every so many steps, once the field has had a first idea of the head.
REFRESH_EVERY, REFRESH_FROM = 16, 32
#: The first steps, before empty space is known, take samples this many times farther apart.
COARSE, COARSE_SHARE = 2.0, 0.1
MAX_ROLL_BACKS = 8
MAX_GRADIENT = 10.0
RISE_STEPS = 50


@dataclass
class Progressed:
    """Where a training stands.

    Attributes:
        step: steps done. seconds: time they took. roll_backs: how often it went back. rate: factor on the learning
        rates, halved at each roll-back. log: one dict per logged step.
    """

    step: int
    seconds: float
    roll_backs: int
    rate: float
    log: list[dict[str, Any]]


class Trainer:
    """Trains an avatar.

    Args:
        avatar: untrained, or to be overwritten by `restore`.
        sampler: where rays come from; heldout: rays of held-out frames, only ever looked at for the log.
        settings: of the training.
        ranks: the processes that share it.
    """

    def __init__(
        self,
        avatar: Avatar,
        sampler: RaySampler,
        heldout: RaySampler | None,
        settings: TrainSettings,
        ranks: Ranks | None = None,
    ):
        self.avatar, self.sampler, self.heldout, self.settings = avatar, sampler, heldout, settings
        self.ranks = ranks or Ranks()
        dataset = sampler.dataset
        self.objective = Objective(
            avatar, dataset.motion, dataset.camera, dataset.background, settings, self.ranks.mean
        )
        self._shared = self.ranks.shared(self.objective)

        def named(part: str) -> dict[str, Tensor]:
            return {name: value for name, value in avatar.named_parameters() if name.split(".")[0] == part}

        field = named("field")
        table = {"field.table": field.pop("field.table")}
        self.optimiser = Optimiser(
            [
                (settings.rate_grid, table),
                (settings.rate_field, field),
                (settings.rate_deformation, named("deformation")),
                (settings.rate_calibration, named("calibration")),
                # A small part of the rays meets them, so that all of it learns as fast as the grid.
                (settings.rate_grid, named("shoulders")),
            ]
        )
        self.at = Progressed(0, 0.0, 0, 1.0, [])

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, of types that torch loads without running code."""
        return {
            "avatar": self.avatar.state_dict(),
            # Which voxels are live is found anew every few steps only; until then it stays what it was.
            "grids": [self.avatar.occupancy.reachable, self.avatar.occupancy.live],
            "optimiser": self.optimiser.state(),
            "progress": vars(self.at).copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.avatar.load_state_dict(state["avatar"])
        self.avatar.occupancy.reachable, self.avatar.occupancy.live = (grid.clone() for grid in state["grids"])
        self.optimiser.restore(state["optimiser"])
        self.at = Progressed(**copy.deepcopy(state["progress"]))

    def _learning_rate(self, step: int) -> float:
        rise = min((step + 1) / RISE_STEPS, 1.0)
        fall = self.settings.final_rate ** (step / max(self.settings.steps, 1))
        return rise * fall * self.at.rate

    def step(self) -> dict[str, float]:
        """One optimisation step: the loss terms, the gradient's norm and the number of samples, of all processes.

        Where one of them is not finite, nothing was changed.
        """
        settings, step = self.settings, self.at.step
        hard = step < settings.warm_up * settings.steps
        batch = self.sampler.batch(step, self.at.roll_backs).share(self.ranks.rank, self.ranks.size)
        terms, (points, canonical, weight) = self._shared(batch, hard)
        self.optimiser.clear()
        torch.stack(list(terms.values())).sum().backward()
        norm = self.optimiser.norm()
        counted = [*terms.values(), norm, norm.new_tensor(len(weight))]
        told = self.ranks.mean(torch.stack([value.detach() for value in counted])).tolist()
        told[-1] *= self.ranks.size
        if all(map(math.isfinite, told)):
            memory = min(settings.average, (step + 1) / (step + 10))
            self.optimiser.step(self._learning_rate(step), min(1.0, MAX_GRADIENT / max(told[-2], 1e-6)), memory)
            self.avatar.occupancy.observe(points, canonical, weight, self.ranks.maximum)
            if step >= REFRESH_FROM and step % REFRESH_EVERY == 0:
                self.avatar.occupancy.refresh()
        return dict(zip((*terms, "gradient", "samples"), told, strict=True))

    @torch.no_grad()
    def _heldout_psnr(self) -> float | None:
        """PSNR pooled over some rays of held-out frames: for the curve alone, nothing is chosen by it."""
        if self.heldout is None:
            return None
        batch = self.heldout.batch(0)
        rendering = self.objective.render(batch, self.at.step < self.settings.warm_up * self.settings.steps)
        return psnr(float(torch.nn.functional.mse_loss(rendering.colour, batch.colour)))

    def run(self, save: Callable[[dict[str, Any]], None], told: Callable[[], bool] = lambda: False) -> None:
        """Train to the end.

        Args:
            save: gets a state at least every `save_every` seconds. told: whether this process was told to stop.

        Raises:
            TrainingError: values stay non-finite after every roll-back.
            StoppedError: a process was told to stop; the state is saved.
        """
        settings = self.settings
        bar = Progress("train", settings.steps, "step", self.at.step) if self.ranks.leads else None
        good = copy.deepcopy(self.state())
        saved = last = time.monotonic()
        smooth, heldout = None, None
        while self.at.step < settings.steps:
            terms = self.step()
            if not all(map(math.isfinite, terms.values())):
                self._roll_back(good, terms)
                continue
            self.at.step += 1
            now = time.monotonic()
            self.at.seconds += now - last
            last = now
            smooth = terms["colour"] if smooth is None else 0.95 * smooth + 0.05 * terms["colour"]
            if self.at.step % LOG_EVERY == 0 or self.at.step == settings.steps:
                if self.at.step % (4 * LOG_EVERY) == 0 or self.at.step == settings.steps:
                    heldout = self._heldout_psnr()
                self.at.log.append(self._line(terms, smooth, heldout if self.at.step % (4 * LOG_EVERY) == 0 else None))
            if self.at.step % SNAPSHOT_EVERY == 0:
                good = copy.deepcopy(self.state())
            stop = self._any(told()) and self.at.step < settings.steps
            if self.ranks.leads and (stop or now - saved >= settings.save_every):
                save(self.state())
                saved = time.monotonic()
            if stop:
                raise StoppedError(
                    f"told to stop at step {self.at.step} of {settings.steps}; the same command goes on from there"
                )
            if bar:
                bar.step(
                    note=f"psnr {psnr(smooth):.1f} dB" + ("" if heldout is None else f", held out {heldout:.1f} dB")
                )

    def _any(self, told: bool) -> bool:
        """Whether a process was told: all have to stop at the same step."""
        return told if self.ranks.size == 1 else bool(self.ranks.maximum(torch.tensor(float(told))))

    def _line(self, terms: dict[str, float], smooth: float, heldout: float | None) -> dict[str, Any]:
        """A line of the log."""
        losses = {name: value for name, value in terms.items() if name not in ("gradient", "samples")}
        return {
            "step": self.at.step,
            "seconds": round(self.at.seconds, 2),
            "stage": 1 if self.at.step <= self.settings.warm_up * self.settings.steps else 2,
            "psnr": psnr(smooth),
            "heldout_psnr": heldout,
            "loss": sum(losses.values()),
            "samples": int(terms["samples"]),
            "learning_rate": self._learning_rate(self.at.step),
            "roll_backs": self.at.roll_backs,
            **losses,
            "gradient": terms["gradient"],
        }

    def _roll_back(self, good: dict[str, Any], terms: dict[str, float]) -> None:
        bad = ", ".join(name for name, value in terms.items() if not math.isfinite(value))
        count, rate, where = self.at.roll_backs + 1, self.at.rate / 2, self.at.step
        if count > MAX_ROLL_BACKS:
            raise TrainingError(
                f"{bad} is not finite at step {where} after {MAX_ROLL_BACKS} roll-backs; lower train.rate_grid and "
                "train.rate_field in config.yaml"
            )
        self.restore(good)
        self.at.roll_backs, self.at.rate = count, rate
        print(f"train: {bad} not finite at step {where}; back to step {self.at.step} at half the rate", flush=True)

    def finish(self) -> Avatar:
        """The trained avatar, with the running mean of the weights."""
        self.optimiser.settle()
        self.avatar.occupancy.refresh()
        return self.avatar.eval()


def psnr(mean_squared_error: float) -> float:
    """-10 log10(MSE), dB, for values in [0, 1]."""
    return -10 * math.log10(max(mean_squared_error, 1e-10))
