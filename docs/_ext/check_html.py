"""
Check the links between finished pages: that each file, anchor and picture is there.

    python docs/_ext/check_html.py docs/_build/html

Prints what is missing, and leaves with 1 if anything is. Links to other sites are not followed.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The names of places in a page, and what it links to."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = {"", "top"}, []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif value and (name == "src" or (name == "href" and tag in ("a", "link"))):
                self.links.append(value)


def missing(folder):
    """
    Yield what links of the pages in a folder lead to nothing.

    Parameters
    ----------
    folder : `~pathlib.Path`

    Yields
    ------
    page, link, why : str
    """
    # what the theme brings in _static are templates
    pages = {path.resolve(): Page(path) for path in sorted(folder.rglob("*.html"))
             if path.relative_to(folder).parts[0] != "_static"}
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.exists():
                yield path.relative_to(folder.resolve()), link, "no such file"
            # Sphinx names one home for all objects of a source file, so that the places that its
            # listings link back to need not exist; the pages do
            elif path.relative_to(folder.resolve()).parts[0] == "_modules":
                continue
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield path.relative_to(folder.resolve()), link, "no such place in the page"


def main():
    folder = Path(sys.argv[1])
    if not (folder / "index.html").exists():
        raise SystemExit(f"{folder} has no index.html: build the documentation first")
    found = list(missing(folder))
    for page, link, why in found:
        print(f"{page}: {link}: {why}")
    print(f"{len(list(folder.rglob('*.html')))} pages, {len(found)} broken links")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
