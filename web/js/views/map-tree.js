// The map for keyboards and screen readers: a tree of hosts, their VMs and the pairs of the current VM, and the keys on the map.

import { plural, visibleText } from '../format.js';
import { clusterName, isCluster } from '../model/clusters.js';
import { pairFilter } from '../model/filters.js';
import { pairSelection } from '../scene/selection.js';
import { nodeWords, peerWords, placeWords } from '../spoken.js';
import { el } from './element.js';

/** @typedef {import('../scene/street-scene.js').Scene} Scene */
/** @typedef {import('../layout/street.js').Layout} Layout */
/** @typedef {import('../layout/street.js').House} House */
/** @typedef {import('../layout/street.js').Tile} Tile */
/** @typedef {import('../layout/street.js').Rect} Rect */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */

/** How much of the tree is in the page: a window around what is current. Positions and sizes are told for all of it. */
const STOPS_SHOWN = 140;
const PAIRS_SHOWN = 50;

/** What the keys can stop at: a house, or a tile in it. @typedef {{house: House, tile: Tile|null, position: number, of: number}} Stop */

/**
 * @param {HTMLElement} pad
 * @param {{
 *   select: (selection: import('../url-state.js').Selection|null) => void,
 *   unfold: (cluster: string) => void,
 *   scene: () => Scene|null,
 *   state: () => import('../app-state.js').AppState,
 *   focusOn: (box: Rect|null, went?: boolean) => void,
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
  /** @type {Layout|null} that the stops were made of */
  let stopsOf = null;
  /** @type {GraphModel|null} */
  let model = null;
  /** Key of the current stop. @type {string|null} */
  let current = null;
  /** Which pair of the current VM, -1 for the VM itself. */
  let atPair = -1;

  function place() {
    return current === null ? -1 : stops.findIndex((stop) => keyOf(stop) === current);
  }

  /** Pairs of a VM that pass the filters, most bytes first. @param {Stop|undefined} stop @returns {Pair[]} */
  function pairsAt(stop) {
    const { filters } = map.state();
    return stop?.tile ? (model?.pairsOf.get(stop.tile.id) ?? []).filter(pairFilter(filters)) : [];
  }

  /** @param {Stop|undefined} stop */
  function moveTo(stop) {
    if (!stop) return;
    [current, atPair] = [keyOf(stop), -1];
    map.focusOn(boxOf(stop), true); // somebody went there: it must be in sight
    render();
  }

  /** @param {1|-1} step */
  function along(step) {
    const at = place();
    if (atPair >= 0 && step < 0) moveTo(stops[at]);
    else moveTo(stops[at < 0 ? firstTile() : (at + step + stops.length) % stops.length]);
  }

  function firstTile() {
    return Math.max(0, stops.findIndex((stop) => stop.tile !== null || isCluster(stop.house.place)));
  }

  /** To the nearest tile above or below; within the pairs of a VM, to the next of them. @param {1|-1} sign */
  function across(sign) {
    const from = stops[place()];
    if (!from) return along(1);
    if (atPair >= 0) return toPair(atPair + sign);
    const { x, y, h } = boxOf(from);
    /** @type {Stop|undefined} */
    let best;
    let least = Infinity;
    for (const stop of stops) {
      const box = boxOf(stop);
      const ahead = sign * (box.y - y);
      if ((!stop.tile && !isCluster(stop.house.place)) || ahead <= Math.min(20, h / 2)) continue;
      const cost = ahead * 2 + Math.abs(box.x - x);
      if (cost < least) [best, least] = [stop, cost];
    }
    moveTo(best);
  }

  /** @param {number} index of a pair of the current VM; before the first comes the VM itself, after the last the first */
  function toPair(index) {
    const stop = stops[place()];
    const pairs = pairsAt(stop);
    if (index < 0 || pairs.length === 0) return moveTo(stop);
    atPair = index % pairs.length;
    const pair = pairs[atPair];
    if (pair) map.select(pairSelection(pair));
    render();
  }

  function select() {
    const stop = stops[place()];
    if (!stop) return;
    const { place: house } = stop.house;
    if (atPair >= 0) toPair(atPair);
    else if (isCluster(house)) map.unfold(clusterName(house));
    else map.select(stop.tile ? { type: 'node', id: stop.tile.id } : { type: 'place', place: house });
  }

  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowRight: () => along(1), ArrowLeft: () => along(-1), ArrowDown: () => across(1), ArrowUp: () => across(-1),
    Home: () => moveTo(stops[0]), End: () => moveTo(stops.at(-1)), Enter: select, ' ': select,
    e: () => toPair(atPair + 1), '+': () => map.zoomBy(1.3), '-': () => map.zoomBy(1 / 1.3), 0: map.fit,
  };

  pad.addEventListener('keydown', (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  pad.addEventListener('focus', () => {
    if (!pad.matches(':focus-visible')) return;
    moveTo(stops[current === null ? firstTile() : place()]);
  });
  pad.addEventListener('blur', () => map.focusOn(null));

  function render() {
    const shownModel = model;
    if (!shownModel) return;
    const at = place();
    const from = Math.max(0, Math.min(at - STOPS_SHOWN / 2, stops.length - STOPS_SHOWN));
    const shown = stops.slice(from, from + STOPS_SHOWN);
    const first = shown[0];
    if (first?.tile) shown.unshift(/** @type {Stop} */ (stops.find((stop) => stop.house === first.house))); // a VM is never without its host
    patch(list, shown.flatMap((stop) => {
      const here = keyOf(stop) === current;
      const pairs = here ? pairsAt(stop) : [];
      return [stopItem(stop, shownModel, here && atPair < 0, pairs.length > 0), ...pairItems(stop, pairs)];
    }));
    if (list.querySelector('#map-item')) pad.setAttribute('aria-activedescendant', 'map-item');
    else pad.removeAttribute('aria-activedescendant');
  }

  /** A page of the pairs, the one with the current pair. @param {Stop} stop @param {Pair[]} pairs */
  function pairItems({ tile }, pairs) {
    if (!tile) return [];
    const from = Math.floor(Math.max(0, atPair) / PAIRS_SHOWN) * PAIRS_SHOWN;
    return pairs.slice(from, from + PAIRS_SHOWN).map((pair, index) => item(3, from + index + 1, pairs.length, from + index === atPair, peerWords(pair, tile.id)));
  }

  return {
    /** @param {Scene} scene @param {GraphModel} newest */
    update(scene, newest) {
      model = newest;
      if (scene.layout !== stopsOf) {
        stopsOf = scene.layout;
        stops = stopsIn(scene.layout);
        if (place() < 0) {
          [current, atPair] = [null, -1];
          map.focusOn(null);
        } else if (document.activeElement === pad) map.focusOn(boxOf(/** @type {Stop} */ (stops[place()])));
      }
      render();
    },
    unmount: () => list.remove(),
  };
}

/** @param {Layout} layout @returns {Stop[]} */
function stopsIn(layout) {
  const houses = [...layout.houses.values()];
  return houses.flatMap((house, index) => [
    { house, tile: null, position: index + 1, of: houses.length },
    ...house.tiles.map((tile, place) => ({ house, tile, position: place + 1, of: house.tiles.length + house.without.length })),
  ]);
}

/** @param {Stop} stop @returns {Rect} */
function boxOf({ house, tile }) {
  return tile ?? house.box;
}

/** @param {Stop} stop */
function keyOf({ house, tile }) {
  return tile ? `tile ${tile.id}` : `house ${house.place}`;
}

/** @param {Stop} stop @param {GraphModel} model @param {boolean} current @param {boolean} open its pairs follow */
function stopItem({ house, tile, position, of }, model, current, open) {
  if (tile) return item(2, position, of, current, visibleText(nodeWords(model, tile.id)), open);
  if (isCluster(house.place)) return item(1, position, of, current, `${placeWords(house.place)}, ${plural(house.hosts.length, 'host')}, Enter unfolds it`, false);
  const folded = house.without.length > 0 ? `, ${plural(house.without.length, 'more', 'more')} in the table` : '';
  return item(1, position, of, current, `${placeWords(house.place)}, ${plural(house.tiles.length, 'endpoint')}${folded}`, true);
}

/** @typedef {{attributes: Record<string, string|null>, words: string}} TreeItem */

/** @param {number} level @param {number} position @param {number} of @param {boolean} current @param {string} words @param {boolean} [open] @returns {TreeItem} */
function item(level, position, of, current, words, open) {
  return { words, attributes: {
    role: 'treeitem', id: current ? 'map-item' : null, 'aria-level': String(level), 'aria-posinset': String(position), 'aria-setsize': String(of),
    'aria-selected': String(current), 'aria-expanded': open === undefined ? null : String(open),
  } };
}

/** Changes what is other than before, and nothing else: a reader would begin again with an item that is made anew. @param {HTMLElement} list @param {TreeItem[]} items */
function patch(list, items) {
  while (list.children.length > items.length) list.lastElementChild?.remove();
  items.forEach(({ attributes, words }, index) => {
    const element = list.children[index] ?? list.appendChild(el('li'));
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null) element.removeAttribute(name);
      else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
    }
    if (element.textContent !== words) element.textContent = words;
  });
}
