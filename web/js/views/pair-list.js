// Pairs as buttons, in short lists and in long ones; each opens its pair.

import { bytes, count, plural, visibleText } from '../format.js';
import { otherEnd } from '../model/graph-model.js';
import { laneTitle } from '../verdicts.js';
import { pairSelection } from '../scene/street-scene.js';
import { el, icon } from './element.js';

/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../url-state.js').Selection} Selection */

/** The first of a long list, and what the rest sums up to. @param {Pair[]} pairs @param {(selection: Selection|null) => void} select @param {number} most */
export function shortPairList(pairs, select, most) {
  const rows = pairs.slice(0, most).map((pair) => pairItem(pair, select));
  const rest = pairs.slice(most);
  if (rest.length) {
    const sum = rest.reduce((total, pair) => total + pair.edge.wire_bytes, 0);
    rows.push(el('li', { class: 'muted' }, `and ${count(rest.length)} more with ${bytes(sum)}, in the table`));
  }
  return el('ul', { class: 'pair-list' }, rows);
}

/** Shares count all traffic, lists only what passes the filters: where they differ, that is said. @param {Pair[]} all @param {Pair[]} shown @returns {Node|null} */
export function hiddenNote(all, shown) {
  const hidden = all.length - shown.length;
  return hidden > 0 ? el('p', { class: 'muted', id: 'hidden-note' }, `The lists below leave out ${plural(hidden, 'pair')} that filters hide.`) : null;
}

/** @param {Pair} pair @param {(selection: Selection|null) => void} select @param {string} [from] id of an end: only the other one is named */
export function pairItem(pair, select, from) {
  const name = (/** @type {string} */ label) => el('bdi', {}, visibleText(label)); // each for itself: two names that are read from the right would change places
  const names = from === undefined ? [name(pair.a.label), ' → ', name(pair.b.label)] : [name(otherEnd(pair, from).label)];
  const detail = `${laneTitle(pair.lane)} · ${pair.edge.grade ?? 'no evidence'}`;
  return el('li', {}, el('button', { type: 'button', class: 'pair-list__item', 'data-key': `pair ${pair.key}`, onclick: () => select(pairSelection(pair)) },
    pair.lane === 'flood' ? el('i') : icon(pair.lane, 22, 19), el('span', { dir: 'ltr' }, names), el('b', { class: 'num' }, bytes(pair.edge.wire_bytes)), el('small', {}, detail)));
}
