"""The training loop: two stages, a finite-value check with roll-back, states to resume from."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from partnerface.avatar.model import Avatar
from partnerface.config.settings import TrainSettings
from partnerface.errors import TrainingError
from partnerface.progress import Progress
from partnerface.training.losses import LossWeights, losses
from partnerface.training.optimiser import Optimiser
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
        background: [3] sRGB. camera: [N, 3, 3] K of the dataset's frames.
        settings: of the training.
    """

    def __init__(
        self, avatar: Avatar, sampler: RaySampler, heldout: RaySampler | None, camera: Tensor, background: Tensor,
        settings: TrainSettings,
    ):  # fmt: skip
        self.avatar, self.sampler, self.heldout = avatar, sampler, heldout
        self.camera, self.background, self.settings = camera, background, settings
        self.motion = sampler.dataset.motion
        self.weights = LossWeights(
            alpha=settings.weight_alpha,
            spread=settings.weight_spread,
            adrift=settings.weight_adrift,
            deformation=settings.weight_deformation,
            imitation=settings.weight_imitation,
            entropy=settings.weight_entropy,
            balance=settings.weight_balance,
            calibration=settings.weight_calibration,
            apart=settings.weight_apart,
        )

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

    def step(self) -> tuple[dict[str, Tensor], int]:
        """One optimisation step: the loss terms (not finite: nothing was changed) and the number of samples."""
        settings, step = self.settings, self.at.step
        hard = step < settings.warm_up * settings.steps
        batch = self.sampler.batch(step, self.at.roll_backs)
        conditions = self.avatar.conditions(self.motion.take(batch.frames), batch.noise * settings.code_noise)
        rendering = self.avatar.render(
            batch.pixels,
            batch.slot,
            self.camera[batch.frames],
            conditions,
            self.background,
            settings.step_mm / 1000,
            batch.jitter,
            hard,
        )
        terms = losses(self.avatar, rendering, batch, hard, self.weights)
        total = torch.stack(list(terms.values())).sum()
        self.optimiser.clear()
        total.backward()
        norm = self.optimiser.norm()
        terms = {name: value.detach() for name, value in terms.items()}
        terms["gradient"] = norm.detach()
        if bool(torch.isfinite(total)) and bool(torch.isfinite(norm)):
            memory = min(settings.average, (step + 1) / (step + 10))
            self.optimiser.step(self._learning_rate(step), min(1.0, MAX_GRADIENT / max(float(norm), 1e-6)), memory)
            self.avatar.occupancy.observe(rendering.points, rendering.canonical.detach(), rendering.weight.detach())
            if step >= REFRESH_FROM and step % REFRESH_EVERY == 0:
                self.avatar.occupancy.refresh()
        return terms, len(rendering.weight)

    @torch.no_grad()
    def _heldout_psnr(self) -> float | None:
        """PSNR pooled over some rays of held-out frames: for the curve alone, nothing is chosen by it."""
        if self.heldout is None:
            return None
        batch = self.heldout.batch(0)
        conditions = self.avatar.conditions(self.motion.take(batch.frames))
        hard, step = self.at.step < self.settings.warm_up * self.settings.steps, self.settings.step_mm / 1000
        rendering = self.avatar.render(
            batch.pixels, batch.slot, self.camera[batch.frames], conditions, self.background, step, batch.jitter, hard
        )
        return psnr(float(torch.nn.functional.mse_loss(rendering.colour, batch.colour)))

    def run(self, save: Callable[[dict[str, Any]], None]) -> Iterator[Progressed]:
        """Train to the end; `save` gets a state at least every `save_every` seconds. Yields after each step.

        Raises:
            TrainingError: values stay non-finite after every roll-back.
        """
        settings = self.settings
        bar = Progress("train", settings.steps, "step", self.at.step)
        good = copy.deepcopy(self.state())
        saved = last = time.monotonic()
        smooth, heldout = None, None
        while self.at.step < settings.steps:
            terms, samples = self.step()
            if not all(math.isfinite(float(value)) for value in terms.values()):
                self._roll_back(good, terms)
                continue
            self.at.step += 1
            now = time.monotonic()
            self.at.seconds += now - last
            last = now
            colour = float(terms["colour"])
            smooth = colour if smooth is None else 0.95 * smooth + 0.05 * colour
            if self.at.step % LOG_EVERY == 0 or self.at.step == settings.steps:
                if self.at.step % (4 * LOG_EVERY) == 0 or self.at.step == settings.steps:
                    heldout = self._heldout_psnr()
                self.at.log.append(
                    {
                        "step": self.at.step,
                        "seconds": round(self.at.seconds, 2),
                        "stage": 1 if self.at.step <= settings.warm_up * settings.steps else 2,
                        "psnr": psnr(smooth),
                        "heldout_psnr": heldout if self.at.step % (4 * LOG_EVERY) == 0 else None,
                        "loss": sum(float(v) for n, v in terms.items() if n != "gradient"),
                        "samples": samples,
                        "learning_rate": self._learning_rate(self.at.step),
                        "roll_backs": self.at.roll_backs,
                        **{name: float(value) for name, value in terms.items()},
                    }
                )
            if self.at.step % SNAPSHOT_EVERY == 0:
                good = copy.deepcopy(self.state())
            if now - saved >= settings.save_every:
                save(self.state())
                saved = time.monotonic()
            note = f"psnr {psnr(smooth):.1f} dB" + ("" if heldout is None else f", held out {heldout:.1f} dB")
            bar.step(note=note)
            yield self.at

    def _roll_back(self, good: dict[str, Any], terms: dict[str, Tensor]) -> None:
        bad = ", ".join(name for name, value in terms.items() if not math.isfinite(float(value)))
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
