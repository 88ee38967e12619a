// A curve is kept twice: as SVG path text, which canvas and SVG both draw, and as points, for pointing at it
// and for labels. Pure.

/** @typedef {[number, number]} XY */
/** @typedef {{d: string, points: XY[], box: {x: number, y: number, w: number, h: number}}} Curve box: it lies within */

const STEPS = 24;

/** @param {number} value */
function short(value) {
  return Math.round(value * 10) / 10;
}

/**
 * A curve whose text and points are made when somebody asks: of thousands, few are in sight, and fewer are pointed at.
 * @implements {Curve}
 */
class DrawnCurve {
  /** @type {number[][]} */
  #pieces;

  /** @type {XY[]|null} */
  #points = null;

  /** @type {string|null} */
  #d = null;

  /** @param {number[][]} pieces the start, then ends of lines (2 numbers) and of cubics (6) */
  constructor(pieces) {
    this.#pieces = pieces;
  }

  get d() {
    this.#d ??= this.#pieces.map((piece, i) => `${i === 0 ? 'M' : piece.length === 2 ? 'L' : 'C'}${piece.map(short).join(' ')}`).join('');
    return this.#d;
  }

  /** Of the control points: a curve never leaves them. */
  get box() {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const piece of this.#pieces) {
      for (let i = 0; i < piece.length; i += 2) {
        const [x = 0, y = 0] = [piece[i], piece[i + 1]];
        if (x < left) left = x;
        if (x > right) right = x;
        if (y < top) top = y;
        if (y > bottom) bottom = y;
      }
    }
    return { x: left, y: top, w: right - left, h: bottom - top };
  }

  get points() {
    this.#points ??= pointsOf(this.#pieces);
    return this.#points;
  }
}

/** @param {number[][]} pieces @returns {XY[]} */
function pointsOf(pieces) {
  /** @type {XY[]} */
  const points = [];
  let [x0, y0] = [0, 0];
  for (const piece of pieces) {
    const [x = 0, y = 0] = piece.slice(-2);
    if (piece.length === 6) points.push(...cubicPoints(x0, y0, piece));
    else points.push([x, y]);
    [x0, y0] = [x, y];
  }
  return points;
}

/** @param {number} x0 @param {number} y0 @param {number[]} piece @returns {XY[]} */
function cubicPoints(x0, y0, [x1 = 0, y1 = 0, x2 = 0, y2 = 0, x = 0, y = 0]) {
  return Array.from({ length: STEPS }, (_, i) => {
    const t = (i + 1) / STEPS;
    const u = 1 - t;
    return [
      u ** 3 * x0 + 3 * u * u * t * x1 + 3 * u * t * t * x2 + t ** 3 * x,
      u ** 3 * y0 + 3 * u * u * t * y1 + 3 * u * t * t * y2 + t ** 3 * y,
    ];
  });
}

/** Draws a curve piece by piece. */
export class Pen {
  /** @type {number[][]} */
  #pieces;

  /** @param {number} x @param {number} y */
  constructor(x, y) {
    this.#pieces = [[x, y]];
  }

  /** @param {number} x @param {number} y */
  line(x, y) {
    this.#pieces.push([x, y]);
    return this;
  }

  /**
   * @param {number} x1 @param {number} y1 first control point
   * @param {number} x2 @param {number} y2 second control point
   * @param {number} x @param {number} y end
   */
  cubic(x1, y1, x2, y2, x, y) {
    this.#pieces.push([x1, y1, x2, y2, x, y]);
    return this;
  }

  /**
   * A line towards a corner that is rounded on the way to the next point.
   * @param {number} cx @param {number} cy the corner
   * @param {number} x @param {number} y where to go next
   * @param {number} radius
   */
  corner(cx, cy, x, y, radius) {
    const [x0 = 0, y0 = 0] = this.#pieces.at(-1)?.slice(-2) ?? [];
    const before = Math.hypot(cx - x0, cy - y0);
    const after = Math.hypot(x - cx, y - cy);
    const r = Math.min(radius, before, after / 2);
    if (r < 0.5) return this.line(cx, cy);
    const ax = cx + ((x0 - cx) * r) / before;
    const ay = cy + ((y0 - cy) * r) / before;
    const bx = cx + ((x - cx) * r) / after;
    const by = cy + ((y - cy) * r) / after;
    this.line(ax, ay);
    return this.cubic(ax + (cx - ax) * 0.6, ay + (cy - ay) * 0.6, bx + (cx - bx) * 0.6, by + (cy - by) * 0.6, bx, by);
  }

  /** @returns {Curve} */
  done() {
    return new DrawnCurve(this.#pieces);
  }
}

/**
 * Point of a curve at a share of its length.
 * @param {Curve} curve
 * @param {number} share 0 to 1
 * @returns {XY}
 */
export function pointAt({ points }, share) {
  let length = 0;
  for (let i = 1; i < points.length; i += 1) length += distance(at(points, i - 1), at(points, i));
  let left = length * share;
  for (let i = 1; i < points.length; i += 1) {
    const [p, q] = [at(points, i - 1), at(points, i)];
    const step = distance(p, q);
    if (left <= step && step > 0) return [p[0] + ((q[0] - p[0]) * left) / step, p[1] + ((q[1] - p[1]) * left) / step];
    left -= step;
  }
  return at(points, points.length - 1);
}

/** @param {XY[]} points @param {number} i */
function at(points, i) {
  return /** @type {XY} */ (points[i]);
}

/** @param {XY} p @param {XY} q */
function distance(p, q) {
  return Math.hypot(q[0] - p[0], q[1] - p[1]);
}

/**
 * Distance of a place from a curve.
 * @param {Curve} curve
 * @param {number} x
 * @param {number} y
 */
export function distanceTo({ points }, x, y) {
  let best = Infinity;
  for (let i = 1; i < points.length; i += 1) {
    const [px, py] = at(points, i - 1);
    const [qx, qy] = at(points, i);
    const dx = qx - px;
    const dy = qy - py;
    const squared = dx * dx + dy * dy;
    const t = squared === 0 ? 0 : Math.min(1, Math.max(0, ((x - px) * dx + (y - py) * dy) / squared));
    best = Math.min(best, Math.hypot(x - px - t * dx, y - py - t * dy));
  }
  return best;
}
