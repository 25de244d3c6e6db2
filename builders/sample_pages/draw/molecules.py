"""Ball-and-stick and line drawings of small molecules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PIL import Image

from nyxqa.builders.sample_pages.draw.canvas import INK, Canvas, Point, on_circle

Atom = tuple[str, float, float]
Bond = tuple[int, int, int]

# Fill colour, radius and colour of the letter for each element.
LOOKS: dict[str, tuple[str, int, str]] = {
    "H": ("#F4F4F4", 15, INK),
    "C": ("#404040", 22, "white"),
    "N": ("#2B50D8", 23, "white"),
    "O": ("#E02020", 23, "white"),
    "Cl": ("#2FB344", 28, "white"),
}
PAPER = "#FFF9EC"


def bond(canvas: Canvas, start: Point, end: Point, order: int) -> None:
    """Draw one, two or three parallel sticks; order 0 is a dashed hydrogen bond."""
    if order == 0:
        canvas.dashes(start, end, "#3A7BD5", 2)
        return
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    nx, ny = -(end[1] - start[1]) / length, (end[0] - start[0]) / length
    for i in range(order):
        shift = 8 * (i - (order - 1) / 2)
        first = (start[0] + nx * shift, start[1] + ny * shift)
        canvas.line(first, (end[0] + nx * shift, end[1] + ny * shift), "#777777", 5 if order == 1 else 3.5)


def molecule(
    name: str, atoms: Sequence[Atom], bonds: Sequence[Bond], width: int = 240, height: int = 180
) -> Image.Image:
    """Draw sticks first, then labelled balls, then the name."""
    canvas = Canvas(width, height, PAPER)
    for a, b, order in bonds:
        bond(canvas, atoms[a][1:], atoms[b][1:], order)
    for element, x, y in atoms:
        fill, radius, ink = LOOKS[element]
        canvas.disc((x, y), radius, fill, "#333333", 1.5)
        canvas.text((x, y), element, 15, ink)
    canvas.text((width / 2, height - 14), name, 14)
    return canvas.finish()


def water_cluster() -> Image.Image:
    """Draw two water molecules joined by a hydrogen bond."""
    first: list[Atom] = [("O", 70, 80), ("H", 32, 112), ("H", 114, 80)]
    second: list[Atom] = [("O", 200, 80), ("H", 232, 46), ("H", 232, 114)]
    return molecule("hydrogen bond", first + second, [(2, 3, 0), (0, 1, 1), (0, 2, 1), (3, 4, 1), (3, 5, 1)], 270, 170)


def chain(name: str, carbons: int, oxygen: bool = False) -> Image.Image:
    """Draw a straight carbon chain filled up with hydrogen, ending in a hydroxyl group if asked."""
    spine = ["C"] * carbons + (["O"] if oxygen else [])
    atoms: list[Atom] = [("H", 24, 82)]
    bonds: list[Bond] = []
    for i, element in enumerate(spine):
        x, here = 72.0 + 52 * i, len(atoms)
        atoms.append((element, x, 82))
        bonds.append((here - (1 if i == 0 else 3), here, 1))
        if element == "C":
            atoms += [("H", x, 34), ("H", x, 130)]
            bonds += [(here, here + 1, 1), (here, here + 2, 1)]
    last = len(atoms) - (1 if oxygen else 3)
    atoms.append(("H", 72.0 + 52 * len(spine) - 4, 82))
    bonds.append((last, len(atoms) - 1, 1))
    return molecule(name, atoms, bonds, max(150, 92 + 52 * len(spine)))


def ring(name: str, style: str) -> Image.Image:
    """Draw a six-membered ring with double bonds, with a circle or with single bonds only."""
    canvas = Canvas(220, 200, PAPER)
    centre = (110.0, 92.0)
    corners = [on_circle(centre, 68, 30 + 60 * i) for i in range(6)]
    canvas.poly(corners, "#FFE3A8" if style != "single" else "#CFE8FF", INK, 3)
    if style == "double":
        inner = [on_circle(centre, 55, 30 + 60 * i) for i in range(6)]
        for i in (0, 2, 4):
            canvas.line(inner[i], inner[i + 1], "#C0392B", 3)
    if style == "circle":
        canvas.disc(centre, 40, None, "#C0392B", 3)
    canvas.text((110, 184), name, 14)
    return canvas.finish()


WATER: list[Atom] = [("O", 120, 60), ("H", 68, 104), ("H", 172, 104)]
BENT_OZONE: list[Atom] = [("O", 120, 58), ("O", 62, 104), ("O", 178, 104)]
AMMONIA: list[Atom] = [("N", 120, 62), ("H", 62, 94), ("H", 120, 124), ("H", 178, 94)]
METHANE: list[Atom] = [("C", 120, 80), ("H", 120, 26), ("H", 60, 96), ("H", 106, 136), ("H", 176, 104)]
FOUR: list[Bond] = [(0, 1, 1), (0, 2, 1), (0, 3, 1), (0, 4, 1)]


def pair(name: str, left: str, right: str, order: int) -> Image.Image:
    """Draw a molecule of two atoms."""
    return molecule(name, [(left, 76, 66), (right, 164, 66)], [(0, 1, order)], 240, 140)


DRAWINGS: dict[str, Callable[[], Image.Image]] = {
    "molecule_water.png": partial(molecule, "water", WATER, [(0, 1, 1), (0, 2, 1)]),
    "molecule_water_bond.png": water_cluster,
    "molecule_carbon_dioxide.png": partial(
        molecule, "carbon dioxide", [("O", 48, 66), ("C", 125, 66), ("O", 202, 66)], [(0, 1, 2), (1, 2, 2)], 250, 140
    ),
    "molecule_carbon_monoxide.jpg": partial(pair, "carbon monoxide", "C", "O", 3),
    "molecule_methane.png": partial(molecule, "methane", METHANE, FOUR),
    "molecule_ethane.png": partial(chain, "ethane", 2),
    "molecule_propane.png": partial(chain, "propane", 3),
    "molecule_methanol.png": partial(chain, "methanol", 1, True),
    "molecule_ethanol.png": partial(chain, "ethanol", 2, True),
    "molecule_ammonia.webp": partial(molecule, "ammonia", AMMONIA, [(0, 1, 1), (0, 2, 1), (0, 3, 1)]),
    "benzene_kekule.png": partial(ring, "benzene (double bonds)", "double"),
    "benzene_circle.png": partial(ring, "benzene (circle)", "circle"),
    "cyclohexane_ring.png": partial(ring, "cyclohexane", "single"),
    "molecule_hydrogen.png": partial(pair, "hydrogen", "H", "H", 1),
    "molecule_oxygen.png": partial(pair, "oxygen", "O", "O", 2),
    "molecule_nitrogen.png": partial(pair, "nitrogen", "N", "N", 3),
    "molecule_hydrogen_chloride.jpg": partial(pair, "hydrogen chloride", "H", "Cl", 1),
    "molecule_ozone.png": partial(molecule, "ozone", BENT_OZONE, [(0, 1, 2), (0, 2, 1)]),
}
