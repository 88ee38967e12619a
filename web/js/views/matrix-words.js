// What the matrix says: tooltips, what screen readers hear, and its caption.

import { bytes, count, fromTo, isolated, percent, plural, visibleText } from '../format.js';
import { NOWHERE, OUTSIDE, ROUTERS, UNPLACED, isDrawn } from '../model/graph-model.js';
import { outsidePeers, splitOf } from '../model/headline.js';
import { blockTitle } from '../scene/matrix-picture.js';
import { pairSelection } from '../scene/street-scene.js';
import { laneTitle } from '../verdicts.js';

/** @typedef {import('../scene/matrix-picture.js').Picture} Picture */
/** @typedef {import('../layout/matrix.js').Line} Line */
/** @typedef {import('../layout/matrix.js').Block} Block */
/** @typedef {import('../layout/matrix-cells.js').Cell} Cell */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/filters.js').Shown} Shown */
/** @typedef {import('../model/headline.js').Split} Split */
/** @typedef {import('../url-state.js').Selection} Selection */

/** @param {Picture} picture @param {number} index of a line @returns {string} */
export function lineTitle({ axis, names }, index) {
  const line = axis.lines[index];
  return line ? (line.id === null ? blockTitle(line.place) : names[index] ?? '') : '';
}

/** What a click on a cell means. A cell of one pair is that pair. @param {Picture} picture @param {Cell} cell @returns {Selection} */
export function cellSelection({ axis }, cell) {
  const [one, other] = [/** @type {Line} */ (axis.lines[cell.row]), /** @type {Line} */ (axis.lines[cell.column])];
  const [only] = cell.pairs;
  if (one === other) return { type: 'place', place: one.place };
  if (cell.pairs.length === 1 && only) return pairSelection(only);
  const single = one.id ?? other.id; // an endpoint with a whole place: its own pairs
  return single === null ? { type: 'trunk', from: one.place, to: other.place } : { type: 'node', id: single };
}

/** @param {Split} split @returns {string} "1.20 GB stayed, 300 MB left" */
function splitText(split) {
  const left = split.hairpin > 0 ? `left, of it ${bytes(split.hairpin)} hairpin` : 'left';
  return /** @type {[number, string][]} */ ([[split.stayed, 'stayed'], [split.left, left], [split.undetermined, 'undetermined']])
    .filter(([part]) => part > 0).map(([part, word]) => `${bytes(part)} ${word}`).join(', ');
}

/** @param {Picture} picture @param {Cell} cell @returns {{tip: string, detail: string}} */
export function cellTip(picture, cell) {
  const [only] = cell.pairs;
  if (cell.row !== cell.column && cell.pairs.length === 1 && only) {
    return { tip: fromTo(only.a.label, only.b.label), detail: `${laneTitle(only.lane)} · ${bytes(only.edge.wire_bytes)}` };
  }
  const tip = cell.row === cell.column ? `Within ${lineTitle(picture, cell.row)}` : `${isolated(lineTitle(picture, cell.row))} – ${isolated(lineTitle(picture, cell.column))}`;
  return { tip, detail: `${splitText(cell.split)} · ${plural(cell.pairs.length, 'pair')}` };
}

/** @param {Picture} picture @param {Cell|undefined} cell @param {number} row @param {number} column @returns {string} "app-3 to pg-2, Left the host, 1.42 GB, grade proven" */
export function spokenCell(picture, cell, row, column) {
  if (!cell) return row === column ? `${lineTitle(picture, row)} with itself` : `${lineTitle(picture, row)} and ${lineTitle(picture, column)}, nothing shown`;
  const [only] = cell.pairs;
  if (cell.row !== cell.column && cell.pairs.length === 1 && only) {
    const grade = only.edge.grade === null ? 'no evidence' : only.edge.grade;
    return visibleText(`${only.a.label} to ${only.b.label}, ${laneTitle(only.lane)}, ${bytes(only.edge.wire_bytes)}, ${grade}`);
  }
  const { tip } = cellTip(picture, cell);
  return `${tip}, ${bytes(cell.split.total)} in ${plural(cell.pairs.length, 'pair')}: ${splitText(cell.split)}`;
}

/** @param {Picture} picture @param {number} index of a block @returns {{tip: string, detail: string}} */
export function blockTip(picture, index) {
  const block = /** @type {Block} */ (picture.axis.blocks[index]);
  const words = picture.words[index];
  const fold = block.gate ? '' : block.folded ? ' · click to unfold' : ' · click twice to fold';
  const split = words && words.split.total > 0 ? `${splitText(words.split)} · ` : '';
  return { tip: words?.title ?? '', detail: `${split}${plural(block.endpoints, 'endpoint')}${fold}` };
}

/** @param {Picture} picture @param {GraphModel} model @param {number} index of a line @returns {{tip: string, detail: string}} */
export function lineTip(picture, model, index) {
  const node = model.nodes.get(picture.axis.lines[index]?.id ?? '');
  return { tip: lineTitle(picture, index), detail: node ? `${bytes(node.wire_bytes)} · ${visibleText(node.ips.slice(0, 2).join(', ')) || 'no IP seen'}` : '' };
}

/** @param {Picture} picture @param {GraphModel} model @param {number} index of a line @returns {string} what its label is called */
export function spokenLine(picture, model, index) {
  const { detail } = lineTip(picture, model, index);
  return `${lineTitle(picture, index)}, ${detail}`;
}

/** @param {Picture} picture @param {number} index of a block @returns {string} */
export function spokenBlock(picture, index) {
  const block = /** @type {Block} */ (picture.axis.blocks[index]);
  const words = picture.words[index];
  const state = block.gate ? '' : block.folded ? ', folded: Enter unfolds' : ', unfolded: f folds';
  return `${words?.title ?? ''}, ${plural(block.endpoints, 'endpoint')}, ${`${words?.share ?? ''} ${words?.word ?? ''}`.trim()}${words?.total ? `, ${words.total}` : ''}${state}`;
}

/**
 * Every fold with its bytes, so that nothing is missing unsaid.
 * @param {Picture} picture @param {GraphModel} model @param {Shown} shown
 * @returns {{hosts: string, others: string}}
 */
export function foldTexts({ axis, words }, model, shown) {
  const bytesOf = (/** @type {(pair: Pair) => boolean} */ test) => bytes(splitOf(shown.pairs.filter(test)).total);
  const blocks = axis.blocks.filter((block) => !block.gate);
  const folded = blocks.filter((block) => block.folded);
  const places = new Set(folded.map((block) => block.place));
  const sum = (/** @type {Block[]} */ some) => some.reduce((total, block) => total + block.endpoints, 0);
  const known = (/** @type {Block[]} */ some) => some.filter((block) => block.place !== UNPLACED).length;
  const all = folded.length === blocks.length;
  const hosts = folded.length === 0 ? '' : `${all ? '' : `${count(known(folded))} of `}${plural(known(blocks), 'host')} folded: click a host to unfold; ${all ? '' : `${count(sum(folded))} of `}${plural(sum(blocks), 'endpoint')}, ${bytesOf((pair) => isDrawn(pair) && (places.has(pair.placeA) || places.has(pair.placeB)))}. `;
  const others = axis.blocks.flatMap((block, i) => {
    const total = words[i]?.total || '0 B';
    if (block.place === OUTSIDE) return [`Outside: ${plural(outsidePeers(model), 'peer')} in one line, ${total}`];
    return block.place === ROUTERS && block.endpoints > 1 ? [`${plural(block.endpoints, 'router')} in one line, ${total}`] : [];
  });
  const left = shown.pairs.filter((pair) => !isDrawn(pair));
  if (left.length) {
    const groups = left.filter((pair) => pair.placeA === NOWHERE || pair.placeB === NOWHERE || pair.lane === 'flood').length;
    others.push(`in the table only: ${plural(groups, 'row')} of groups and floods${groups < left.length ? `, ${left.length - groups} of self-talk` : ''}, ${bytes(splitOf(left).total)}`);
  }
  return { hosts, others: others.length ? `${others.join('; ')}. ` : '' };
}

/** What stayed of all that can be drawn, whatever a filter hides: the name of the grid. @param {Picture} picture @param {GraphModel} model @returns {string} */
export function gridName({ cells }, model) {
  const sum = splitOf(model.pairs.filter(isDrawn));
  return `Matrix by host, ${plural(cells.list.length, 'filled cell')}, ${percent(sum.stayed, sum.total)} of ${bytes(sum.total)} stayed`;
}
