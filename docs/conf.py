"""Configuration of Sphinx. Astropy's own comes first; see the page "Contributing"."""

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx_astropy.conf.v2 import *  # noqa: F401, F403 (it is meant to be used so)
from sphinx_astropy.conf.v2 import exclude_patterns, extensions
from sphinx_astropy.conf.v2 import intersphinx_mapping as _KNOWN

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "kinmis"
author = "The kinmis developers"
project_copyright = f"2026, {author}"
release = version_of("kinmis")
version = ".".join(release.split(".")[:2])

# what is not used, or would make the looks of pages depend on what else is installed
_UNUSED = {"sphinx_astropy.ext.changelog_links", "sphinx_astropy.ext.generate_config",
           "sphinx_astropy.ext.intersphinx_toggle", "sphinx_astropy.ext.missing_static",
           "sphinx.ext.coverage", "sphinx.ext.inheritance_diagram", "sphinx.ext.todo",
           "matplotlib.sphinxext.plot_directive"}
extensions = [name for name in extensions if name not in _UNUSED]
# equations that show without a connection too
extensions += ["sphinx-mathjax-offline", "kinmis_docs", "measured", "model_card"]
exclude_patterns += ["_ext", "_generated", "drawings", "measured"]

# Links to the documentation of other packages need a connection, and fail without one: ask.
if os.environ.get("KINMIS_DOCS_INTERSPHINX", "0") in ("", "0"):
    intersphinx_mapping = {}
else:
    intersphinx_mapping = {name: _KNOWN[name] for name in (
        "python", "numpy", "scipy", "matplotlib", "astropy")}

# A reference to something of kinmis that does not exist is an error. Those to other packages
# can be checked only with the lists of their names.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!kinmis\.).*")]

# constants are long, and their docstrings say what they are
autodoc_default_options = {"no-value": True}
automodapi_inheritance_diagram = False
automodapi_toctreedirnm = "api"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
# the parameters of a class stand in its own docstring
autoclass_content = "class"

html_theme = "pydata_sphinx_theme"
html_title = f"kinmis {version}"
html_favicon = "_static/logo-light.svg"
html_static_path = ["_static"]
html_css_files = ["kinmis.css"]
html_show_sourcelink = False
# pages that have none below them need no list of these
html_sidebars = {page: [] for page in (
    "changelog", "citing", "contributing", "duckworth2020", "first_steps", "index", "install",
    "model_card", "performance", "science_checks", "search")}
html_last_updated_fmt = None
html_theme_options = {
    "logo": {"text": "kinmis", "image_light": "_static/logo-light.svg",
             "image_dark": "_static/logo-dark.svg", "alt_text": ""},
    "collapse_navigation": False,
    "navigation_depth": 3,
    "show_nav_level": 1,
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "secondary_sidebar_items": ["page-toc"],
}
htmlhelp_basename = "kinmis"
