"""What a picture is taken of: posed heads, what is known of their frames, and the camera's place."""

from dataclasses import dataclass, replace

from torch import Tensor

from partnerface.avatar.surface import Frames


@dataclass
class Conditions:
    """B posed frames with their codes.

    Attributes:
        frames: the posed surfaces.
        code: [B, C] expression codes.
        correction: [B, 6] rotation vector (radians) and translation (m) that correct the rigid motion.
        pose: [B, P] codes of the head's pose. foot: [B, 3] where the neck stands on the torso, camera space, m.
        view: [3, 4] rigid motion from the training camera's space to that of a camera which stands elsewhere, or None.
    """

    frames: Frames
    code: Tensor
    correction: Tensor
    pose: Tensor
    foot: Tensor
    view: Tensor | None = None

    def seen_from(self, view: Tensor | None) -> "Conditions":
        """The same head before a camera that moved: codes and corrections stay those of the training camera."""
        if view is None:
            return self
        frames = replace(
            self.frames,
            rotation=view[:, :3] @ self.frames.rotation,
            translation=self.frames.translation @ view[:, :3].T + view[:, 3],
        )
        return replace(self, frames=frames, view=view)
