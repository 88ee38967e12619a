// The map for keyboards and screen readers: a tree of hosts and their endpoints, and the arrow keys on the map.

import { bytes, count, plural, visibleText } from '../format.js';
import { clusterName, isCluster } from '../model/clusters.js';
import { otherEnd } from '../model/graph-model.js';
import { laneTitle } from '../verdicts.js';
import { placeName } from '../scene/house-items.js';
import { pairSelection } from '../scene/selection.js';
import { el, fill } from './element.js';

/** @typedef {import('../scene/street-scene.js').Scene} Scene */
/** @typedef {import('../layout/street.js').House} House */
/** @typedef {import('../layout/street.js').Rect} Rect */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {{id: string, box: Rect, house: House}} Stop an endpoint, or a folded cluster */

/** Endpoints that the tree mirrors at once, around the current one; the table holds all of them. */
const MOST_ITEMS = 200;

/**
 * @param {HTMLElement} pad
 * @param {{
 *   select: (selection: import('../url-state.js').Selection|null) => void,
 *   unfold: (cluster: string) => void,
 *   scene: () => Scene|null,
 *   state: () => import('../app-state.js').AppState,
 *   focusOn: (box: Rect|null) => void,
 *   zoomBy: (factor: number) => void,
 *   fit: () => void,
 * }} map
 */
export function mountMapTree(pad, map) {
  pad.tabIndex = 0;
  pad.setAttribute('role', 'tree');
  pad.setAttribute('aria-label', 'Hosts and their endpoints');
  const list = el('ul', { role: 'none', class: 'visually-hidden' });
  pad.append(list);

  /** @type {Stop[]} */
  let stops = [];
  let at = -1; // the current one
  /** Which stops are in the tree. @type {[number, number]} */
  let mirrored = [0, 0];
  let nextPair = 0;

  /** @param {number} index */
  function moveTo(index) {
    const stop = stops[index];
    if (!stop) return;
    if (index !== at) nextPair = 0;
    at = index;
    map.focusOn(stop.box);
    const { model } = map.state();
    if (model && (index < mirrored[0] || index >= mirrored[1])) mirror(model);
    pad.setAttribute('aria-activedescendant', itemId(stop.id));
  }

  /** @param {1|-1} step */
  function along(step) {
    if (stops.length) moveTo(at < 0 ? 0 : (at + step + stops.length) % stops.length);
  }

  /** To the nearest stop above or below. @param {1|-1} sign */
  function across(sign) {
    const from = stops[at]?.box;
    if (!from) return along(1);
    let [best, least] = [-1, Infinity];
    stops.forEach(({ box }, index) => {
      const ahead = sign * (box.y - from.y);
      if (ahead <= Math.min(20, from.h / 2)) return;
      const cost = ahead * 2 + Math.abs(box.x - from.x);
      if (cost < least) [best, least] = [index, cost];
    });
    moveTo(best);
  }

  function enter() {
    const stop = stops[at];
    if (!stop) return;
    if (isCluster(stop.id)) map.unfold(clusterName(stop.id));
    else map.select({ type: 'node', id: stop.id });
  }

  /** Selects the endpoint's pairs one after another, most bytes first. */
  function cyclePairs() {
    const pairs = map.state().model?.pairsOf.get(stops[at]?.id ?? '') ?? [];
    const pair = pairs[nextPair % pairs.length];
    nextPair += 1;
    if (pair) map.select(pairSelection(pair));
  }

  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowRight: () => along(1), ArrowLeft: () => along(-1), ArrowDown: () => across(1), ArrowUp: () => across(-1),
    Enter: enter, ' ': enter, e: cyclePairs, '+': () => map.zoomBy(1.3), '-': () => map.zoomBy(1 / 1.3), 0: map.fit,
  };

  pad.addEventListener('keydown', (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  pad.addEventListener('focus', () => {
    if (pad.matches(':focus-visible')) moveTo(Math.max(0, at));
  });
  pad.addEventListener('blur', () => map.focusOn(null));

  /** Writes the stops around the current one into the page. @param {GraphModel} model */
  function mirror(model) {
    const first = Math.max(0, Math.min(at - MOST_ITEMS / 2, stops.length - MOST_ITEMS));
    mirrored = [first, Math.min(stops.length, first + MOST_ITEMS)];
    /** @type {Map<House, Stop[]>} */
    const byHouse = new Map();
    for (const stop of stops.slice(...mirrored)) byHouse.set(stop.house, [...(byHouse.get(stop.house) ?? []), stop]);
    const rest = stops.length - (mirrored[1] - mirrored[0]);
    fill(list, [...byHouse].map(([house, inside]) => (isCluster(house.place)
      ? el('li', { role: 'treeitem', 'aria-expanded': 'false', id: itemId(house.place) }, `${placeName(house.place)}, ${plural(house.hosts.length, 'host')}, Enter unfolds it`)
      : el('li', { role: 'treeitem', 'aria-expanded': 'true', 'aria-label': `${placeName(house.place)}, ${plural(house.tiles.length, 'endpoint')}` },
        el('ul', { role: 'group' }, inside.map((stop) => el('li', { role: 'treeitem', id: itemId(stop.id) }, spoken(model, stop.id))))))),
    rest > 0 && el('li', { role: 'treeitem' }, `${count(rest)} more before and after these; the table lists all`));
  }

  return {
    /** @param {Scene} scene @param {GraphModel} model */
    update({ layout }, model) {
      const current = stops[at]?.id;
      stops = [...layout.houses.values()].flatMap((house) => (isCluster(house.place)
        ? [{ id: house.place, box: house.box, house }] : house.tiles.map((tile) => ({ id: tile.id, box: tile, house }))));
      at = current === undefined ? -1 : stops.findIndex((stop) => stop.id === current);
      if (current !== undefined) map.focusOn(document.activeElement === pad ? stops[at]?.box ?? null : null);
      mirror(model);
    },
    unmount: () => list.remove(),
  };
}

/** @param {string} id */
function itemId(id) {
  return `map-item-${encodeURIComponent(id)}`;
}

/** @param {GraphModel} model @param {string} id */
function spoken(model, id) {
  const node = model.nodes.get(id);
  if (!node) return '';
  const pairs = model.pairsOf.get(id) ?? [];
  const top = pairs[0];
  const most = top ? `; most with ${otherEnd(top, id).label}, ${laneTitle(top.lane)}, ${bytes(top.edge.wire_bytes)}` : '';
  return visibleText(`${node.label}, ${node.ips[0] ?? 'no IP'}, ${plural(pairs.length, 'pair')}${most}`);
}
