"""How a report looks: light and dark, on paper and on a phone; no outcome by colour alone."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fff; --text: #1a1d21; --muted: #555c66; --line: #c9ced6; --quiet: #f4f5f7;
  --accent: #1a56b0; --good: #0b6437; --bad: #b3261e; --on-bad: #fff; --open: #6b4a00;
  --tile-conda: #cfe1fb; --tile-pypi: #fbdfbf; --tile-other: #d9efd8; --tile-rest: #e1e4e8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --text: #e8eaed; --muted: #abb2bc; --line: #434b55; --quiet: #1e2227;
    --accent: #8ab8ff; --good: #74d6a0; --bad: #ff9a90; --on-bad: #2b0503; --open: #e6c583;
    --tile-conda: #1f3c66; --tile-pypi: #5f3d14; --tile-other: #24492a; --tile-rest: #363c44;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 72rem; padding: 1.25rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.3rem; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: 0 0 .5rem; }
code { font: .875em ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible {
  outline: 3px solid var(--accent); outline-offset: 2px;
}
section { margin: 2.25rem 0 0; scroll-margin-top: 1rem; }
.kind, .note, .hint { color: var(--muted); }
.kind { margin: 0; }
.hint { font-style: italic; }
.warning { border-left: .4rem double var(--open); padding-left: .75rem; }

.head { border-left: .5rem solid; padding: .25rem 0 .25rem 1rem; }
.head.passed { border-color: var(--good); }
.head.failed { border-color: var(--bad); border-left-style: double; }
.head.incomplete { border-color: var(--open); border-left-style: dashed; }
.verdict { font-size: 1.4rem; font-weight: 700; margin-right: .25rem; }
.passed .verdict { color: var(--good); }
.failed .verdict { color: var(--bad); }
.incomplete .verdict { color: var(--open); }

nav ul { list-style: none; margin: 1.25rem 0 0; padding: .5rem 0; display: flex; flex-wrap: wrap;
  gap: .25rem 1.25rem; border-block: 1px solid var(--line); }
nav a { display: inline-block; padding: .2rem 0; }

.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr));
  gap: .5rem 1.5rem; margin: .75rem 0; }
.head .facts { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; }
.facts.long { grid-template-columns: 1fr; }
.facts dt { color: var(--muted); font-size: .875rem; }
.facts dd { margin: 0; }

.findings { padding-left: 1.25rem; margin: 0; }
.findings li { margin-bottom: .5rem; }
.findings p, td p { margin: 0; white-space: pre-line; }

.badge { display: inline-block; border: .125rem solid; border-radius: .25rem; padding: 0 .4rem;
  font-size: .875rem; font-weight: 600; line-height: 1.45; white-space: nowrap; }
.badge.passed, .badge.covered, .badge.allowed { color: var(--good); }
.badge.failed, .badge.missing, .badge.not-allowed {
  background: var(--bad); border-color: var(--bad); color: var(--on-bad); }
.badge.not-run, .badge.unknown { color: var(--open); border-style: dashed; font-style: italic;
  font-weight: 400; }
.tag { border: 1px solid var(--line); border-radius: .25rem; padding: 0 .3rem; font-size: .75rem;
  color: var(--muted); }

table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--muted); padding-bottom: .5rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0;
  border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { color: var(--muted); font-size: .875rem; border-bottom: 2px solid var(--line); }
.group th { padding-top: 1.25rem; font-weight: 700; border-bottom: 2px solid var(--line); }
.stack tbody th { width: 25%; }
.stack td:nth-of-type(1) { width: 9.5rem; }
.stack td:nth-of-type(2) { width: 32%; }
tr:target { outline: 3px solid var(--accent); }
.numbers { list-style: none; margin: 0; padding: 0; font-size: .875rem; display: flex;
  flex-wrap: wrap; gap: 0 1rem; }
.nothing { color: var(--muted); }
.numbers b { font-weight: 600; font-variant-numeric: tabular-nums; }
.stack .note { font-size: .875rem; font-weight: 400; }

.scroll { overflow-x: auto; }
.matrix { width: auto; overflow-wrap: normal; }
.matrix a { text-decoration: none; }
.figure { display: block; font-size: .875rem; font-variant-numeric: tabular-nums; }
thead th, .packages td:nth-last-child(-n+2) { white-space: nowrap; overflow-wrap: normal; }
.packages td, .figures td, .figures th { font-variant-numeric: tabular-nums; }

.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr));
  gap: 1rem; }
figure { margin: 0; padding: .75rem; border: 1px solid var(--line); border-radius: .375rem; }
.parts { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap;
  gap: 0 1rem; font-size: .875rem; color: var(--muted); }
figcaption .note { margin: 0; font-size: .875rem; font-style: italic; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--text); font-family: inherit; }
.plot { margin-top: .5rem; }
.plot text { font-size: 12px; fill: var(--muted); }
.plot .name { font-weight: 700; fill: var(--text); }
.grid { stroke: var(--line); stroke-width: 1; }
.line { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
.dot { fill: var(--accent); }
.accuracy .line, .accuracy .dot { stroke: var(--good); }
.accuracy .line { stroke-dasharray: 6 3; }
.accuracy .dot { fill: var(--good); }
.plot .broken { fill: var(--bad); font-size: 16px; font-weight: 700; }
details { margin-top: .5rem; }
summary { cursor: pointer; color: var(--accent); padding: .25rem 0; }

.treemap { margin: .5rem 0 1rem; }
.treemap.narrow { display: none; }
.tile rect { stroke: none; }
.conda rect { fill: var(--tile-conda); }
.pypi rect { fill: var(--tile-pypi); }
.other rect { fill: var(--tile-other); }
.rest rect { fill: var(--tile-rest); }
.treemap .group { font-weight: 700; }
footer { margin-top: 2.5rem; padding-top: .75rem; border-top: 1px solid var(--line);
  color: var(--muted); }

@media screen and (max-width: 40rem) {
  body { padding: 1rem; }
  h1 { font-size: 1.5rem; }
  .facts { grid-template-columns: 1fr 1fr; }
  .treemap.wide { display: none; }
  .treemap.narrow { display: block; }
  .stack, .stack tbody, .stack tr, .stack th, .stack td, .stack caption { display: block; }
  .stack tbody th, .stack tbody td:nth-of-type(n) { width: auto; }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }
  .stack tr { border: 1px solid var(--line); border-radius: .375rem; padding: .5rem .75rem;
    margin-bottom: .75rem; }
  .stack th, .stack td { border: 0; padding: .15rem 0; }
  .stack td:has(> .nothing) { display: none; }
  .stack tr.group { border: 0; padding: .75rem 0 0; margin-bottom: .25rem; }
  .stack td[data-label]::before { content: attr(data-label) " "; color: var(--muted);
    font-size: .875rem; }
  .stack td[data-label] p:first-child { display: inline; }
  .packages th, .packages td { padding-right: .5rem; }
  .packages td:nth-child(3), .packages th:nth-child(3) { display: none; }
}

@media print {
  :root {
    color-scheme: light;
    --page: #fff; --text: #000; --muted: #444; --line: #999; --quiet: #fff;
    --accent: #1a56b0; --good: #0b6437; --bad: #b3261e; --on-bad: #fff; --open: #6b4a00;
    --tile-conda: #cfe1fb; --tile-pypi: #fbdfbf; --tile-other: #d9efd8; --tile-rest: #e1e4e8;
  }
  @page { margin: 14mm; }
  html { font-size: 9.5pt; }
  body { max-width: none; padding: 0; }
  nav, details:not([open]) { display: none; }
  a { color: inherit; }
  section { margin-top: 1.25rem; }
  h2, section > p, .group, caption { break-after: avoid; }
  tr, figure, li, svg, footer, .facts > div { break-inside: avoid; }
  .scroll { overflow: visible; }
  .matrix { width: 100%; overflow-wrap: anywhere; }
  thead th { white-space: normal; overflow-wrap: anywhere; }
  .curves { grid-template-columns: repeat(3, 1fr); gap: .5rem; }
  .badge.failed, .badge.missing, .badge.not-allowed {
    background: none; color: var(--bad); border-width: .1875rem; }
}
"""
"""A style sheet of our own; a report has no other style, so that its policy can name this one."""
