// Nothing is selected: what deserves a look first.

import { bytes, count, plural, visibleText } from '../format.js';
import { isVmToVm } from '../model/graph-model.js';
import { rangeText, splitOf } from '../model/headline.js';
import { el } from './element.js';
import { moreList } from './more-list.js';
import { shortPairList } from './pair-list.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../url-state.js').Selection} Selection */

/**
 * @param {GraphModel} model
 * @param {import('../model/filters.js').Shown} shown
 * @param {(selection: Selection|null) => void} select
 * @returns {Node[]}
 */
export function overviewPanel(model, shown, select) {
  const vms = shown.drawn.filter(isVmToVm);
  const between = vms.length ? vms : shown.drawn; // without an inventory nobody may be known to be a VM
  const of = (/** @type {string} */ lane) => between.filter((pair) => pair.lane === lane);
  const { totals, warnings } = model.facts;
  const range = rangeText(model);
  const whole = range === null ? '' : ', whole capture'; // these figures follow no range
  return [
    ...group('Never left the host', of('stayed'), select,
      'No firewall, tap or flow exporter outside the host can see these.'),
    ...group('Hairpins', of('hairpin'), select,
      'Both VMs stand on one host, yet their traffic leaves it and comes back: once out, once in.'),
    ...group('Partly left', of('mixed'), select, 'Some of the bytes stayed, some left.'),
    ...group('Cannot be told yet', of('undetermined'), select, 'Open one to see which capture or inventory would settle it.'),
    ...group('Between hosts', of('left'), select, 'These cross the physical network.'),
    ...(vms.length ? [] : [el('section', {}, el('p', { class: 'muted' }, 'No pair of two VMs is shown: these are pairs of other endpoints.'))]),
    el('section', {}, el('h3', {}, range === null ? 'In this capture' : `In ${range}`), el('dl', { class: 'facts', id: 'totals' },
      ...fact(`Packets${whole}`, count(totals.packets)), ...fact(`Mirror duplicates, counted once${whole}`, count(totals.duplicate_packets)),
      ...fact('Conversations', count(totals.conversations)), ...fact('Bytes, counted once', bytes(totals.unique_bytes)))),
    ...(warnings.length ? [el('section', { id: 'warnings' }, el('h3', {}, plural(warnings.length, 'warning')),
      moreList('warnings', warnings, (warning) => el('li', {}, el('span', { class: 'against', 'aria-hidden': 'true' }, '!'), el('span', { class: 'hostile' }, visibleText(warning.text))), { className: 'evidence', page: 6 }))] : []),
  ];
}

/** @param {string} title @param {Pair[]} pairs @param {(selection: Selection|null) => void} select @param {string} note @returns {Node[]} */
function group(title, pairs, select, note) {
  if (pairs.length === 0) return [];
  return [el('section', {}, el('h3', {}, `${title} · ${bytes(splitOf(pairs).total)}`), el('p', { class: 'detail-panel__sub' }, note), shortPairList(pairs, select, 5))];
}

/** @param {string} term @param {string} value */
function fact(term, value) {
  return [el('dt', {}, term), el('dd', {}, value)];
}
