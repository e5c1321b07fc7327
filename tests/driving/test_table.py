"""CSV forms: names, clocks, and every fault in one line."""

import numpy as np
import pytest

from partnerface.driving.movements import vocabulary
from partnerface.driving.table import read_table
from partnerface.errors import InputError
from partnerface.head.builtin import builtin_head

HEAD = builtin_head()
KNOWN = vocabulary(HEAD.expression_names)


def read(path, text: str, fps: float = 30.0):
    path.write_text(text)
    return read_table(path, KNOWN, HEAD.n_expression, fps)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "take.csv"


def test_arkit_by_rows(file):
    found = read(file, "jawOpen,eyeBlinkLeft\n0,0\n0.5,1\n")
    np.testing.assert_allclose(found.time_s, [0, 1 / 30])
    np.testing.assert_allclose(found.relative["jaw_pose"][:, 0], [0, 0.2])
    np.testing.assert_allclose(found.relative["eyelids"], [[0, 0], [1, 0]])
    assert found.unknown == []


def test_components_with_times_and_what_is_not_known(file):
    found = read(file, "time_s,lip_corner_up_left,wink\n1.0,0.5,9\n1.5,1.0,9\n")
    np.testing.assert_allclose(found.time_s, [0, 0.5])
    np.testing.assert_allclose(found.relative["expression"][:, HEAD.expression_index("lip_corner_up_left")], [0.5, 1])
    assert found.unknown == ["wink"]


def test_time_codes_of_live_link_face(file):
    text = "Timecode,BlendShapeCount,JawOpen,HeadYaw\n10:00:59:59.000,61,0,0\n10:01:00:29.500,61,1,0\n"
    found = read(file, text, fps=60)
    np.testing.assert_allclose(found.time_s, [0, 30.5 / 60], atol=1e-9)
    np.testing.assert_allclose(found.relative["jaw_pose"][:, 0], [0, 0.4])
    assert found.unknown == ["HeadYaw"], "its unit is not told, so it is not used"


def test_counted_frames(file):
    np.testing.assert_allclose(read(file, "frame,jawOpen\n10,0\n12,1\n", fps=25).time_s, [0, 2 / 25])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "no rows"),
        ("jawOpen\n", "no rows"),
        ("a,b\n1,2\n", "no column that this avatar's head knows"),
        ("jawOpen\nmuch\n", r"line 2: jawOpen is 'much'"),
        ("jawOpen\n0\nnan\n", r"line 3: jawOpen is 'nan'"),
        ("jawOpen,tongueOut\n1\n", r"line 2: has 1 cells, the first line 2 names"),
        ("jawOpen,jawOpen\n1,1\n", "column jawOpen twice"),
        ("time_s,jawOpen\n1,0\n1,0\n", r"line 3: the time does not grow"),
        ("timecode,jawOpen\nnoon,0\n", r"line 2: the time code 'noon'"),
    ],
)
def test_faults_are_one_line(file, text, line):
    with pytest.raises(InputError, match=line) as error:
        read(file, text)
    assert "\n" not in str(error.value)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_table(tmp_path / "none.csv", KNOWN, HEAD.n_expression, 30)
