// What stands in the street: its ground, labels of trunks and hairpins, and the gates to elsewhere. Pure.

import { bytes, plural, visibleText } from '../format.js';
import { OUTSIDE, ROUTERS } from '../model/graph-model.js';
import { outsidePeers } from '../model/headline.js';
import { MEASURES } from '../layout/measures.js';
import { LANES } from '../verdicts.js';
import { hairpinMark, mixedMark } from './items.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('../layout/street.js').Layout} Layout */
/** @typedef {import('../layout/street.js').Rect} Rect */
/** @typedef {import('../layout/routes.js').Turn} Turn */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../url-state.js').Selection} Selection */

/** @param {Layout} layout @returns {Item[]} */
export function streetItems(layout) {
  const { kerb } = MEASURES;
  const [x, w] = [layout.bounds.x - 4000, layout.bounds.w + 8000];
  const oneSided = [...layout.houses.values()].every((house) => house.outward < 0) && layout.streets.length === 1;
  return layout.streets.flatMap((street) => {
    const [y, h] = [street.top + kerb, oneSided ? 4000 : street.bottom - street.top - 2 * kerb];
    /** @type {Item[]} */
    const items = [
      { kind: 'rect', x, y, w, h, fill: 'street' },
      { kind: 'path', d: `M${x} ${y}H${x + w}M${x} ${y + h}H${x + w}`, stroke: 'street2', lw: 1.5 },
      { kind: 'text', x: 15, y: street.mid, text: 'PHYSICAL NET', size: 11, spacing: 1.5, fill: 'ink3', align: 'center', upright: true },
    ];
    return items;
  });
}

/** @param {ReturnType<typeof import('../layout/labels.js').placeLabels>} labels @returns {Item[]} */
export function labelItems(labels) {
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
  for (const { turn, ...box } of labels.turns) items.push(...gatewayMark(turn), ...turnLabel(turn, box));
  return items;
}

/** @param {Turn} turn @param {Rect} box @returns {Item[]} */
function turnLabel(turn, { x, y, w, h }) {
  return [
    { kind: 'rect', x, y, w, h, r: 10, fill: 'panel', stroke: 'leave', lw: 2 },
    ...hairpinMark(x + 10, y + 4, 0.8),
    { kind: 'text', x: x + w / 2 + 10, y: y + 15, text: `hairpin ${bytes(turn.bytes)}`, size: 12, bold: true, align: 'center', fill: 'ink' },
    { kind: 'text', x: x + w / 2, y: y + 29, text: turnWay(turn.pairs), size: 10.8, align: 'center', fill: 'ink2', most: w - 10 },
  ];
}

/** Through which segments they went, where the pairs tell; else who they are. @param {Pair[]} pairs */
export function turnWay(pairs) {
  const ways = new Set(pairs.map(segmentWay));
  const [way] = ways;
  if (ways.size === 1 && way) return pairs.length === 1 ? way : `${pairs.length} × ${way}`;
  const [first] = pairs;
  return pairs.length === 1 && first ? visibleText(`${first.a.label} – ${first.b.label}`) : plural(pairs.length, 'pair');
}

/** @param {Pair} pair @returns {string} empty when it does not tell */
function segmentWay({ a, b, edge }) {
  const [one, other] = [a.segments[0], b.segments[0]];
  if (edge.verdict !== 'hairpin_routed' || a.segments.length !== 1 || b.segments.length !== 1 || one === undefined || other === undefined || one === other) return '';
  const name = (/** @type {string} */ segment) => visibleText(segment.replace(/^vlan(\d+)$/, 'VLAN $1'));
  return `${name(one)} → gateway → ${name(other)}`;
}

/** A router at the turning point: four arrows in a circle. @param {Turn} turn @returns {Item[]} */
function gatewayMark({ apex: [x, y], pairs }) {
  if (!pairs.some((pair) => pair.edge.verdict === 'hairpin_routed')) return [];
  return [
    { kind: 'path', d: 'M-9 0A9 9 0 1 0 9 0A9 9 0 1 0 -9 0Z', at: [x, y], fill: 'panel', stroke: 'ink', lw: 1.6 },
    { kind: 'path', d: 'M-5.5 0H5.5M0 -5.5V5.5M-3.7 -1.8L-5.5 0L-3.7 1.8M3.7 -1.8L5.5 0L3.7 1.8M-1.8 -3.7L0 -5.5L1.8 -3.7M-1.8 3.7L0 5.5L1.8 3.7', at: [x, y], stroke: 'ink', lw: 1.2 },
  ];
}

/** @param {GraphModel} model @returns {[string, string, string][]} place, title, caption of the gates that are needed */
export function gatesOf(model) {
  const routers = (model.places.get(ROUTERS) ?? []).length;
  /** @type {[string, string, string][]} */
  const gates = [];
  if (model.places.has(OUTSIDE)) gates.push([OUTSIDE, 'Outside ⇥', `${plural(outsidePeers(model), 'peer')}, folded`]);
  if (routers) gates.push([ROUTERS, routers === 1 ? 'Router' : 'Routers', routers === 1 ? visibleText(model.places.get(ROUTERS)?.[0]?.label ?? '') : `${routers} in the street`]);
  return gates;
}

/** @param {Layout} layout @param {GraphModel} model @param {Selection|null} selection @returns {Item[]} */
export function gateItems(layout, model, selection) {
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
