"""How each variant looks everywhere: in charts and on pages, light and dark."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Ink:
    """How a variant looks everywhere: told apart by hue, and without hue by dash and marker."""

    light: str
    dark: str
    dashes: tuple[float, ...]
    marker: str


INKS: Mapping[str, Ink] = {
    "vanilla_cnn": Ink("#b84a00", "#ff9d5c", (), "o"),
    "mobilenetv2_frozen": Ink("#0067ab", "#62b6f2", (5.0, 1.6), "s"),
    "mobilenetv2_partial": Ink("#00795a", "#3ecf9f", (1.2, 1.3), "^"),
    "mobilenetv2_unfrozen": Ink("#a2447c", "#ee9fcb", (5.0, 1.5, 1.2, 1.5), "D"),
}
"""After Okabe and Ito's palette (jfly.uni-koeln.de/color), which the colour-blind can tell
apart, made darker or lighter until text in it can be read on the page."""
