// The verdict of a pair, what speaks for and against it, and what would settle it.

import { bytes, count, shortName, visibleText } from '../format.js';
import { splitOf } from '../model/headline.js';
import { balanceOf, framesText, mergedEvidence } from '../model/pair-facts.js';
import { gradeMeaning, laneTitle, meaningOf } from '../verdicts.js';
import { el, icon, splitBar } from './element.js';
import { moreList } from './more-list.js';

/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').Evidence} Evidence */

const EVIDENCE_SHOWN = 8;

/** @param {Pair} pair */
export function verdictBox(pair) {
  const { edge, lane } = pair;
  const split = splitOf([pair]);
  const parts = [split.stayed, split.left, split.undetermined].filter((part) => part > 0).length;
  const mark = lane === 'hairpin' ? icon('turn', 18, 16) : lane === 'flood' ? null : icon(lane, 26, 22);
  return el('div', { class: `verdict verdict--${lane}`, id: 'verdict' },
    el('p', { class: 'verdict__word' }, mark, laneTitle(lane)),
    el('p', { class: 'verdict__name' }, el('code', {}, edge.verdict), ' · grade ', el('b', {}, edge.grade ?? 'none'), ` (${gradeMeaning(edge.grade)})`),
    el('p', {}, meaningOf(edge.verdict)),
    parts > 1 && [splitBar('share-bar', split), el('p', { class: 'num' }, `${bytes(split.stayed)} stayed, ${bytes(split.left)} left, ${bytes(split.undetermined)} undetermined`)]);
}

/** @param {Pair} pair @param {GraphModel} model @returns {Node} */
export function evidenceSection({ edge, lane }, model) {
  if (edge.evidence.length === 0) return el('section', {}, el('h3', {}, 'Evidence'), el('p', { class: 'muted' }, 'There is none yet.'));
  const rows = mergedEvidence(edge.evidence);
  const { pro, text } = balanceOf(rows);
  const open = lane === 'undetermined' && pro === 0; // nothing is decided, so nothing speaks against it
  return el('section', {}, el('h3', {}, open ? 'Why it cannot be told' : `Evidence · ${text}`),
    moreList('evidence', rows, (row) => evidenceRow(row, open, model), { className: 'evidence', id: 'evidence', page: EVIDENCE_SHOWN }));
}

/** @param {Evidence} row @param {boolean} open @param {GraphModel} model */
function evidenceRow(row, open, model) {
  const side = row.supports ? 'for' : 'against';
  const frames = framesText(row.frames);
  const rule = [row.rule, ...new Set(row.points.map((id) => pointName(id, model)))].map(visibleText).join(' · ');
  return el('li', {},
    el('span', { class: side }, el('span', { 'aria-hidden': 'true' }, row.supports ? '✓' : '✗'), el('span', { class: 'visually-hidden' }, `${side}: `)),
    el('div', {}, !row.supports && !open && el('b', { class: 'against' }, 'Against: '), el('span', { class: 'hostile' }, visibleText(row.text)),
      row.count > 1 && ` · ${count(row.count)} ×`, frames && [' · ', el('span', { class: 'frames' }, frames)],
      el('div', { class: 'rule' }, rule)));
}

/** @param {string} id @param {GraphModel} model */
function pointName(id, model) {
  const point = model.facts.points.find((one) => one.id === id);
  return point ? [point.file, point.interface].filter(Boolean).join(' ') : id;
}

/** @param {Pair} pair @param {(selection: import('../url-state.js').Selection) => void} select @returns {Node|null} */
export function settleSection({ edge, a, b, lane }, select) {
  if (edge.would_settle.length === 0) return null;
  const unplaced = lane === 'undetermined' ? [...new Set([a, b])].filter((node) => node.host === null && node.kind !== 'group') : [];
  return el('section', {}, el('h3', {}, 'What would settle it'),
    el('ul', { class: 'settle' }, edge.would_settle.map((text) => el('li', { class: 'hostile' }, visibleText(text))),
      unplaced.length > 0 && el('li', {}, 'Or your own word: ', unplaced.map((node, index) => [index > 0 && ', ',
        el('button', { type: 'button', class: 'link-button hostile', 'data-key': `settle ${node.id}`, onclick: () => select({ type: 'node', id: node.id }) }, `where is ${shortName(node.label, 28)}?`)]).flat())));
}
