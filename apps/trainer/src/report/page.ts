/** The parts of a report, as HTML text. */
export interface Page {
  readonly title: string;
  /** What stands below the title. */
  readonly subtitle: string;
  readonly figures: readonly Figure[];
  readonly plots: readonly Plot[];
  readonly tables: readonly Table[];
}

/** A number that stands out. */
export interface Figure {
  readonly label: string;
  readonly value: string;
  readonly note?: string | undefined;
}

export interface Plot {
  readonly title: string;
  /** What is shown and how it was measured. */
  readonly caption: string;
  readonly svg: string;
}

export interface Table {
  readonly title: string;
  /** Of the columns; none: a list of names and values. */
  readonly head?: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One file that opens without a network: no scripts, no addresses, and a policy that forbids both. */
export function renderPage({ title, subtitle, figures, plots, tables }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header><h1>${escape(title)}</h1><p>${escape(subtitle)}</p></header>
<section class="figures">${figures.map(figureHtml).join('')}</section>
<section class="plots">${plots.map(plotHtml).join('')}</section>
<section class="tables">${tables.map(tableHtml).join('')}</section>
</main>
</body>
</html>
`;
}

function figureHtml({ label, value, note }: Figure): string {
  return `<div class="figure"><span>${escape(label)}</span><strong>${escape(value)}</strong>${note === undefined ? '' : `<small>${escape(note)}</small>`}</div>`;
}

function plotHtml({ title, caption, svg }: Plot): string {
  return `<figure><h2>${escape(title)}</h2>${svg}<figcaption>${escape(caption)}</figcaption></figure>`;
}

function tableHtml({ title, head, rows }: Table): string {
  const header = head === undefined ? '' : `<thead><tr>${head.map((cell) => `<th scope="col">${escape(cell)}</th>`).join('')}</tr></thead>`;
  const body = rows.map(([name = '', ...cells]) => {
    return `<tr><th scope="row">${escape(name)}</th>${cells.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`;
  });
  const kind = head === undefined ? 'list' : 'numbers';
  return `<div class="table"><h2>${escape(title)}</h2><table class="${kind}">${header}<tbody>${body.join('')}</tbody></table></div>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

// Series colours have a contrast of 3 and more against the page in both schemes, and differ in lightness for those who see no colours.
const STYLE = `
:root { --page: #ffffff; --card: #f6f7f9; --text: #1b1f24; --muted: #59636e; --line: #dfe3e8;
  --series-1: #1f6feb; --series-2: #d1570b; --series-3: #6e40c9; --series-4: #1a7f37; --on-series: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --page: #0f1318; --card: #181e26; --text: #e6eaf0; --muted: #98a4b3; --line: #2c3541;
  --series-1: #6cb0ff; --series-2: #ffa657; --series-3: #c69bff; --series-4: #63d07c; --on-series: #0f1318; } }
@media print { :root { --page: #ffffff; --card: #ffffff; --text: #000000; --muted: #444444; --line: #cccccc;
  --series-1: #1f6feb; --series-2: #d1570b; --series-3: #6e40c9; --series-4: #1a7f37; --on-series: #ffffff; } }
* { box-sizing: border-box; }
html { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 32px 24px 48px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0; }
h2 { font-size: 16px; margin: 0 0 8px; }
header p { color: var(--muted); margin: 4px 0 24px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-bottom: 24px; }
.figure { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; display: flex; flex-direction: column; }
.figure span { color: var(--muted); font-size: 13px; }
.figure strong { font-size: 22px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.figure small { color: var(--muted); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap: 16px; margin-bottom: 24px; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; break-inside: avoid; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { color: var(--muted); font-size: 13px; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap: 16px; align-items: start; }
.table { border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; break-inside: avoid; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 4px 12px 4px 0; border-top: 1px solid var(--line); font-weight: normal; overflow-wrap: anywhere; }
thead th, tbody tr:first-child > * { border-top: 0; }
thead th { color: var(--muted); }
tbody th { color: var(--muted); white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
.numbers td, .numbers thead th:not(:first-child) { text-align: right; }
`;
