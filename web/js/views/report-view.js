// A report (flowmap-report/1) as elements. Everything goes in as text; what it says was decided by the server.

import { el } from './element.js';

/** @typedef {import('../document-types.js').Report} Report */
/** @typedef {import('../document-types.js').ReportBlock} ReportBlock */

/** @param {Report} report @returns {Node[]} */
export function reportElements(report) {
  return [
    el('header', {},
      el('h1', {}, report.title),
      el('p', { class: 'report__answer' }, report.answer),
      report.bar.length > 0 && bar(report.bar),
      report.bar.length > 0 && el('ul', { class: 'report__legend' }, report.bar.map((part) => el('li', { class: `is-${part.word}` }, part.label))),
      report.answer_grades !== '' && el('p', { class: 'report__note' }, `Grades of these bytes: ${report.answer_grades}`),
      el('dl', {}, report.facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]))),
    ...report.sections.map((section, index) => el('section', { id: section.id },
      el('h2', {}, `${index + 1}. ${section.title}`),
      section.blocks.flatMap(block))),
  ];
}

/** @param {ReportBlock} one @returns {Node[]} */
function block(one) {
  if (one.kind === 'heading') return [el('h3', {}, one.text)];
  if (one.kind === 'bullets') return [el('ul', {}, one.items.map((item) => el('li', {}, item)))];
  if (one.kind === 'table') return table(one);
  return [el('p', {}, one.text)];
}

/** @param {import('../document-types.js').ReportTable} one @returns {Node[]} */
function table(one) {
  const place = (/** @type {number} */ column) => (one.numbers.includes(column) ? 'is-number' : null);
  const made = el('table', {},
    el('caption', {}, one.caption),
    el('thead', {}, el('tr', {}, one.columns.map((name, column) => el('th', { scope: 'col', class: place(column) }, name)))),
    el('tbody', {}, one.rows.map((row) => el('tr', {}, row.map((cell, column) => el('td', { class: place(column) }, cell))))));
  const framed = el('div', { class: 'report__table', tabindex: '0', role: 'region', 'aria-label': one.caption }, made);
  return one.note === '' ? [framed] : [framed, el('p', { class: 'report__note' }, one.note)];
}

/** The shares as a bar with textures; the legend below says the same in words. @param {Report['bar']} parts */
function bar(parts) {
  return el('div', { class: 'report__bar', 'aria-hidden': 'true' }, parts.map((part) => {
    const piece = el('span', { class: `is-${part.word}` });
    piece.style.flexGrow = String(part.share);
    return piece;
  }));
}
