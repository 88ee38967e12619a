// Finds what lies under the pointer by a grid, not by asking everything on the map. Pure.

import { distanceTo } from '../layout/curves.js';
import { boxOf } from './line-items.js';

/** @typedef {import('./items.js').Hit} Hit */
/** @typedef {import('./items.js').Rect} Rect */

const CELL = 120;
/** A curve that reaches over more cells than this is noted along its way, not over its box. */
const MANY = 9;

/** @param {number} value */
function cellOf(value) {
  return Math.floor(value / CELL);
}

export class HitIndex {
  #hits;

  /** @type {Map<string, number[]>} numbers of hits by cell, from back to front */
  #cells = new Map();

  /** @param {Hit[]} hits from back to front */
  constructor(hits) {
    this.#hits = hits;
    hits.forEach((hit, number) => {
      if (hit.box) this.#note(hit.box, number);
      if (hit.curve) this.#noteCurve(hit.curve, hit.reach ?? 5, number);
    });
  }

  /** @param {Rect} box @param {number} number */
  #note({ x, y, w, h }, number) {
    for (let column = cellOf(x); column <= cellOf(x + w); column += 1) {
      for (let row = cellOf(y); row <= cellOf(y + h); row += 1) {
        const key = `${column} ${row}`;
        const list = this.#cells.get(key);
        if (!list) this.#cells.set(key, [number]);
        else if (list[list.length - 1] !== number) list.push(number);
      }
    }
  }

  /** @param {import('../layout/curves.js').Curve} curve @param {number} reach @param {number} number */
  #noteCurve(curve, reach, number) {
    const box = boxOf(curve);
    const spread = 3 * reach; // zoomed out, a finger's breadth is more of the map
    const around = (/** @type {Rect} */ { x, y, w, h }) => ({ x: x - spread, y: y - spread, w: w + 2 * spread, h: h + 2 * spread });
    if ((box.w / CELL + 1) * (box.h / CELL + 1) <= MANY) return this.#note(around(box), number);
    for (let i = 1; i < curve.points.length; i += 1) {
      const [[px, py], [qx, qy]] = /** @type {[[number, number], [number, number]]} */ ([curve.points[i - 1], curve.points[i]]);
      this.#note(around({ x: Math.min(px, qx), y: Math.min(py, qy), w: Math.abs(px - qx), h: Math.abs(py - qy) }), number);
    }
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} slack how much farther than its reach a curve may be
   * @returns {Hit|null} the front box, or the nearest curve before it
   */
  at(x, y, slack) {
    const numbers = this.#cells.get(`${cellOf(x)} ${cellOf(y)}`) ?? [];
    /** @type {Hit|null} */
    let nearest = null;
    let least = Infinity;
    for (let i = numbers.length - 1; i >= 0; i -= 1) {
      const hit = /** @type {Hit} */ (this.#hits[/** @type {number} */ (numbers[i])]);
      const { box, curve } = hit;
      if (box && x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h) return nearest ?? hit;
      const distance = curve ? distanceTo(curve, x, y) : Infinity;
      if (distance <= (hit.reach ?? 5) * slack && distance < least) [nearest, least] = [hit, distance];
    }
    return nearest;
  }
}
