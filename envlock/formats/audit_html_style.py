"""What the page of an audit adds to the style of all reports."""

from __future__ import annotations

from envlock.formats.html_style import STYLE

AUDIT_STYLE = (
    STYLE
    + """
.filter { border: 0; border-block: 1px solid var(--line); margin: 0 0 1rem; padding: .5rem 0;
  display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
.filter legend { float: left; padding: .25rem .5rem .25rem 0; color: var(--muted); }
.filter label { display: inline-flex; align-items: center; gap: .4rem; min-height: 1.75rem; }
.filter input { width: 1.1rem; height: 1.1rem; accent-color: var(--accent); margin: 0; }
input:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
main:has(#show-error:not(:checked)) .group.error,
main:has(#show-warning:not(:checked)) .group.warning,
main:has(#show-note:not(:checked)) .group.note { display: none; }
main:has(#show-error:not(:checked)) .file:not(.has-warning, .has-note),
main:has(#show-warning:not(:checked)) .file:not(.has-error, .has-note),
main:has(#show-note:not(:checked)) .file:not(.has-error, .has-warning),
main:has(#show-error:not(:checked)):has(#show-warning:not(:checked)) .file:not(.has-note),
main:has(#show-error:not(:checked)):has(#show-note:not(:checked)) .file:not(.has-warning),
main:has(#show-warning:not(:checked)):has(#show-note:not(:checked)) .file:not(.has-error),
main:has(#show-error:not(:checked)):has(#show-warning:not(:checked)):has(#show-note:not(:checked))
  .file { display: none; }
.badge.error { background: var(--bad); border-color: var(--bad); color: var(--on-bad); }
.badge.warning { color: var(--open); padding-left: .4rem; }
.badge.note { color: var(--muted); border-style: dashed; font-weight: 400; }
.file { margin: 0 0 1.75rem; }
.file h3 code { font-size: 1em; }
.file > .note { margin: 0 0 .25rem; }
.group { border-left: .25rem solid var(--line); padding: .1rem 0 .1rem .75rem; margin: .75rem 0; }
.group.error { border-left: .25rem double var(--bad); }
.group.warning { border-left-color: var(--open); padding-left: .75rem; }
.group.note { border-left-style: dashed; color: inherit; }
.group summary { color: inherit; }
.places { list-style: none; margin: .25rem 0 .5rem; padding: 0; }
.places li { padding: .3rem 0; border-bottom: 1px solid var(--line); }
.place { color: var(--muted); font-size: .875rem; margin-right: .5rem; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.reasons dt { margin-top: .75rem; }
.reasons dd { margin: 0 0 0 1.25rem; color: var(--muted); }
.files td:nth-of-type(2) { font-variant-numeric: tabular-nums; }
.files td { white-space: nowrap; overflow-wrap: normal; }
.files th[scope=row] { min-width: 10rem; }
@media screen and (max-width: 40rem) {
  .files td { white-space: normal; }
  .files td:nth-of-type(2), .files td:nth-of-type(4),
  .files th[scope=col]:nth-of-type(3), .files th[scope=col]:nth-of-type(5) { display: none; }
}
@media print {
  .filter { display: none; }
  .badge.error { background: none; color: var(--bad); border-width: .1875rem; }
  .files td, .place { white-space: normal; overflow-wrap: anywhere; }
  .group { break-inside: auto; }
}
"""
)
