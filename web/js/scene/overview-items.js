// The map from far away: houses as chips with their share, and only the largest trunks. Pure.

import { bytes, percent, plural } from '../format.js';
import { UNPLACED } from '../model/graph-model.js';
import { LANES } from '../verdicts.js';
import { nodesIn } from '../model/clusters.js';
import { part, twoTone } from './items.js';
import { boxOf } from './line-items.js';
import { placeName, splitBar } from './house-items.js';

/** @typedef {import('./items.js').Item} Item */
/** @typedef {import('./items.js').Part} Part */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../layout/street.js').House} House */
/** @typedef {import('../layout/routes.js').Routes} Routes */
/** @typedef {import('../model/headline.js').Split} Split */

/** Trunks drawn from far away; the page says when there are more. */
export const FAR_TRUNKS = 60;

/** @param {Routes} routes @returns {Part[]} the largest on top */
export function farTrunks(routes) {
  const trunks = routes.trunks.slice(0, FAR_TRUNKS).reverse().map((trunk) => part(boxOf(trunk.curve), () => (trunk.lane === 'mixed' ? twoTone(trunk.curve.d, trunk.width * 1.2, 0.5) : [{
    kind: 'path', d: trunk.curve.d, stroke: LANES[trunk.lane].token, lw: trunk.width * 1.2, alpha: 0.5, dash: trunk.lane === 'stayed' ? [] : LANES[trunk.lane].dash,
  }])));
  const turns = routes.turns.map((turn) => part(boxOf(turn.curve), () => [{ kind: 'path', d: turn.curve.d, stroke: 'leave', lw: 7, dash: [12, 6] }]));
  return [...trunks, ...turns];
}

/** @param {House} house @param {Split|undefined} split @param {GraphModel} model @returns {Item[]} */
export function chipItems({ box, place, hosts }, split, model) {
  const endpoints = nodesIn(model, place).length;
  const unplaced = place === UNPLACED;
  const share = split?.total ? split.stayed / split.total : 0;
  const middle = box.y + box.h / 2;
  const x = box.x + box.w / 2;
  /** @type {Item[]} */
  const items = [
    { kind: 'rect', ...box, r: 16, fill: 'box', stroke: 'boxline', lw: 3, ...(unplaced ? { dash: [14, 12] } : {}) },
    { kind: 'rect', x: box.x + 8, y: box.y + 8, w: box.w - 16, h: box.h - 16, r: 12, fill: 'stay-soft', alpha: Math.round(share * 100) / 100 },
    { kind: 'text', x, y: middle - 50, text: placeName(place), size: unplaced ? 34 : 44, bold: true, align: 'center', fill: 'ink', most: box.w - 24 },
  ];
  if (!split?.total) return [...items, { kind: 'text', x, y: middle + 20, text: 'no traffic', size: 34, align: 'center', fill: 'ink3' }];
  return [
    ...items,
    { kind: 'text', x, y: middle + 14, text: unplaced ? `? ${percent(split.undetermined, split.total)}` : percent(split.stayed, split.total), size: 58, bold: true, align: 'center', fill: unplaced ? 'ink2' : 'stay' },
    ...splitBar(box.x + 30, middle + 34, box.w - 60, 24, split),
    { kind: 'text', x, y: middle + 102, text: `${hosts.length ? `${plural(hosts.length, 'host')} · ` : ''}${plural(endpoints, unplaced ? 'endpoint' : 'VM')} · ${bytes(split.total)}`, size: 37, align: 'center', fill: 'ink2', most: box.w - 20 },
  ];
}
