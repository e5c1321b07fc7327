"""Gradients of one step, alone or under torchrun, for `test_ranks`.

python -m tests.training.gradients SUBJECT_DIR METHOD STEP OUT.pt
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from partnerface.artefacts.layout import SubjectFolder
from partnerface.avatar.methods import method
from partnerface.config.settings import TrainSettings
from partnerface.kernels import prepare
from partnerface.stages.train import made
from partnerface.training.dataset import Dataset
from partnerface.training.ranks import joined

SETTINGS = TrainSettings(steps=20, warm_up=0.5, rays=256, frames=8, step_mm=8.0)


def main(subject: str, name: str, step: str, out: str) -> None:
    """Write the gradients, the occupancy after the step and the terms."""
    prepare()
    chosen = method(name)
    assert chosen is not None
    settings = replace(SETTINGS, **chosen.training)
    with joined() as ranks:
        trainer = made(Dataset.load(SubjectFolder(Path(subject)).dataset), chosen, 0, settings, ranks)
        trainer.at.step = int(step)
        kept = {}
        # The optimiser forgets them at its next step only; this one is kept from taking any.
        trainer.optimiser.step = lambda factor, scale, memory: None
        kept["terms"] = trainer.step()
        kept["weight"] = trainer.avatar.occupancy.weight
        kept["gradient"] = {n: p.grad for n, p in trainer.avatar.named_parameters() if p.grad is not None}
        if ranks.leads:
            torch.save(kept, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
