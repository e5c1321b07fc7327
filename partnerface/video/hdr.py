"""From high dynamic range (HLG, PQ) to sRGB: the signal to light, the light through a tone curve, to sRGB.

Formulas: Rec. ITU-R BT.2100 (transfer functions), BT.2087 (primaries), BT.2408 (diffuse white at 203 cd/m²), and
IEC 61966-2-1 (sRGB). Light is counted in units of diffuse white, so what a clip of standard range shows at the same
places has the same values below the knee of the tone curve.
"""

from pathlib import Path

import numpy as np

#: Diffuse white in cd/m² (BT.2408), and the display on which HLG is defined and for which PQ is mastered most often.
WHITE_NITS, PEAK_NITS = 203.0, 1000.0
#: Tone curves: name → what it is.
TONE_MAPS = {
    "mobius": "linear up to a knee, then bent so that the brightest light just reaches white",
    "reinhard": "bent everywhere; darker, keeps more in highlights",
    "clip": "linear; whatever is brighter than diffuse white is white",
}
#: Below the knee, in units of diffuse white, mobius leaves light alone: skin in common light lies there.
KNEE = 0.6
#: Edge of the table that ffmpeg interpolates in.
LUT_EDGE = 65

_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
_LUMA_709 = np.array([0.2126, 0.7152, 0.0722])


def pq_to_nits(signal: np.ndarray) -> np.ndarray:
    """Display light in cd/m² of a PQ signal from 0 to 1 (BT.2100, table 4)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = np.asarray(signal, np.float64) ** (1 / m2)
    return 10_000.0 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def hlg_to_nits(signal: np.ndarray) -> np.ndarray:
    """Display light in cd/m² of HLG signals (..., 3) on a display of 1000 cd/m² (BT.2100, table 5)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    signal = np.asarray(signal, np.float64)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luma = scene @ _LUMA_2020
    return PEAK_NITS * np.maximum(luma, 1e-12)[..., None] ** 0.2 * scene


def tone_curve(light: np.ndarray, operator: str, peak: float) -> np.ndarray:
    """Light from 0 to `peak`, in units of diffuse white, to 0 to 1.

    Args:
        light: any shape.
        operator: a name of TONE_MAPS.
        peak: the light that becomes 1; at least 1.
    """
    if operator == "clip" or peak <= 1:
        return np.minimum(light, 1)
    if operator == "reinhard":  # extended: L (1 + L / peak²) / (1 + L)
        return np.minimum(light * (1 + light / peak**2) / (1 + light), 1)
    # (L + a) / (L + b) · s, of value and slope L and 1 at the knee k, and 1 at the peak.
    k = KNEE
    a = -(k**2) * (peak - 1) / (k**2 - 2 * k + peak)
    b = (k**2 - 2 * k * peak + peak) / max(peak - 1, 1e-9)
    s = (b**2 + 2 * b * k + k**2) / (b - a)
    return np.where(light <= k, light, np.minimum(s * (light + a) / (light + b), 1))


def to_srgb(signal: np.ndarray, transfer: str, operator: str, peak_nits: float | None = None) -> np.ndarray:
    """HDR signals in BT.2020 primaries to sRGB.

    The tone curve acts on the greatest component and scales all three alike, so hues stay.

    Args:
        signal: (..., 3) from 0 to 1, full range.
        transfer: "hlg" or "pq".
        operator: a name of TONE_MAPS.
        peak_nits: brightest light of the content; None takes 1000.
    """
    nits = hlg_to_nits(signal) if transfer == "hlg" else pq_to_nits(signal)
    light = nits / WHITE_NITS @ _TO_BT709.T
    # Colours beyond BT.709 have negative components: they move towards grey of their own luminance.
    luma, lowest = np.maximum(light @ _LUMA_709, 0)[..., None], light.min(-1, keepdims=True)
    share = np.where(lowest < 0, luma / np.maximum(luma - lowest, 1e-12), 1.0)
    light = np.maximum(luma + (light - luma) * share, 0)
    greatest = light.max(-1, keepdims=True)
    peak = max(1.0, (PEAK_NITS if transfer == "hlg" else peak_nits or PEAK_NITS) / WHITE_NITS)
    light = light * tone_curve(greatest, operator, peak) / np.maximum(greatest, 1e-12)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-12) ** (1 / 2.4) - 0.055)


def write_cube(path: Path, transfer: str, operator: str, peak_nits: float | None = None) -> None:
    """Write `to_srgb` as a .cube table, red fastest, for ffmpeg's filter lut3d."""
    axis = np.linspace(0, 1, LUT_EDGE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    values = to_srgb(np.stack([red, green, blue], -1).reshape(-1, 3), transfer, operator, peak_nits)
    with open(path, "w") as file:
        file.write(f"LUT_3D_SIZE {LUT_EDGE}\n")
        np.savetxt(file, np.clip(values, 0, 1), fmt="%.6f")
