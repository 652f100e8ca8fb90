"""`write_report`: a catalogue as one HTML file that needs nothing else."""

import base64
import html
import io
from pathlib import Path

import numpy as np

from kinmis._input import COMPONENTS
from kinmis.catalogue.folder.atomic import write_atomically
from kinmis.catalogue.formats import read_table
from kinmis.catalogue.summary import summary
from kinmis.flags import FLAGS
from kinmis.report.charts import draw_angles, draw_errors, draw_misalignments
from kinmis.report.choose import worth_a_look
from kinmis.report.style import STYLE
from kinmis.report.thumbnails import thumbnail

__all__ = ["write_report"]

#: Columns that the page is made from.
_COLUMNS = (["id", "source", "status", "message", "flags", "misalignment", "misalignment_err",
             "misalignment_probability"]
            + [f"{name}_{what}" for name in COMPONENTS
               for what in ("pa", "pa_err", "flags", "quality", "usable", "ood_score")])


def write_report(catalogue, out=None, *, galaxies=None, count=8, overwrite=False):
    """
    Make a page about a catalogue.

    It holds the summary, the distribution of misalignments and errors, position angles of stars
    against gas, how often each flag is set, and pictures of the most misaligned, the least
    certain and the out-of-distribution galaxies. It is one file, which can be sent to others.

    Parameters
    ----------
    catalogue : str, os.PathLike or `~astropy.table.QTable`
        Folder or file of a table that `kinmis.measure` wrote, or the table itself.
    out : str or os.PathLike, optional
        File to write; by default ``report.html`` in the folder.
    galaxies : callable, optional
        Returns the galaxy of a row of the table, for its picture. By default it is read again
        from its source, as it was for the catalogue.
    count : int
        Number of pictures of each kind.
    overwrite : bool
        Whether to replace a file that exists; ``report.html`` in the folder is replaced anyway.

    Returns
    -------
    path : `~pathlib.Path`
        The file.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is not given.
    FileNotFoundError
        If there is no such catalogue.
    ValueError
        If it is no catalogue of kinmis, or ``out`` is not said and can't be guessed.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from kinmis import measure, mock
    >>> from kinmis.report import write_report
    >>> galaxies = [mock.galaxy(40, gas, seed=1) for gas in (45, 100, 220)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = measure(galaxies, out=Path(folder) / "catalogue", classify=False)
    ...     page = write_report(Path(folder) / "catalogue")
    ...     print(page.name, "3 galaxies: 3 ok" in page.read_text(encoding="utf-8"))
    report.html True
    """
    from kinmis.plotting.pictures import _need_matplotlib
    _need_matplotlib()
    table, name, place = _load(catalogue)
    if out is None and place is None:
        raise ValueError("say where to: give out='report.html'")
    out = place if out is None else Path(out).expanduser()
    if out != place and out.exists() and not overwrite:
        raise FileExistsError(f"'{out}' exists; ask for overwrite to replace it, or choose "
                              "another name")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"'{out}' can't be written: there is no folder '{out.parent}'")
    write_atomically(out, _page(table, name, galaxies, count).encode())
    return out


def _load(catalogue):
    """Return the table, what to call it, and where its report goes by default."""
    place, name = None, "catalogue"
    if hasattr(catalogue, "colnames"):
        table = catalogue
    else:
        path = Path(catalogue).expanduser()
        name = path.resolve().name
        place = path / "report.html" if path.is_dir() else None
        table = read_table(path, _COLUMNS if path.is_dir() else None)
    missing = [column for column in _COLUMNS if column not in table.colnames]
    if missing or "kinmis" not in table.meta:
        raise ValueError(f"'{name}' is no catalogue of kinmis.measure: it lacks "
                         f"{', '.join(missing[:5]) or 'its metadata'}")
    return table, name, place


def _page(table, name, galaxies, count):
    sections = [_head(table, name), _numbers_section(table)]
    if len(table):
        charts = "".join(_chart(draw(table), words) for words, draw in (
            ("distribution of the misalignments", draw_misalignments),
            ("position angles of the gas against those of the stars", draw_angles),
            ("distribution of the errors of the position angles", draw_errors)))
        sections.append(f'<section><h2>Distributions</h2><div class="charts">{charts}</div>'
                        "</section>")
        sections.append(_flags(table))
        sections += [_sheet(table, group, galaxies) for group in worth_a_look(table, count)]
    return ("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(name)}: kinmis</title><style>{STYLE}</style></head>"
            f"<body><main>{''.join(sections)}</main></body></html>\n")


def _head(table, name):
    facts = table.meta["kinmis"]
    options = facts["options"]
    model = options.get("model") or "none"
    method = f"{options['fit']['method']}, weights by {options['fit']['weights']}"
    rows = {"made by": facts["software"], "begun": facts["date"], "fit": method,
            "classified by": model, "misaligned beyond": f"{options['threshold_deg']:g} deg"}
    cells = "".join(f"<div><dt>{html.escape(key)}</dt><dd>{html.escape(str(value))}</dd></div>"
                    for key, value in rows.items())
    return f"<header><h1>{html.escape(name)}</h1><dl>{cells}</dl></header>"


def _numbers_section(table):
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in summary(table))
    return f"<section><h2>Summary</h2><ul>{lines}</ul></section>"


def _flags(table):
    columns = {"stars": "stellar_flags", "gas": "gas_flags", "galaxy": "flags"}
    counts = {what: np.ma.filled(np.ma.asarray(table[name]), 0) for what, name in columns.items()}
    rows = []
    for flag in FLAGS:
        number = [int(np.count_nonzero(values & flag.value)) for values in counts.values()]
        if any(number):
            share = number[-1] / len(table)
            rows.append(f"<tr><th scope=\"row\"><code>{flag.name}</code><p>{flag.description}</p>"
                        "</th>" + "".join(f"<td>{n}</td>" for n in number)
                        + f'<td class="bar">{share:.1%}<span style="width:{100 * share:.1f}%">'
                        "</span></td></tr>")
    if not rows:
        return "<section><h2>Flags</h2><p>No flag is set.</p></section>"
    head = "".join(f"<th>{what}</th>" for what in ("flag", *columns, "of all galaxies"))
    return (f'<section><h2>Flags</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div></section>")


def _sheet(table, group, galaxies):
    heading, text, rows = group
    cards = "".join(_card(table[row], table.meta, galaxies) for row in rows)
    return (f"<section><h2>{heading}</h2><p>{html.escape(text)}</p>"
            f'<div class="sheet">{cards}</div></section>')


def _card(row, meta, galaxies):
    name = str(row["id"]) if not np.ma.is_masked(row["id"]) else Path(row["source"]).name
    picture, problem = thumbnail(row, meta, galaxies)
    if picture is not None:
        data = base64.b64encode(picture).decode()
        shown = (f'<img alt="velocity fields of {html.escape(name)}" '
                 f'src="data:image/png;base64,{data}">')
    else:
        shown = f'<p class="none">no picture: {html.escape(problem)}</p>'
    return (f"<article><h3>{html.escape(name)}</h3>{shown}"
            f"<p>{html.escape('; '.join(_words(row)))}</p></article>")


def _words(row):
    """Return what the table says of a galaxy."""
    words = []
    angle, error = (_plain(row[name]) for name in ("misalignment", "misalignment_err"))
    if np.isfinite(angle):
        words.append(f"misalignment {angle:.0f} \u00b1 {error:.1f} deg")
    for component, name in (("stellar", "stars"), ("gas", "gas")):
        usable, score = (_plain(row[f"{component}_{what}"]) for what in ("usable", "ood_score"))
        if np.isfinite(usable):
            words.append(f"{name} usable {usable:.2f}"
                         + (f", out of distribution {score:.1f}" if score > 1 else ""))
    return words


def _plain(value):
    return np.nan if np.ma.is_masked(value) else float(getattr(value, "value", value))


def _chart(figure, words):
    """Return a figure as an image to stand in a page; drawn in lines, so that it stays sharp."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<figure><img alt="{words}" src="data:image/svg+xml;base64,{data}"></figure>'
