// What can be pointed at, from back to front. Pure.

import { bytes, fromTo, isolated, percent, plural, visibleText } from '../format.js';
import { cellAt } from '../layout/street.js';
import { MEASURES } from '../layout/measures.js';
import { clusterName, clustersOf, isCluster } from '../model/clusters.js';
import { OUTSIDE, ROUTERS, UNPLACED } from '../model/graph-model.js';
import { laneTitle } from '../verdicts.js';
import { placeName, withoutText } from './house-items.js';
import { gatesOf, turnWay } from './label-items.js';
import { pairSelection, trunkSelection } from './selection.js';

/** @typedef {import('./items.js').Hit} Hit */
/** @typedef {import('../layout/street.js').Layout} Layout */
/** @typedef {import('../layout/street.js').House} House */
/** @typedef {import('../layout/street.js').Rect} Rect */
/** @typedef {import('../layout/routes.js').Routes} Routes */
/** @typedef {import('../layout/routes.js').Trunk} Trunk */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/headline.js').Split} Split */
/** @typedef {ReturnType<typeof import('../layout/labels.js').placeLabels>} Labels */

/** Houses as a whole, for the map from afar. @param {Layout} layout @returns {Hit[]} */
export function houseHits(layout) {
  return [...layout.houses.values()].map((house) => clusterHit(house) ?? {
    selection: { type: 'place', place: house.place }, box: house.box,
    words: () => [placeName(house.place), `${plural(house.tiles.length + house.without.length, 'endpoint')}; zoom in to see them`],
  });
}

/** @param {House} house @returns {Hit|null} */
function clusterHit({ place, box, hosts }) {
  if (!isCluster(place)) return null;
  return { selection: null, turn: { unfold: clusterName(place) }, box, words: () => [placeName(place), `${plural(hosts.length, 'host')}; click to unfold`] };
}

/**
 * @param {Layout} layout
 * @param {Routes} routes
 * @param {GraphModel} model
 * @param {Labels} labels
 * @param {Map<string, Split>} hostSplits
 * @param {boolean} grouped unfolded clusters can be folded again
 * @returns {Hit[]}
 */
export function hitsOf(layout, routes, model, labels, hostSplits, grouped) {
  /** @type {Hit[]} */
  const hits = [];
  for (const house of layout.houses.values()) hits.push(...wallHits(house, model, grouped));
  for (const list of routes.arcs.values()) {
    for (const { pair, curve } of list) hits.push({ selection: pairSelection(pair), curve, reach: 5, words: () => pairWords(pair) });
  }
  for (const trunk of routes.trunks) hits.push({ ...trunkHit(trunk), curve: trunk.curve, reach: 7 });
  for (const turn of routes.turns) {
    /** @type {Hit} */
    const hit = {
      selection: trunkSelection(turn.pairs, turn.place, turn.place),
      words: () => [`Hairpin on ${placeName(turn.place)}`, `${bytes(turn.bytes)} went out and came back · ${turnWay(turn.pairs)}`],
    };
    hits.push({ ...hit, curve: turn.curve, reach: 8 });
    hits.push(...labels.turns.filter((label) => label.turn === turn).map((box) => ({ ...hit, box })));
  }
  for (const label of labels.trunks) hits.push({ ...trunkHit(label.trunk), box: label });
  for (const [place, title, caption] of gatesOf(model)) {
    hits.push({ selection: { type: 'place', place }, box: place === OUTSIDE ? layout.outside : layout.routers, words: () => [title, caption] });
  }
  for (const house of layout.houses.values()) hits.push(...insideHits(house, routes, model, hostSplits));
  return hits;
}

/** @param {House} house @param {GraphModel} model @param {boolean} grouped @returns {Hit[]} */
function wallHits(house, model, grouped) {
  const whole = clusterHit(house);
  if (whole) return [whole];
  const { box, outward, place, without } = house;
  const head = { x: box.x, y: outward < 0 ? box.y : box.y + box.h - MEASURES.header, w: box.w, h: MEASURES.header };
  /** @type {Hit[]} */
  const hits = [{
    selection: { type: 'place', place }, box: head,
    words: () => [placeName(place), without.length ? withoutText(without, model) : place === UNPLACED ? 'drop an inventory to place these endpoints' : 'host'],
  }];
  const cluster = clustersOf(model).of.get(place);
  if (grouped && cluster) {
    hits.push({ selection: null, turn: { fold: clusterName(cluster) }, box: { x: box.x + 4, y: head.y + 22, w: 34, h: 24 }, words: () => [placeName(cluster), 'click to fold its hosts into one house'] });
  }
  return hits;
}

/** @param {House} house @param {Routes} routes @param {GraphModel} model @param {Map<string, Split>} hostSplits @returns {Hit[]} */
function insideHits(house, routes, model, hostSplits) {
  const { matrix } = house;
  /** @type {Hit[]} */
  const hits = [];
  for (const tile of house.tiles) {
    const node = model.nodes.get(tile.id);
    if (node) hits.push({ selection: { type: 'node', id: tile.id }, box: tile, words: () => [visibleText(node.label), `${bytes(node.wire_bytes)} · ${visibleText(node.ips.slice(0, 2).join(', ')) || 'no IP seen'}`] });
  }
  for (const ghost of house.ghosts) {
    hits.push({ selection: model.nodes.has(ghost.id) ? { type: 'node', id: ghost.id } : null, box: ghost, words: () => [visibleText(ghost.label), 'no longer here; Tidy closes the gap'] });
  }
  for (const chip of house.hosts) {
    hits.push({ selection: null, turn: { unfold: clusterName(house.place) }, box: chip, words: () => [visibleText(chip.place), hostWords(hostSplits.get(chip.place))] });
  }
  if (!matrix) return hits;
  for (const { pair, row, column } of routes.cells.get(house.place) ?? []) {
    const hit = { selection: pairSelection(pair), words: () => pairWords(pair) };
    hits.push({ ...hit, box: cellAt(matrix, row, column) }, { ...hit, box: cellAt(matrix, column, row) });
  }
  return hits;
}

/** @param {Split|undefined} split */
function hostWords(split) {
  return split?.total ? `${percent(split.stayed, split.total)} of ${bytes(split.total)} stayed; click to unfold the cluster` : 'no traffic';
}

/** @param {Pair} pair @returns {[string, string]} */
function pairWords(pair) {
  return [fromTo(pair.a.label, pair.b.label), `${laneTitle(pair.lane)} · ${bytes(pair.edge.wire_bytes)}`];
}

/** @param {Trunk} trunk @returns {Hit} */
function trunkHit(trunk) {
  const { pairs, from, to } = trunk;
  const [only] = pairs;
  const name = (/** @type {string} */ place) => (place === OUTSIDE ? 'Outside' : place === ROUTERS ? 'Routers' : placeName(place));
  return {
    selection: trunkSelection(pairs, from, to),
    words: () => (pairs.length === 1 && only ? pairWords(only) : [`${isolated(name(from))} – ${isolated(name(to))}`, `${laneTitle(trunk.lane)} · ${bytes(trunk.bytes)} · ${plural(pairs.length, 'pair')}`]),
  };
}
