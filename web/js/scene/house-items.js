// A house as items: walls, header with its share, vSwitch, tiles and door. Pure.

import { bytes, percent, plural, visibleText } from '../format.js';
import { MEASURES } from '../layout/measures.js';
import { clusterName, clustersOf, isCluster, nodesIn } from '../model/clusters.js';
import { UNPLACED } from '../model/graph-model.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('../layout/street.js').House} House */
/** @typedef {import('../layout/street.js').Tile} Tile */
/** @typedef {import('../model/headline.js').Split} Split */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */

const BAR = { w: 138, h: 9 };
const NOTHING = { total: 0, stayed: 0, left: 0, hairpin: 0, undetermined: 0 };

/** @param {string} place */
export function placeName(place) {
  if (isCluster(place)) return `${clusterName(place).includes(' – ') ? 'hosts' : 'cluster'} ${visibleText(clusterName(place))}`;
  return place === UNPLACED ? 'Host not known yet' : visibleText(place);
}

/**
 * Walls, tint and header.
 * @param {House} house
 * @param {Split|undefined} sums
 * @param {GraphModel} model
 * @param {boolean} grouped its cluster is unfolded and can be folded again
 * @returns {Item[]}
 */
export function houseItems(house, sums, model, grouped) {
  const { box } = house;
  const split = sums ?? NOTHING;
  const unplaced = house.place === UNPLACED;
  const nodes = nodesIn(model, house.place);
  return [
    ...(isCluster(house.place) ? stackItems(house) : []),
    { kind: 'rect', ...box, r: 12, fill: 'box', stroke: 'boxline', lw: unplaced ? 1.6 : 2, ...(unplaced ? { dash: [4, 5] } : {}), shadow: true },
    ...(unplaced ? [] : [tint(house, split)]),
    ...header(house, split, captionOf(house, nodes, model), isCluster(house.place) ? 'unfold' : grouped && clustersOf(model).of.has(house.place) ? 'fold' : null),
    ...(unplaced ? remedy(house, nodes) : []),
    ...(isCluster(house.place) ? [] : vswitchItems(house)),
  ];
}

/** More houses behind the first: this is a pile. @param {House} house @returns {Item[]} */
function stackItems({ box, outward }) {
  return [8, 4].map((shift) => ({ kind: 'rect', x: box.x + shift, y: box.y + outward * shift, w: box.w - 2 * shift, h: box.h, r: 12, fill: 'box', stroke: 'boxline', lw: 1.4 }));
}

/** The stronger, the more of its traffic stays. @param {House} house @param {Split} split @returns {Item} */
function tint({ box, outward, place, matrix }, split) {
  const { header: head, tileDepth } = MEASURES;
  const inner = isCluster(place) ? 38 : matrix ? tileDepth - 8 : tileDepth + 18;
  const h = box.h - head - 2 - inner;
  const share = split.total ? split.stayed / split.total : 0;
  const y = outward < 0 ? box.y + head + 2 : box.y + inner;
  return { kind: 'rect', x: box.x + 8, y, w: box.w - 16, h, r: 8, fill: 'stay-soft', alpha: Math.round(share * 100) / 100 };
}

/** @param {House} house @param {Split} split @param {string} caption @param {'fold'|'unfold'|null} turn what a click does @returns {Item[]} */
function header({ box, outward, place }, split, caption, turn) {
  const y = outward < 0 ? box.y : box.y + box.h - MEASURES.header + 2;
  const right = box.x + box.w - 14;
  const unplaced = place === UNPLACED;
  /** @type {Item[]} */
  const items = [
    unplaced
      ? { kind: 'text', x: box.x + 15, y: y + 21, text: '?', size: 15, bold: true, fill: 'ink' }
      : { kind: 'path', at: [box.x + 14, y + 9], d: isCluster(place) ? 'M4 1H14V10H4ZM1 4V13H11M7 4H11M7 7H11' : 'M1 1H13V13H1ZM4 4.6H10M4 7.4H10M4 10.2H7', stroke: 'ink', lw: 1.5 },
    { kind: 'text', x: box.x + (unplaced ? 28 : 34), y: y + 21, text: placeName(place), size: unplaced ? 13.5 : 15, bold: true, fill: 'ink', most: box.w - BAR.w - (unplaced ? 50 : 58) },
    ...(turn ? [/** @type {Item} */ ({ kind: 'path', at: [box.x + 14, y + 27.5], d: `M0 0H10V10H0ZM2.5 5H7.5${turn === 'unfold' ? 'M5 2.5V7.5' : ''}`, stroke: 'ink3', lw: 1.1 })] : []),
    { kind: 'text', x: box.x + (turn ? 29 : 14), y: y + 37, text: caption, size: 11.5, fill: 'ink3', most: box.w - BAR.w - (turn ? 55 : 40) },
  ];
  if (split.total === 0) {
    return [...items, { kind: 'text', x: right, y: y + 21, text: 'no traffic', size: 11.5, align: 'right', fill: 'ink3' }];
  }
  const tail = unplaced ? ` · ${bytes(split.total)}` : ` stayed · ${bytes(split.total)}`;
  const lead = unplaced ? `? ${percent(split.undetermined, split.total)}` : percent(split.stayed, split.total);
  return [
    ...items,
    { kind: 'text', x: right, y: y + 20, text: tail, size: 12, align: 'right', fill: 'ink2', lead: { text: lead, size: unplaced ? 12 : 14.5, fill: unplaced ? 'ink2' : 'stay' } },
    ...splitBar(right - BAR.w, y + 26, BAR.w, BAR.h, split),
  ];
}

/** @param {House} house @param {DocumentNode[]} nodes @param {GraphModel} model */
function captionOf(house, nodes, model) {
  const unplaced = house.place === UNPLACED;
  const vms = nodes.filter((node) => node.kind === 'vm').length;
  const others = nodes.length - vms;
  const parts = [];
  const cluster = clustersOf(model).of.get(house.place);
  if (house.hosts.length) parts.push(plural(house.hosts.length, 'host'));
  else if (cluster && !clusterName(cluster).endsWith('*')) parts.push(visibleText(clusterName(cluster)));
  if (vms || !others) parts.push(plural(vms, 'VM'));
  if (others) parts.push(plural(others, unplaced ? 'other endpoint' : 'other'));
  if (house.without.length) parts.push(withoutText(house.without, model));
  const switches = [...new Set(nodes.map((node) => node.vswitch).filter((name) => name !== null))];
  if (!unplaced && switches.length && !house.hosts.length) parts.push(visibleText(switches.join(', ')));
  return parts.join(' · ');
}

/** @param {string[]} ids @param {GraphModel} model */
export function withoutText(ids, model) {
  return `+${ids.length} not drawn, ${bytes(ids.reduce((sum, id) => sum + (model.nodes.get(id)?.wire_bytes ?? 0), 0))}`;
}

/**
 * @param {number} x @param {number} y @param {number} w @param {number} h
 * @param {Split} split
 * @returns {Item[]}
 */
export function splitBar(x, y, w, h, split) {
  /** @type {[string, number][]} */
  const parts = [['stay', split.stayed], ['tex-leave', split.left - split.hairpin], ['tex-hair', split.hairpin], ['tex-unk', split.undetermined]];
  /** @type {Item[]} */
  const items = [];
  let at = x;
  for (const [fill, part] of parts) {
    const width = (w * part) / split.total;
    if (part > 0) items.push({ kind: 'rect', x: at, y, w: Math.max(1.5, width - 1.5), h, r: 2, fill });
    at += width;
  }
  return items;
}

/** @param {House} house @param {DocumentNode[]} nodes @returns {Item[]} */
function remedy({ box, outward }, nodes) {
  const y = outward < 0 ? box.y + MEASURES.header + 14 : box.y + box.h - MEASURES.header - 28;
  const x = box.x + box.w / 2;
  const most = box.w - 24;
  const macs = nodes.some((node) => node.macs.length > 0);
  return [
    { kind: 'text', x, y, text: `Drop an inventory here that places these ${macs ? 'MACs' : 'addresses'},`, size: 11.5, align: 'center', fill: 'ink2', most },
    { kind: 'text', x, y: y + 15, text: 'or add a mirror together with the uplinks of their host', size: 11.5, align: 'center', fill: 'ink2', most },
  ];
}

/** @param {House} house @returns {Item[]} */
function vswitchItems({ vswitch, place }) {
  const unplaced = place === UNPLACED;
  return [
    { kind: 'rect', ...vswitch, r: 4, fill: 'street', stroke: unplaced ? 'unk' : 'boxline', lw: 1, ...(unplaced ? { dash: [3, 3] } : {}) },
    { kind: 'text', x: vswitch.x + 6, y: vswitch.y + 10.5, text: unplaced ? 'vSWITCH ?' : 'vSWITCH', size: 9.5, spacing: 0.8, fill: 'ink3' },
  ];
}

/**
 * @param {House} house
 * @param {GraphModel} model
 * @param {(id: string) => boolean} faded
 * @param {boolean} single names on one line
 * @returns {Item[]}
 */
export function tileItems(house, model, faded, single) {
  return house.tiles.flatMap((tile) => {
    const node = model.nodes.get(tile.id);
    return node ? tileAs(tile, node, { alpha: faded(tile.id) ? 0.4 : 1, chosen: false, single }) : [];
  });
}

/** @param {Tile} tile @param {DocumentNode} node @param {{alpha: number, chosen: boolean, single: boolean}} look @returns {Item[]} */
function tileAs({ x, y, w, h }, node, { alpha, chosen, single }) {
  const machine = node.kind === 'vm' || node.kind === 'unknown';
  return [
    ...(alpha < 1 ? [/** @type {Item} */ ({ kind: 'rect', x, y, w, h, r: 7, fill: 'box' })] : []),
    { kind: 'rect', x, y, w, h, r: 7, fill: 'tile', stroke: chosen ? 'sel' : 'boxline', lw: chosen ? 3 : 1.2, alpha, ...(machine ? {} : { dash: [3, 2] }) },
    { kind: 'name', x, y, w, h, text: visibleText(node.label), fill: 'ink', alpha, single },
  ];
}

/** The selected tile, over the others. @param {Tile} tile @param {GraphModel} model @returns {Item[]} */
export function chosenTile(tile, model) {
  const node = model.nodes.get(tile.id);
  return node ? tileAs(tile, node, { alpha: 1, chosen: true, single: false }) : [];
}

/** Slots whose endpoint is gone: kept free, so that nobody has to move, until Tidy. @param {House} house @returns {Item[]} */
export function ghostItems(house) {
  return house.ghosts.flatMap(({ label, x, y, w, h }) => {
    const text = visibleText(label);
    /** @type {Item[]} */
    const ghost = house.matrix
      ? [{ kind: 'text', x: x + w - 5, y: y + h * 0.8, text: `(${text})`, size: Math.min(11, h * 0.86), align: 'right', fill: 'ink3', most: w - 8, alpha: 0.7 }]
      : [
        { kind: 'rect', x, y, w, h, r: 7, stroke: 'control', lw: 1, dash: [2, 4], alpha: 0.7 },
        { kind: 'name', x, y, w, h, text, fill: 'ink3', alpha: 0.6 },
      ];
    return ghost;
  });
}

/**
 * @param {House} house
 * @param {number} half
 * @param {Split|undefined} split
 * @returns {Item[]}
 */
export function doorItems({ door, place }, half, split) {
  const unplaced = place === UNPLACED;
  const share = split && split.total ? split.left / split.total : 0;
  const text = unplaced ? 'path not seen' : `uplink ${percent(share, 1)}`;
  return [
    { kind: 'rect', x: door.x - half, y: door.y - 8, w: 2 * half, h: 16, r: 5, fill: 'panel', stroke: unplaced ? 'unk' : 'boxline', lw: unplaced ? 1.1 : 1.5, ...(unplaced ? { dash: [3, 3] } : {}) },
    { kind: 'text', x: door.x, y: door.y + 4, text, size: 10.5, align: 'center', fill: 'ink2' },
  ];
}
