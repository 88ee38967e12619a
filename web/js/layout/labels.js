// Labels of the largest trunks and of the hairpins, placed where they cover nothing. Pure.

import { bytes } from '../format.js';
import { LANES } from '../verdicts.js';
import { pointAt } from './curves.js';
import { gateOf } from './trunks.js';
import { OUTSIDE, ROUTERS } from '../model/graph-model.js';

/** @typedef {import('./street.js').Layout} Layout */
/** @typedef {import('./street.js').Rect} Rect */
/** @typedef {import('./routes.js').Routes} Routes */
/** @typedef {import('./routes.js').Trunk} Trunk */
/** @typedef {import('./routes.js').Turn} Turn */
/** @typedef {Rect & {trunk: Trunk, text: string}} TrunkLabel */
/** @typedef {Rect & {turn: Turn}} TurnLabel */

const MOST = 6;
const HEIGHT = 20;
const SHARES = [0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78];
const TURN_BOX = { w: 172, h: 36 };

/** @param {Rect} p @param {Rect} q @param {number} margin */
export function overlaps(p, q, margin = 0) {
  return p.x < q.x + q.w + margin && q.x < p.x + p.w + margin && p.y < q.y + q.h + margin && q.y < p.y + p.h + margin;
}

/**
 * @param {Layout} layout
 * @param {Routes} routes
 * @param {string[]} gates places whose chips are drawn
 * @returns {{trunks: TrunkLabel[], turns: TurnLabel[]}}
 */
export function placeLabels(layout, routes, gates) {
  const taken = obstacles(layout, routes, gates);
  const turns = routes.turns.map((turn) => {
    const label = { turn, ...turnBox(turn, layout, taken) };
    taken.push(label);
    return label;
  });
  /** @type {TrunkLabel[]} */
  const trunks = [];
  for (const trunk of worthALabel(routes.trunks)) {
    const text = `${trunk.lane === 'mixed' ? 'mixed' : LANES[trunk.lane].glyph} ${bytes(trunk.bytes)}`;
    const w = (trunk.lane === 'mixed' ? 34 : 18) + text.length * 6.1;
    const box = SHARES.map((share) => {
      const [x, y] = pointAt(trunk.curve, share);
      return { x: x - w / 2, y: y - HEIGHT / 2, w, h: HEIGHT };
    }).find((candidate) => !taken.some((other) => overlaps(candidate, other, 3)));
    if (!box) continue;
    taken.push(box);
    trunks.push({ ...box, trunk, text });
  }
  return { trunks, turns };
}

/** The largest trunks, and the largest of each rarer lane. @param {Trunk[]} trunks @returns {Trunk[]} */
function worthALabel(trunks) {
  const chosen = new Set(trunks.slice(0, MOST - 2));
  for (const lane of ['mixed', 'undetermined', 'left']) {
    const largest = trunks.find((trunk) => trunk.lane === lane);
    if (largest) chosen.add(largest);
  }
  return [...chosen];
}

/** Before the turning point, else beside the turn. @param {Turn} turn @param {Layout} layout @param {Rect[]} taken @returns {Rect} */
function turnBox(turn, layout, taken) {
  const outward = layout.houses.get(turn.place)?.outward ?? -1;
  const [x, y] = turn.apex;
  const { w, h } = TURN_BOX;
  const before = { x: x - w / 2, y: outward < 0 ? y + 13 : y - 13 - h, w, h };
  const beside = outward < 0 ? y - 24 : y + 24 - h;
  const candidates = [before, { ...before, x: x + 34, y: beside }, { ...before, x: x - 34 - w, y: beside }, { ...before, x: x - w + 20 }, { ...before, x: x - 20 }];
  const { bounds } = layout;
  const inSight = candidates.filter((box) => box.x >= bounds.x && box.x + box.w <= bounds.x + bounds.w);
  return inSight.find((box) => !taken.some((other) => overlaps(box, other, 3))) ?? before;
}

/** What no label may cover. @param {Layout} layout @param {Routes} routes @param {string[]} gates @returns {Rect[]} */
function obstacles(layout, routes, gates) {
  const walls = [...layout.houses.values()].flatMap((house) => {
    const half = routes.doors.get(house.place)?.half ?? 0;
    return [house.box, { x: house.door.x - half, y: house.wall - 10, w: 2 * half, h: 20 }];
  });
  const turns = routes.turns.map(({ apex: [x, y], place }) => {
    const up = layout.houses.get(place)?.outward === -1;
    return { x: x - 28, y: up ? y - 48 : y - 6, w: 56, h: 54 };
  });
  const chips = [OUTSIDE, ROUTERS].filter((place) => gates.includes(place)).map((place) => /** @type {Rect} */ (gateOf(layout, place)));
  return [...walls, ...turns, ...chips];
}
