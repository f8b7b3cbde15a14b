"""An explained order as a file: a PNG, or one HTML page with the words and both pictures."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from orderflow_bt.report.build import environment
from orderflow_bt.report.export import png_bytes
from orderflow_bt.report.order_picture import draw_order
from orderflow_bt.report.order_view import view_order
from orderflow_bt.report.order_words import iso

if TYPE_CHECKING:
    from orderflow_bt.report.explain import Explanation
    from orderflow_bt.report.folder import RunFolder
    from orderflow_bt.report.theme import Theme
    from orderflow_bt.store import Lake

MOST_STEPS = 400  # on a page: `explain --json` has them all


def order_picture(
    run: RunFolder, lake: Lake, told: Explanation, suffix: str, themes: tuple[Theme, Theme],
    *, light: bool,
) -> bytes:  # fmt: skip
    """The picture of an explained order.

    Args:
        run: The run folder.
        lake: Where the run's tape lies.
        told: What `explain` said of the order.
        suffix: ``.png``, or ``.html`` for a page that follows the reader's dark or light.
        themes: The dark and the light one.
        light: Which of them a PNG has.

    Raises:
        CoverageError: The order's trades are not in the lake.
    """
    view, units = view_order(run, lake, told), run.manifest["instrument"]

    def drawn(theme: Theme) -> bytes:
        return png_bytes(
            draw_order(
                view, theme, price_decimals=int(units["price_decimals"]),
                qty_decimals=int(units["qty_decimals"]),
            )
        )  # fmt: skip

    if suffix == ".png":
        return drawn(themes[light])
    dark, bright = (base64.b64encode(drawn(theme)).decode() for theme in themes)
    page = environment().get_template("order.html.j2")
    steps = [(iso(step.time), step.text) for step in told.steps[:MOST_STEPS]]
    text = page.render(
        told=told, steps=steps, more=len(told.steps) - len(steps), dark=dark, light=bright
    )
    return text.encode()
