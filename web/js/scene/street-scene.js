// The whole map as parts to draw and as things that can be pointed at. Pure.

import { bytes, count } from '../format.js';
import { houseSplits } from '../model/headline.js';
import { memoized, once } from '../store.js';
import { placeLabels } from '../layout/labels.js';
import { mostOfTrunks, routeOf, routesOf, widthScale } from '../layout/routes.js';
import { houseOf } from '../layout/street.js';
import { part } from './items.js';
import { hostChips } from './cluster-items.js';
import { chosenTile, doorItems, ghostItems, houseItems, tileItems } from './house-items.js';
import { highlightItems } from './highlight-items.js';
import { HitIndex } from './hit-index.js';
import { hitsOf, houseHits } from './hits.js';
import { gateItems, gatesOf, labelItems, streetItems } from './label-items.js';
import { MIDDLE_ARCS, houseLines, streetLines } from './line-items.js';
import { cellItems, matrixMarks, matrixPaper, rowLabels } from './house-matrix.js';
import { FAR_TRUNKS, chipItems, farTrunks } from './overview-items.js';
import { chosenPairs, selectedNodes } from './selection.js';

export { chosenPairs, pairSelection } from './selection.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('./items.js').Part} Part */
/** @typedef {import('./items.js').Detail} Detail */
/** @typedef {import('../layout/street.js').Layout} Layout */
/** @typedef {import('../layout/street.js').House} House */
/** @typedef {import('../layout/routes.js').Routes} Routes */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/filters.js').Shown} Shown */
/** @typedef {import('../url-state.js').Selection} Selection */

/** Ways of selected pairs that are drawn. */
const MOST_CHOSEN = 400;
/** All else steps back when something is selected. */
const DIMMED = 0.22;

/**
 * @typedef {object} Scene
 * @property {(detail: Detail) => Part[]} parts from back to front
 * @property {(detail: Detail) => HitIndex} hits
 * @property {(detail: Detail) => string} notDrawn every cap is announced
 * @property {Item[]} items of the near map, for exports
 * @property {Layout} layout
 * @property {Routes} routes
 */

/**
 * @param {Layout} layout
 * @param {GraphModel} model
 * @param {Shown} shown
 * @param {Selection|null} selection
 * @param {{filtering: boolean, grouped: boolean}} look grouped: clusters can be folded
 * @returns {Scene}
 */
export function streetScene(layout, model, shown, selection, { filtering, grouped }) {
  const base = baseOf(layout, model, shown, filtering, grouped);
  const { routes } = base;
  const chosen = chosenPairs(model, shown, selection);
  const dim = selection !== null && selection.type !== 'point' && chosen.length > 0 ? DIMMED : 1;
  const dimmed = (/** @type {Part[]} */ parts) => (dim === 1 ? parts : parts.map((one) => ({ ...one, alpha: dim })));
  const highlight = part(null, () => highlightItems(chosen.slice(0, MOST_CHOSEN).flatMap((pair) => {
    const curve = routeOf(layout, routes, pair);
    return curve ? [{ pair, curve }] : [];
  }), selection));
  const marks = part(null, () => {
    const among = new Set(dim === 1 ? [] : chosen);
    const cells = [...new Set(chosen.flatMap((pair) => (among.has(pair) && pair.placeA === pair.placeB ? [pair.placeA] : [])))].flatMap((place) => {
      const house = layout.houses.get(place);
      return house ? cellItems(house, routes.cells.get(place) ?? [], (pair) => among.has(pair)) : [];
    });
    return [...cells, ...markItems(layout, model, selection)];
  });
  const gates = part(null, () => gateItems(layout, model, selection));
  const parts = (/** @type {Detail} */ detail) => (detail === 'far'
    ? [...base.ground, ...dimmed(base.farLines), highlight, ...base.chips, part(null, () => chosenChip(layout, selection)), gates]
    : [...base.ground, ...base.walls, ...dimmed(base.lines(detail)), highlight, ...base.labels, ...base.insides(detail), marks, ...base.doors, gates]);
  return {
    parts, layout, routes,
    hits: (detail) => (detail === 'far' ? base.farHits() : base.hits()),
    notDrawn: (detail) => notDrawn(routes, detail),
    get items() {
      return parts('near').flatMap(({ items, alpha = 1 }) =>
        (alpha === 1 ? items() : items().map((item) => ({ ...item, alpha: (item.alpha ?? 1) * alpha }))));
    },
  };
}

/** Cards count all traffic of their endpoints: no filter changes a share. */
const splitsOf = memoized((/** @type {Layout} */ layout, /** @type {GraphModel} */ model) => {
  const splits = houseSplits(model.pairs, (place) => houseOf(layout, place));
  return { splits, hostSplits: layout.folded.size ? houseSplits(model.pairs) : splits };
});

/** What a selection does not change, and most of the work. */
const baseOf = memoized((/** @type {Layout} */ layout, /** @type {GraphModel} */ model, /** @type {Shown} */ shown, /** @type {boolean} */ filtering, /** @type {boolean} */ grouped) => {
  const width = widthScale(model.mostBytes);
  const routes = routesOf(layout, shown.drawn, width, layout.folded.size ? widthScale(mostOfTrunks(layout, model.pairs)) : width);
  const houses = [...layout.houses.values()];
  const { splits, hostSplits } = splitsOf(layout, model);
  const labels = once(() => placeLabels(layout, routes, gatesOf(model).map(([place]) => place)));
  const faded = (/** @type {string} */ id) => filtering && !shown.nodes.has(id);
  const each = (/** @type {(house: House) => Item[]} */ make) => houses.map((house) => part(around(house), () => make(house)));
  const inside = (/** @type {House} */ house, /** @type {boolean} */ single) => [
    ...(house.matrix ? rowLabels(house, model, faded) : tileItems(house, model, faded, single)), ...ghostItems(house),
  ];
  const lines = (/** @type {number} */ most) => [
    ...each((house) => [...houseLines(house, routes, most), ...cellItems(house, (routes.cells.get(house.place) ?? []))]), ...streetLines(routes),
  ];
  const [near, middle] = [once(() => lines(Infinity)), once(() => lines(MIDDLE_ARCS))];
  const [nearInsides, middleInsides] = [false, true].map((single) => each((house) => inside(house, single)));
  return {
    routes,
    ground: [part(null, () => streetItems(layout))],
    walls: each((house) => [...houseItems(house, splits.get(house.place), model, grouped), ...matrixPaper(house), ...hostChips(house, hostSplits)]),
    lines: (/** @type {Detail} */ detail) => (detail === 'near' ? near() : middle()),
    labels: [part(null, () => labelItems(labels()))],
    insides: (/** @type {Detail} */ detail) => (detail === 'near' ? nearInsides : middleInsides) ?? [],
    doors: each((house) => {
      const door = routes.doors.get(house.place);
      return door ? doorItems(house, door.half, splits.get(house.place)) : [];
    }),
    farLines: farTrunks(routes),
    chips: each((house) => chipItems(house, splits.get(house.place), model)),
    hits: once(() => new HitIndex(hitsOf(layout, routes, model, labels(), hostSplits, grouped))),
    farHits: once(() => new HitIndex(houseHits(layout))),
  };
});

/** @param {House} house @returns {import('./items.js').Rect} with its shadow and its door */
function around({ box }) {
  return { x: box.x - 16, y: box.y - 16, w: box.w + 32, h: box.h + 32 };
}

/** @param {Layout} layout @param {GraphModel} model @param {Selection|null} selection @returns {Item[]} */
function markItems(layout, model, selection) {
  const tiles = [...selectedNodes(selection)].flatMap((id) => layout.tiles.get(id) ?? []);
  const pair = selection?.type === 'pair' && tiles.length === 2 && tiles[0]?.place === tiles[1]?.place;
  const places = new Set(tiles.map((tile) => tile.place));
  return [...places].flatMap((place) => {
    const house = layout.houses.get(place);
    const here = tiles.filter((tile) => tile.place === place);
    if (!house) return [];
    return house.matrix ? matrixMarks(house, here, pair) : here.flatMap((tile) => chosenTile(tile, model));
  });
}

/** @param {Layout} layout @param {Selection|null} selection @returns {Item[]} */
function chosenChip(layout, selection) {
  const house = selection?.type === 'place' ? layout.houses.get(selection.place) : undefined;
  return house ? [{ kind: 'rect', ...house.box, r: 16, stroke: 'sel', lw: 9 }] : [];
}

/** @param {Routes} routes @param {Detail} detail @returns {string} */
function notDrawn(routes, detail) {
  const { trunks, untraced } = routes;
  const texts = [];
  const drawn = detail === 'far' ? trunks.slice(0, FAR_TRUNKS) : trunks;
  const left = detail === 'far' ? [...trunks.slice(FAR_TRUNKS), ...untraced] : untraced;
  if (left.length) texts.push(`The ${drawn.length} largest of ${drawn.length + left.length} trunks are drawn, ${bytes(sum(left))} are in the others.`);
  if (detail === 'far') texts.push('Zoom in to see the VMs.');
  if (detail === 'middle') {
    const hidden = [...routes.arcs.values()].flatMap((list) => list.slice(MIDDLE_ARCS));
    if (hidden.length) texts.push(`The ${MIDDLE_ARCS} largest pairs inside each host are drawn: zoom in for ${count(hidden.length)} more with ${bytes(hidden.reduce((all, { pair }) => all + pair.edge.wire_bytes, 0))}.`);
  }
  return texts.join(' ');
}

/** @param {{bytes: number}[]} bundles */
function sum(bundles) {
  return bundles.reduce((all, bundle) => all + bundle.bytes, 0);
}
