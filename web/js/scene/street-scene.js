// The whole map as a list of items and of things that can be pointed at. Pure.

import { bytes, plural, visibleText } from '../format.js';
import { OUTSIDE, ROUTERS, UNPLACED } from '../model/graph-model.js';
import { houseSplits, outsidePeers } from '../model/headline.js';
import { memoized } from '../store.js';
import { LANES, laneTitle } from '../verdicts.js';
import { MEASURES } from '../layout/frame.js';
import { placeLabels } from '../layout/labels.js';
import { routeOf, routesOf, widthScale } from '../layout/routes.js';
import { hairpinMark, mixedMark, twoTone } from './items.js';
import { doorItems, houseItems, placeName, tileItems } from './house-items.js';
import { highlightItems } from './highlight-items.js';
import { overviewItems } from './overview-items.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('./items.js').Hit} Hit */
/** @typedef {import('../layout/street.js').Layout} Layout */
/** @typedef {import('../layout/street.js').Rect} Rect */
/** @typedef {import('../layout/routes.js').Routes} Routes */
/** @typedef {import('../layout/routes.js').Trunk} Trunk */
/** @typedef {import('../layout/curves.js').Curve} Curve */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/filters.js').Shown} Shown */
/** @typedef {import('../verdicts.js').Lane} Lane */
/** @typedef {import('../url-state.js').Selection} Selection */

/** Lines beyond this many are drawn as hairlines: wide translucent strokes are what makes a canvas slow. */
const WIDE_LINES = 400;

/**
 * @typedef {object} Scene
 * @property {Item[]} items
 * @property {Hit[]} hits from back to front
 * @property {Item[]} overview drawn instead when the map is far away
 * @property {Hit[]} overviewHits
 * @property {Layout} layout
 * @property {Routes} routes
 */

/**
 * @param {Layout} layout
 * @param {GraphModel} model
 * @param {Shown} shown
 * @param {Selection|null} selection
 * @param {boolean} filtering
 * @returns {Scene}
 */
export function streetScene(layout, model, shown, selection, filtering) {
  const { routes, splits, labels, hits } = geometryOf(layout, model, shown);
  const chosen = chosenPairs(model, shown, selection);
  const houses = [...layout.houses.values()];
  const lines = lineItems(routes, layout, chosen, selection !== null && selection.type !== 'point');
  const tileState = {
    selected: selectedNodes(selection),
    faded: (/** @type {string} */ id) => filtering && !shown.nodes.has(id),
  };
  const routesChosen = chosen.slice(0, WIDE_LINES).flatMap((pair) => {
    const curve = routeOf(layout, routes, pair);
    return curve ? [{ pair, curve }] : [];
  });
  const items = [
    ...streetItems(layout),
    ...houses.flatMap((house) => houseItems(house, splits.get(house.place), model.places.get(house.place) ?? [])),
    ...lines,
    ...highlightItems(routesChosen, selection),
    ...labelItems(labels),
    ...houses.flatMap((house) => tileItems(house, model, tileState)),
    ...houses.flatMap((house) => {
      const door = routes.doors.get(house.place);
      return door ? doorItems(house, door.half, splits.get(house.place)) : [];
    }),
    ...gateItems(layout, model, selection),
  ];
  const overview = [...streetItems(layout), ...overviewItems(layout, routes, model, splits, selection), ...highlightItems(routesChosen, selection), ...gateItems(layout, model, selection)];
  return { items, hits, overview, overviewHits: houseHits(layout), layout, routes };
}

/** What a selection does not change, and most of the work. */
const geometryOf = memoized((/** @type {Layout} */ layout, /** @type {GraphModel} */ model, /** @type {Shown} */ shown) => {
  const routes = routesOf(layout, shown.drawn, widthScale(model.mostBytes));
  const labels = placeLabels(layout, routes, gatesOf(model).map(([place]) => place));
  return { routes, labels, splits: houseSplits(shown.drawn), hits: hitsOf(layout, routes, model, labels) };
});

/** Pairs that the selection means, among those shown. @param {GraphModel} model @param {Shown} shown @param {Selection|null} selection @returns {Pair[]} */
export function chosenPairs(model, shown, selection) {
  if (selection === null || selection.type === 'point') return [];
  if (selection.type === 'pair') {
    return model.pairs.filter(({ a, b }) =>
      (a.id === selection.a && b.id === selection.b) || (a.id === selection.b && b.id === selection.a));
  }
  if (selection.type === 'node') return shown.drawn.filter(({ a, b }) => a.id === selection.id || b.id === selection.id);
  if (selection.type === 'place') return shown.drawn.filter((pair) => pair.placeA === selection.place || pair.placeB === selection.place);
  return shown.drawn.filter((pair) => isOfTrunk(pair, selection.from, selection.to));
}

/** @param {Pair} pair @param {string} from @param {string} to */
export function isOfTrunk(pair, from, to) {
  if (from === to) return pair.placeA === from && pair.placeB === from && (pair.lane === 'hairpin' || pair.lane === 'left');
  return (pair.placeA === from && pair.placeB === to) || (pair.placeA === to && pair.placeB === from);
}

/** @param {Selection|null} selection @returns {Set<string>} */
function selectedNodes(selection) {
  if (selection?.type === 'pair') return new Set([selection.a, selection.b]);
  return new Set(selection?.type === 'node' ? [selection.id] : []);
}

/** @param {Layout} layout @returns {Item[]} */
function streetItems(layout) {
  const { kerb } = MEASURES;
  const [x, w] = [layout.bounds.x - 4000, layout.bounds.w + 8000];
  return layout.streets.flatMap((street) => {
    const [y, h] = [street.top + kerb, street.bottom - street.top - 2 * kerb];
    /** @type {Item[]} */
    const items = [
      { kind: 'rect', x, y, w, h, fill: 'street' },
      { kind: 'path', d: `M${x} ${y}H${x + w}M${x} ${y + h}H${x + w}`, stroke: 'street2', lw: 1.5 },
      { kind: 'text', x: 15, y: street.mid, text: 'PHYSICAL NET', size: 11, spacing: 1.5, fill: 'ink3', align: 'center', upright: true },
    ];
    return items;
  });
}

/**
 * @param {Routes} routes
 * @param {Layout} layout
 * @param {Pair[]} chosen
 * @param {boolean} focused something is selected: all else steps back
 * @returns {Item[]}
 */
function lineItems(routes, layout, chosen, focused) {
  const dim = focused && chosen.length > 0 ? 0.22 : 1;
  /** @type {Item[]} */
  const items = [];
  const wide = routes.arcs.slice(0, WIDE_LINES);
  const thin = routes.arcs.slice(WIDE_LINES);
  for (const lane of new Set(thin.map((arc) => arc.lane))) {
    const d = thin.filter((arc) => arc.lane === lane).map((arc) => arc.curve.d).join('');
    items.push({ kind: 'path', d, stroke: LANES[lane].token, lw: 0, alpha: 0.4 * dim });
  }
  for (const arc of [...wide].reverse()) items.push(...laneLine(arc.lane, arc.curve.d, arc.width, (arc.lane === 'stayed' ? 0.76 : 0.9) * dim));
  for (const stem of routes.stems) items.push(...laneLine(stem.lane, stem.curve.d, stem.width * 0.9, dim, [6, 4]));
  items.push(...connectorItems(routes, layout, dim));
  for (const trunk of [...routes.trunks.slice(0, WIDE_LINES)].reverse()) items.push(...laneLine(trunk.lane, trunk.curve.d, trunk.width, 0.72 * dim));
  for (const turn of routes.turns) items.push(...laneLine('hairpin', turn.curve.d, Math.max(3, turn.width), dim));
  return items;
}

/** @param {Lane} lane @param {string} d @param {number} lw @param {number} alpha @param {number[]} [dash] @returns {Item[]} */
function laneLine(lane, d, lw, alpha, dash) {
  if (lane === 'mixed') return twoTone(d, Math.max(3, lw), alpha);
  const style = LANES[lane];
  const dots = lane === 'undetermined';
  return [{ kind: 'path', d, stroke: style.token, lw: dots ? Math.max(2.2, lw * 0.8) : lw, alpha, dash: dots ? style.dash : lane === 'stayed' ? [] : dash ?? style.dash, cap: dots || lane === 'stayed' ? 'round' : 'butt' }];
}

/** Between vSwitch and door. @param {Routes} routes @param {Layout} layout @param {number} dim @returns {Item[]} */
function connectorItems(routes, layout, dim) {
  return [...routes.doors].flatMap(([place, door]) => {
    const house = layout.houses.get(place);
    const trunked = ['left', 'mixed', 'undetermined'].filter((lane) => door.bytes.has(/** @type {Lane} */ (lane)));
    if (!house || trunked.length === 0) return [];
    const { vswitch, outward, wall } = house;
    const y = outward < 0 ? vswitch.y + vswitch.h : vswitch.y;
    const lane = /** @type {Lane} */ (trunked[0]);
    return laneLine(lane, `M${door.trunkX} ${y}V${wall}`, lane === 'undetermined' ? 2.6 : 6, 0.9 * dim, []);
  });
}

/** @param {ReturnType<typeof placeLabels>} labels @returns {Item[]} */
function labelItems(labels) {
  /** @type {Item[]} */
  const items = labels.trunks.flatMap(({ x, y, w, h, trunk, text }) => {
    const { lane } = trunk;
    const mixed = lane === 'mixed';
    /** @type {Item[]} */
    const label = [
      { kind: 'rect', x, y, w, h, r: 10, fill: 'panel', stroke: mixed ? 'ink2' : LANES[lane].token, lw: 1.1, ...(lane === 'undetermined' ? { dash: [3, 2] } : {}) },
      ...(mixed ? mixedMark(x + 13, y + h / 2, 5.5) : []),
      { kind: 'text', x: x + w / 2 + (mixed ? 8 : 0), y: y + 14, text, size: 11.5, bold: true, align: 'center', fill: 'ink' },
    ];
    return label;
  });
  for (const { turn, ...box } of labels.turns) items.push(...turnLabel(turn, box));
  return items;
}

/** @param {import('../layout/routes.js').Turn} turn @param {Rect} box @returns {Item[]} */
function turnLabel(turn, { x, y, w, h }) {
  const first = turn.pairs[0];
  const [only] = turn.pairs.length === 1 && first ? [visibleText(`${first.a.label} – ${first.b.label}`)] : [plural(turn.pairs.length, 'pair')];
  return [
    { kind: 'rect', x, y, w, h, r: 10, fill: 'panel', stroke: 'leave', lw: 2 },
    ...hairpinMark(x + 10, y + 4, 0.8),
    { kind: 'text', x: x + w / 2 + 10, y: y + 15, text: `hairpin ${bytes(turn.bytes)}`, size: 12, bold: true, align: 'center', fill: 'ink' },
    { kind: 'text', x: x + w / 2, y: y + 29, text: only, size: 10.8, align: 'center', fill: 'ink2', most: w - 14 },
  ];
}

/** @param {GraphModel} model @returns {[string, string, string][]} place, title, caption of the gates that are needed */
function gatesOf(model) {
  const routers = (model.places.get(ROUTERS) ?? []).length;
  /** @type {[string, string, string][]} */
  const gates = [];
  if (model.places.has(OUTSIDE)) gates.push([OUTSIDE, 'Outside ⇥', `${plural(outsidePeers(model), 'peer')}, folded`]);
  if (routers) gates.push([ROUTERS, routers === 1 ? 'Router' : 'Routers', routers === 1 ? visibleText(model.places.get(ROUTERS)?.[0]?.label ?? '') : `${routers} in the street`]);
  return gates;
}

/** @param {Layout} layout @param {GraphModel} model @param {Selection|null} selection @returns {Item[]} */
function gateItems(layout, model, selection) {
  return gatesOf(model).flatMap(([place, title, caption]) => {
    const { x, y, w, h } = place === OUTSIDE ? layout.outside : layout.routers;
    const chosen = selection?.type === 'place' && selection.place === place;
    /** @type {Item[]} */
    const gate = [
      { kind: 'rect', x, y, w, h, r: 9, fill: 'panel', stroke: chosen ? 'sel' : 'boxline', lw: chosen ? 3 : 1.5 },
      { kind: 'text', x: x + w / 2, y: y + 17, text: title, size: 11.5, bold: true, align: 'center', fill: 'ink' },
      { kind: 'text', x: x + w / 2, y: y + 31, text: caption, size: 10.5, align: 'center', fill: 'ink2', most: w - 12 },
    ];
    return gate;
  });
}

/** A house as a whole. @param {Layout} layout @returns {Hit[]} */
function houseHits(layout) {
  return [...layout.houses.values()].map((house) => ({
    selection: { type: 'place', place: house.place }, box: house.box, tip: placeName(house.place), detail: `${plural(house.tiles.length + house.folded, 'endpoint')}; zoom in to see them`,
  }));
}

/** @param {Layout} layout @param {Routes} routes @param {GraphModel} model @param {ReturnType<typeof placeLabels>} labels @returns {Hit[]} from back to front */
function hitsOf(layout, routes, model, labels) {
  /** @type {Hit[]} */
  const hits = [];
  for (const house of layout.houses.values()) {
    hits.push({ selection: { type: 'place', place: house.place }, box: headerBox(house), tip: placeName(house.place), detail: house.place === UNPLACED ? 'drop an inventory to place these endpoints' : 'host' });
    if (house.more) hits.push({ selection: { type: 'place', place: house.place }, box: house.more, tip: `${house.folded} more on ${placeName(house.place)}`, detail: 'listed in the panel and the table' });
  }
  for (const arc of routes.arcs) hits.push({ selection: pairSelection(arc.pair), curve: arc.curve, reach: 5, ...pairTip(arc.pair) });
  for (const trunk of routes.trunks) hits.push({ selection: trunkSelection(trunk.pairs, trunk.from, trunk.to), curve: trunk.curve, reach: 7, ...bundleTip(trunk) });
  for (const turn of routes.turns) {
    const hit = { selection: trunkSelection(turn.pairs, turn.place, turn.place), tip: `Hairpin on ${placeName(turn.place)}`, detail: `${bytes(turn.bytes)} went out and came back · ${plural(turn.pairs.length, 'pair')}` };
    hits.push({ ...hit, curve: turn.curve, reach: 8 });
    hits.push(...labels.turns.filter((label) => label.turn === turn).map((box) => ({ ...hit, box })));
  }
  for (const label of labels.trunks) {
    hits.push({ selection: trunkSelection(label.trunk.pairs, label.trunk.from, label.trunk.to), box: label, ...bundleTip(label.trunk) });
  }
  for (const [place, title, caption] of gatesOf(model)) {
    hits.push({ selection: { type: 'place', place }, box: place === OUTSIDE ? layout.outside : layout.routers, tip: title, detail: caption });
  }
  for (const tile of layout.tiles.values()) {
    const node = model.nodes.get(tile.id);
    if (node) hits.push({ selection: { type: 'node', id: tile.id }, box: tile, tip: visibleText(node.label), detail: `${bytes(node.wire_bytes)} · ${visibleText(node.ips.slice(0, 2).join(', ')) || 'no IP seen'}` });
  }
  return hits;
}

/** @param {import('../layout/street.js').House} house @returns {Rect} */
function headerBox({ box, outward }) {
  return { x: box.x, y: outward < 0 ? box.y : box.y + box.h - MEASURES.header, w: box.w, h: MEASURES.header };
}

/** @param {Pair} pair @returns {Selection} */
export function pairSelection(pair) {
  return { type: 'pair', a: pair.a.id, b: pair.b.id };
}

/** A trunk of one pair means that pair. @param {Pair[]} pairs @param {string} from @param {string} to @returns {Selection} */
function trunkSelection(pairs, from, to) {
  const [only] = pairs;
  return pairs.length === 1 && only ? pairSelection(only) : { type: 'trunk', from, to };
}

/** @param {Pair} pair */
function pairTip(pair) {
  return {
    tip: visibleText(`${pair.a.label} → ${pair.b.label}`),
    detail: `${laneTitle(pair.lane)} · ${bytes(pair.edge.wire_bytes)}`,
  };
}

/** @param {Trunk} trunk */
function bundleTip(trunk) {
  const [only] = trunk.pairs;
  if (trunk.pairs.length === 1 && only) return pairTip(only);
  const name = (/** @type {string} */ place) => (place === OUTSIDE ? 'Outside' : place === ROUTERS ? 'Routers' : placeName(place));
  return { tip: `${name(trunk.from)} – ${name(trunk.to)}`, detail: `${laneTitle(trunk.lane)} · ${bytes(trunk.bytes)} · ${plural(trunk.pairs.length, 'pair')}` };
}
