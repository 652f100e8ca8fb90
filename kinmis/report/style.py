"""The looks of the page."""

STYLE = """
:root { color-scheme: light; --ink: #222; --soft: #666; --line: #ddd; --accent: #2a6f97; }
* { box-sizing: border-box; }
body { margin: 0; background: #f6f6f4; color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.8rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
dl { display: flex; flex-wrap: wrap; gap: .3rem 2rem; margin: 0 0 1rem; }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; }
section { background: white; border: 1px solid var(--line); border-radius: 6px;
  padding: 1rem 1.2rem; margin: 0 0 1rem; }
section > p { margin: 0 0 .8rem; color: var(--soft); }
ul { margin: 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
.charts { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
figure { margin: 0; min-width: 0; }
figure img, article img { width: 100%; height: auto; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th:first-child { text-align: left; font-weight: normal; }
thead th { color: var(--soft); font-weight: normal; font-size: .85rem; }
th p { margin: 0; color: var(--soft); font-size: .85rem; }
td.bar { min-width: 8rem; position: relative; }
td.bar span { display: block; height: .5rem; min-width: 1px; margin: .1rem 0 0 auto;
  background: var(--accent); border-radius: 2px; }
.sheet { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
article { border: 1px solid var(--line); border-radius: 4px; padding: .6rem; min-width: 0; }
article p { margin: .3rem 0 0; font-size: .85rem; color: var(--soft); }
.none { padding: 2rem 1rem; background: #f2f2f0; text-align: center; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  main { padding: .6rem; } th p { display: none; } th, td { padding: .3rem; }
  td.bar { min-width: 4rem; } }
@media print { body { background: white; } section { break-inside: avoid; } }
"""
