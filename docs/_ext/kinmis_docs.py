"""
What these pages need beyond Sphinx: pictures, commands and tables that the build makes.

``.. picture::`` shows the code that it holds and the picture that the name ``figure`` is bound
to afterwards; or the picture that a script of the folder ``drawings`` makes. ``.. command::``
runs a command and shows what it prints. ``.. flag-table::``, ``.. column-table::``,
``.. format-table::``, ``.. preset-table::``, ``.. survey-table::``, ``.. survey-references::`` and
``.. training-table::`` are made from the declarations in the package.
"""

import runpy
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from page_examples import PageExamples
from sphinx.util.docutils import SphinxDirective

#: Folder, inside that of the pages, for pictures that the build makes.
GENERATED = "_generated"


class PageDirective(SphinxDirective):
    """A directive that may ask for the examples of its page."""

    @property
    def examples(self):
        """The examples of the page, shared by its directives."""
        if "kinmis_examples" not in self.env.temp_data:
            self.env.temp_data["kinmis_examples"] = PageExamples(
                self.env.doc2path(self.env.docname))
        return self.env.temp_data["kinmis_examples"]


class Picture(PageDirective):
    """Show a picture, and the code that makes it if the directive holds it."""

    has_content = True
    optional_arguments = 1
    option_spec = {"alt": directives.unchanged_required, "dpi": directives.positive_int}

    def run(self):
        if "alt" not in self.options:
            raise self.error("a picture needs :alt:, for who can't see it")
        if bool(self.arguments) == bool(self.content):
            raise self.error("a picture is made by a script or by code, one of them")
        return [*self._code(), self._image(self._figure())]

    def _figure(self):
        if self.arguments:
            script = Path(self.env.srcdir, "drawings", self.arguments[0])
            self.env.note_dependency(str(script))
            return runpy.run_path(str(script))["figure"]
        try:
            self.examples.run_until(self.content.items[-1][1] + 1)
        except RuntimeError as error:
            raise self.error(str(error)) from error
        if "figure" not in self.examples.names:
            raise self.error("the code makes no figure")
        return self.examples.names.pop("figure")

    def _code(self):
        if not self.content:
            return []
        text = "\n".join(self.content)
        return [nodes.literal_block(text, text, language="pycon")]

    def _image(self, figure):
        number = self.env.temp_data["kinmis_pictures"] = 1 + self.env.temp_data.get(
            "kinmis_pictures", 0)
        name = f"{self.env.docname.replace('/', '-')}-{number}.png"
        path = Path(self.env.srcdir, GENERATED, name)
        path.parent.mkdir(exist_ok=True)
        # twice as fine as it is shown, for screens that are
        dpi = self.options.get("dpi", 100)
        figure.savefig(path, dpi=2 * dpi)
        return nodes.image(uri=f"/{GENERATED}/{name}", alt=self.options["alt"],
                           width=f"{round(figure.get_figwidth() * dpi)}px")


class Command(PageDirective):
    """Show commands, one a line, and what they print."""

    has_content = True
    option_spec = {"code": directives.nonnegative_int}

    def run(self):
        shown = []
        # what the examples above wrote may be what the command reads
        self.examples.run_until(self.lineno)
        for command in self.content:
            code, output = self.examples.run_command(command)
            if code != self.options.get("code", 0):
                raise self.error(f"the command {command!r} left with code {code}: {output}")
            shown += [f"$ {command}", *filter(None, [output])]
        text = "\n".join(shown)
        return [nodes.literal_block(text, text, language="console")]


class TableDirective(SphinxDirective):
    """A table that is made of rows of text in reStructuredText."""

    header = ()
    widths = ()

    def rows(self):
        """Yield a row as a sequence of texts, as many as the header has."""
        raise NotImplementedError

    def run(self):
        lines = [".. list-table::", "   :header-rows: 1", "   :class: generated",
                 f"   :widths: {' '.join(map(str, self.widths))}", ""]
        for row in (self.header, *self.rows()):
            for number, cell in enumerate(row):
                lines.append(f"   {' ' if number else '*'} - {cell}".rstrip())
        return self.parse_text_to_nodes("\n".join(lines))


class FlagTable(TableDirective):
    """The bits of the flag columns."""

    header = ("Bit", "Value", "Name", "Meaning")
    widths = (8, 12, 34, 60)

    def rows(self):
        from kinmis.flags import FLAGS
        for flag in FLAGS:
            yield flag.bit, flag.value, f"``{flag.name}``", f"{flag.description}."


class ColumnTable(TableDirective):
    """A part of the columns of a catalogue: "galaxy", "stellar", "gas" or "comparison"."""

    required_arguments = 1
    header = ("Column", "Unit", "Type", "What it says", "UCD")
    widths = (34, 10, 10, 60, 30)

    def rows(self):
        import numpy as np

        from kinmis.catalogue import COLUMNS
        part = self.arguments[0]
        if part not in _PARTS:
            raise self.error(f"the columns have the parts {', '.join(_PARTS)}, not {part!r}")
        first = next(number for number, column in enumerate(COLUMNS)
                     if _part(column.name) != "comparison")
        for number, column in enumerate(COLUMNS):
            mine = "galaxy" if number < first else _part(column.name)
            if mine == part:
                kind = "text" if column.dtype is str else np.dtype(column.dtype).name
                unit = "" if column.unit is None else str(column.unit)
                yield (f"``{column.name}``", unit, kind, f"{column.description}.",
                       f"``{column.ucd}``")


class FormatTable(TableDirective):
    """The formats that can be read."""

    header = ("Format", "What it reads")
    widths = (20, 80)

    def rows(self):
        from kinmis.readers.formats import READERS
        from kinmis.readers.plugins import load_built_in
        load_built_in()
        for name in sorted(READERS):
            yield f"``{name}``", f"{READERS[name].description}."


class PresetTable(TableDirective):
    """The presets of a format: "fits-image" or "bin-table"."""

    required_arguments = 1
    header = ("Preset", "What it reads")
    widths = (20, 80)

    def rows(self):
        from kinmis.readers.presets import PRESETS
        from kinmis.readers.table_presets import TABLE_PRESETS
        presets = {"fits-image": PRESETS, "bin-table": TABLE_PRESETS}[self.arguments[0]]
        for name, preset in presets.items():
            yield f"``{name}``", f"{preset.description}."


class SurveyTable(TableDirective):
    """What the fields of surveys look like, with numbers of the references."""

    header = ("Survey", "Field of view (arcsec)", "Spaxel (arcsec)", "PSF (arcsec)", "Reach (Re)",
              "Bins: stars, gas", "Redshift", "Spectral resolution")
    widths = (16, 22, 12, 14, 10, 18, 16, 20)

    def rows(self):
        from kinmis.surveys import PROFILES
        for profile in PROFILES.values():
            bins = ", ".join((item or "?").replace("voronoi", "Voronoi")
                             for item in (profile.stellar_bins, profile.gas_bins))
            shape = f"{profile.shape or ''} {_extent(profile, 'size')}".strip()
            cells = ((shape, ("shape", "size")), (_extent(profile, "spaxel"), ("spaxel",)),
                     (_extent(profile, "psf_fwhm"), ("psf_fwhm",)),
                     (_join(profile.coverage, " or "), ("coverage",)),
                     (bins if bins != "?, ?" else "", ("stellar_bins", "gas_bins")),
                     (_join(profile.redshift, " to "), ("redshift",)),
                     (profile.resolution or "", ("resolution",)))
            yield f"{profile.name}", *(f"{text} {_cited(profile, names)}".strip()
                                       for text, names in cells)


def _join(values, between):
    return between.join(f"{value:g}" for value in values or ())


def _extent(profile, name):
    """Return a length of a profile, with its range."""
    def text(value):
        return _join(value, " x ") if isinstance(value, tuple) else f"{value:g}"
    value = getattr(profile, name)
    if value is None:
        return ""
    low_high = profile.ranges.get(name)
    return text(value) + (f" ({text(low_high[0])} to {text(low_high[1])})" if low_high else "")


def _cited(profile, names):
    """Return the numbers of the references of some entries, as links."""
    from kinmis.surveys import REFERENCES
    keys = {key for name in names for key in profile.sources.get(name, ())}
    numbers = [number for number, key in enumerate(REFERENCES, 1) if key in keys]
    return f":sup:`{', '.join(map(str, numbers))}`" if numbers else ""


class SurveyReferences(TableDirective):
    """The sources of the profiles, with their numbers."""

    header = ("", "Source")
    widths = (6, 94)

    def rows(self):
        from kinmis.surveys import REFERENCES
        for number, text in enumerate(REFERENCES.values(), 1):
            yield number, text


class TrainingTable(TableDirective):
    """The ranges of the training fields."""

    header = ("Quantity", "Training fields", "Unit", "Where from")
    widths = (16, 20, 18, 60)

    def rows(self):
        from kinmis.surveys import TRAINING
        for name, item in TRAINING.items():
            yield f"``{name}``", f"{item.low:g} to {item.high:g}", item.unit, item.source


_PARTS = ("galaxy", "stellar", "gas", "comparison")


def _part(name):
    """Return what a column is about, but for those of the galaxy, which stand first."""
    component = name.partition("_")[0]
    own = component in ("stellar", "gas") and "_photometric_" not in name
    return component if own else "comparison"


def setup(app):
    app.add_directive("picture", Picture)
    app.add_directive("command", Command)
    app.add_directive("flag-table", FlagTable)
    app.add_directive("column-table", ColumnTable)
    app.add_directive("format-table", FormatTable)
    app.add_directive("preset-table", PresetTable)
    app.add_directive("survey-table", SurveyTable)
    app.add_directive("survey-references", SurveyReferences)
    app.add_directive("training-table", TrainingTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
