// The map for keyboards and screen readers: a tree of hosts and their endpoints, and the arrow keys on the map.

import { bytes, plural, visibleText } from '../format.js';
import { otherEnd } from '../model/graph-model.js';
import { laneTitle } from '../verdicts.js';
import { placeName } from '../scene/house-items.js';
import { pairSelection } from '../scene/street-scene.js';
import { el, fill } from './element.js';

/** @typedef {import('../scene/street-scene.js').Scene} Scene */
/** @typedef {import('../layout/street.js').Tile} Tile */
/** @typedef {import('../layout/street.js').Rect} Rect */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */

/**
 * @param {HTMLElement} pad
 * @param {{
 *   select: (selection: import('../url-state.js').Selection|null) => void,
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

  /** @type {string|null} */
  let current = null;
  let nextPair = 0;

  /** @param {string} id of the endpoint */
  function moveTo(id) {
    const tile = map.scene()?.layout.tiles.get(id);
    if (!tile) return;
    if (id !== current) nextPair = 0;
    current = id;
    map.focusOn(tile);
    pad.setAttribute('aria-activedescendant', itemId(id));
  }

  /** @param {1|-1} step */
  function along(step) {
    const tiles = [...(map.scene()?.layout.tiles.values() ?? [])];
    const at = tiles.findIndex((tile) => tile.id === current);
    const next = tiles[at < 0 ? 0 : (at + step + tiles.length) % tiles.length];
    if (next) moveTo(next.id);
  }

  /** To the nearest tile above or below. @param {1|-1} sign */
  function across(sign) {
    const tiles = [...(map.scene()?.layout.tiles.values() ?? [])];
    const from = tiles.find((tile) => tile.id === current);
    if (!from) return along(1);
    const beyond = tiles.filter((tile) => sign * (tile.y - from.y) > 20);
    const cost = (/** @type {Tile} */ tile) => Math.abs(tile.y - from.y) * 2 + Math.abs(tile.x - from.x);
    const best = beyond.sort((p, q) => cost(p) - cost(q))[0];
    if (best) moveTo(best.id);
  }

  /** Selects the endpoint's pairs one after another, most bytes first. */
  function cyclePairs() {
    const pairs = current === null ? [] : map.state().model?.pairsOf.get(current) ?? [];
    const pair = pairs[nextPair % pairs.length];
    nextPair += 1;
    if (pair) map.select(pairSelection(pair));
  }

  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowRight: () => along(1), ArrowLeft: () => along(-1), ArrowDown: () => across(1), ArrowUp: () => across(-1),
    Enter: () => current !== null && map.select({ type: 'node', id: current }),
    ' ': () => current !== null && map.select({ type: 'node', id: current }),
    e: cyclePairs, '+': () => map.zoomBy(1.3), '-': () => map.zoomBy(1 / 1.3), 0: map.fit,
  };

  pad.addEventListener('keydown', (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  pad.addEventListener('focus', () => {
    if (!pad.matches(':focus-visible')) return;
    const first = map.scene()?.layout.tiles.keys().next().value;
    if (current !== null) moveTo(current);
    else if (first !== undefined) moveTo(first);
  });
  pad.addEventListener('blur', () => map.focusOn(null));

  return {
    /** @param {Scene} scene @param {GraphModel} model */
    update(scene, model) {
      if (current !== null && !scene.layout.tiles.has(current)) {
        current = null;
        map.focusOn(null);
      }
      fill(list, [...scene.layout.houses.values()].map((house) =>
        el('li', { role: 'treeitem', 'aria-expanded': 'true', 'aria-label': `${placeName(house.place)}, ${plural(house.tiles.length, 'endpoint')}` },
          el('ul', { role: 'group' }, house.tiles.map((tile) =>
            el('li', { role: 'treeitem', id: itemId(tile.id) }, spoken(model, tile.id)))))));
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
