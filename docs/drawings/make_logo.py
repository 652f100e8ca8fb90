"""
Draw the logo of kinmis as SVG, for light and for dark pages, and as an icon.

    python docs/drawings/make_logo.py

Two discs share a centre: stars, seen half from above, and a ring of gas that is tilted against
them. Half of each approaches (blue), half recedes (red); a line marks each position angle.
"""

from pathlib import Path

STATIC = Path(__file__).parents[1] / "_static"
BLUE, RED = "#3b4cc0", "#b40426"
#: Lines and page of each file.
COLORS = {"logo-light": ("#222222", "#ffffff"), "logo-dark": ("#eeeeee", "#14181e")}
#: Position angles on paper, in degrees that the major axis is turned from the vertical.
STARS, GAS = 40, -25


def disc(length, width):
    """Return an ellipse whose upper half approaches and whose lower half recedes."""
    return (f'<path d="M {-width} 0 A {width} {length} 0 0 1 {width} 0 Z" fill="{BLUE}"/>'
            f'<path d="M {-width} 0 A {width} {length} 0 0 0 {width} 0 Z" fill="{RED}"/>')


def ring(length, width, line):
    """Return the outline of an ellipse in the same two colours."""
    return (f'<g fill="none" stroke-width="{line}">'
            f'<path d="M {-width} 0 A {width} {length} 0 0 1 {width} 0" stroke="{BLUE}"/>'
            f'<path d="M {-width} 0 A {width} {length} 0 0 0 {width} 0" stroke="{RED}"/></g>')


def logo(ink, paper):
    """Return the SVG with lines of a colour, on pages of another."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-50 -50 100 100" role="img" '
        'aria-label="kinmis">\n'
        f'<g transform="rotate({GAS})">{ring(45, 17, 6)}</g>\n'
        f'<g transform="rotate({STARS})"><ellipse rx="18" ry="36" fill="{paper}"/>'
        f'{disc(33, 15)}'
        f'<line y1="-41" y2="41" stroke="{ink}" stroke-width="2.5" stroke-linecap="round"/></g>\n'
        '</svg>\n')


if __name__ == "__main__":
    for name, colors in COLORS.items():
        (STATIC / f"{name}.svg").write_text(logo(*colors), encoding="utf-8")
