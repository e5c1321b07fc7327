"""Pictures of a head, and how much of faces' motion it follows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from partnerface.errors import InputError
from partnerface.head.builtin import builtin_head, builtin_parts
from partnerface.head.explained import explained
from partnerface.head.model import HeadModel
from partnerface.head.picture import BACKGROUND, BEHIND, View, draw, vertex_colours
from partnerface.head.points import COUNT
from partnerface.head.sheet import arrange, main
from partnerface.head.skinning import embed, head_tensors, pose_head


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return builtin_head()


def test_a_face_looks_out_of_the_picture(head: HeadModel):
    image = draw(head, head.template, vertex_colours(head, builtin_parts()), View(), (120, 100))
    assert image.shape == (120, 100, 3)
    assert np.allclose(image[0, 0], BACKGROUND)
    # Left and right of the middle are mirror images but for the light, which comes from the viewer's left.
    covered = np.abs(image - BACKGROUND).sum(-1) > 0.05
    assert (covered == covered[:, ::-1]).mean() > 0.99
    assert 0.3 < covered.mean() < 0.7
    lips = image[round(60 - 120 * (-0.052 + 0.005) / 0.31), 50]
    cheek = image[round(60 - 120 * (-0.035 + 0.005) / 0.31), 30]
    assert lips[0] / lips[1] > 1.2 * cheek[0] / cheek[1]


def test_turned_to_the_subjects_left_it_shows_his_right_ear(head: HeadModel):
    view = View(yaw=0.7)
    ears = [(head.template[builtin_parts()[name]] @ view.turn().T)[:, 2].mean() for name in ("right_ear", "left_ear")]
    assert ears[0] > ears[1]


def test_the_inner_side_of_a_surface_is_told(head: HeadModel):
    inside_out = replace(head, faces=head.faces[:, ::-1].copy())
    image = draw(inside_out, head.template, vertex_colours(head), View(), (60, 50))
    hue = image[30, 25] / image[30, 25].max()
    assert np.allclose(hue, np.array(BEHIND) / max(BEHIND), atol=0.02)


def test_sheets_are_written(tmp_path: Path, capsys: pytest.CaptureFixture):
    main([str(tmp_path / "new"), "--only", "poses", "--size", "24", "--columns", "3"])
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["poses.png"]
    with pytest.raises(InputError, match="at least 16 px"):
        main([str(tmp_path), "--size", "2"])


def test_cells_stand_row_by_row():
    cells = [np.full((4, 5, 3), shade) for shade in (0.1, 0.2, 0.3)]
    sheet = arrange(cells, 2)
    assert sheet.shape == (20, 22, 3)
    corners = sheet[[0, 0, 10, 10], [0, 11, 0, 11], 0]
    assert corners == pytest.approx([0.1, 0.2, 0.3, 1.0])


def test_a_clip_of_the_head_itself_is_explained_and_noise_is_not(head: HeadModel):
    generator = np.random.default_rng(0)
    expression = torch.tensor(generator.normal(size=(24, head.n_expression)) * 0.5, dtype=torch.float32)
    expression[:4] = 0  # neutral frames
    vertices = pose_head(head_tensors(head), None, expression, torch.zeros(24, 3)).vertices
    clip = embed(vertices, torch.tensor(head.mediapipe_faces), torch.tensor(head.mediapipe_weights)).numpy()
    clip = 900 * clip.astype(float) + [300, -200, 0]
    assert explained(head, clip) > 99.5
    noise = clip.mean(0) + generator.normal(size=(200, COUNT, 3))
    # 64 movements among 1404 numbers explain a twentieth of what is random.
    assert explained(head, noise) < 12
