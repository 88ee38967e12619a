// What screen readers are told when the selection, the filters or the map change. Pure.

import { bytes, count, plural, visibleText } from './format.js';
import { placeName } from './scene/house-items.js';
import { laneTitle } from './verdicts.js';
import { NOWHERE, OUTSIDE, ROUTERS, otherEnd, pairKey } from './model/graph-model.js';

/** @typedef {import('./model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('./model/graph-model.js').Pair} Pair */
/** @typedef {import('./model/filters.js').Shown} Shown */
/** @typedef {import('./url-state.js').Selection} Selection */

/** Longer names are cut: whoever listens cannot skip. */
const NAME_MOST = 80;

/** @param {string} text */
function name(text) {
  const signs = Array.from(visibleText(text));
  return signs.length <= NAME_MOST ? signs.join('') : `${signs.slice(0, NAME_MOST).join('')}…`;
}

const PLACES = new Map([[OUTSIDE, 'Outside'], [ROUTERS, 'Routers'], [NOWHERE, 'Groups']]);

/** @param {string} place */
export function placeWords(place) {
  return PLACES.get(place) ?? name(placeName(place));
}

/** "app-3 to pg-2, left the host, 1.42 GB, proven". @param {Pair} pair */
export function pairWords(pair) {
  return `${name(pair.a.label)} to ${name(pair.b.label)}, ${pairEnding(pair)}`;
}

/** The same from one end: "pg-2, left the host, 1.42 GB, proven". @param {Pair} pair @param {string} from */
export function peerWords(pair, from) {
  return `${name(otherEnd(pair, from).label)}, ${pairEnding(pair)}`;
}

/** @param {Pair} pair */
function pairEnding({ lane, edge }) {
  return `${laneTitle(lane).toLowerCase().replace(' · ', ', ')}, ${bytes(edge.wire_bytes)}, ${edge.grade ?? 'no evidence'}`;
}

/** @param {GraphModel} model @param {string} id of an endpoint */
export function nodeWords(model, id) {
  const node = model.nodes.get(id);
  if (!node) return '';
  const pairs = model.pairsOf.get(id) ?? [];
  const top = pairs[0];
  return `${name(node.label)}, ${node.ips[0] ?? 'no IP'}, ${plural(pairs.length, 'pair')}${top ? `; most with ${peerWords(top, id)}` : ''}`;
}

/** @param {Selection|null} selection @param {GraphModel} model @returns {string} */
export function selectionWords(selection, model) {
  if (selection === null) return 'Nothing is selected.';
  if (selection.type === 'pair') {
    const pair = model.pairByKey.get(pairKey(selection.a, selection.b));
    return pair ? `${pairWords(pair)}.` : '';
  }
  if (selection.type === 'node') return nodeWords(model, selection.id);
  if (selection.type === 'place') return `${placeWords(selection.place)}, ${plural(model.places.get(selection.place)?.length ?? 0, 'endpoint')}.`;
  if (selection.type === 'trunk') {
    return selection.from === selection.to ? `Hairpins on ${placeWords(selection.from)}.` : `Traffic between ${placeWords(selection.from)} and ${placeWords(selection.to)}.`;
  }
  return `Capture point ${name(selection.id)}.`;
}

/** "37 of 212 pairs hidden". @param {Shown} shown @param {GraphModel} model */
export function filterWords(shown, model) {
  return shown.hiddenPairs === 0 ? `All ${plural(model.pairs.length, 'pair')} shown.` : `${count(shown.hiddenPairs)} of ${plural(model.pairs.length, 'pair')} hidden.`;
}
