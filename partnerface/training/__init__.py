"""Training: the dataset folder, the ray sampler, the losses and the resumable loop."""
