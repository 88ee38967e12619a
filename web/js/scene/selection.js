// What a selection means on the map. Pure.

import { isWithin } from '../model/clusters.js';
import { pairKey } from '../model/graph-model.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/filters.js').Shown} Shown */
/** @typedef {import('../url-state.js').Selection} Selection */

/** Pairs that the selection means, among those shown. @param {GraphModel} model @param {Shown} shown @param {Selection|null} selection @returns {Pair[]} */
export function chosenPairs(model, shown, selection) {
  if (selection === null || selection.type === 'point') return [];
  if (selection.type === 'pair') {
    const pair = model.pairByKey.get(pairKey(selection.a, selection.b));
    return pair ? [pair] : [];
  }
  if (selection.type === 'node') return shown.drawn.filter(({ a, b }) => a.id === selection.id || b.id === selection.id);
  if (selection.type === 'place') {
    const { place } = selection;
    return shown.drawn.filter((pair) => isWithin(model, pair.placeA, place) || isWithin(model, pair.placeB, place));
  }
  return shown.drawn.filter((pair) => isOfTrunk(model, pair, selection.from, selection.to));
}

/** @param {GraphModel} model @param {Pair} pair @param {string} from @param {string} to the same place: its hairpins */
function isOfTrunk(model, pair, from, to) {
  const at = (/** @type {string} */ place, /** @type {string} */ wanted) => isWithin(model, place, wanted);
  if (from === to) return pair.placeA === pair.placeB && at(pair.placeA, from) && pair.lane === 'hairpin';
  return (at(pair.placeA, from) && at(pair.placeB, to)) || (at(pair.placeA, to) && at(pair.placeB, from));
}

/** @param {Selection|null} selection @returns {Set<string>} endpoints that it names */
export function selectedNodes(selection) {
  if (selection?.type === 'pair') return new Set([selection.a, selection.b]);
  return new Set(selection?.type === 'node' ? [selection.id] : []);
}

/** @param {Pair} pair @returns {Selection} */
export function pairSelection(pair) {
  return { type: 'pair', a: pair.a.id, b: pair.b.id };
}

/** A trunk of one pair means that pair. @param {Pair[]} pairs @param {string} from @param {string} to @returns {Selection} */
export function trunkSelection(pairs, from, to) {
  const [only] = pairs;
  return pairs.length === 1 && only ? pairSelection(only) : { type: 'trunk', from, to };
}
