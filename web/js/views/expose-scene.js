// Read-only geometry in CSS pixels of the page, for those who drive the page.

import { cellAt } from '../layout/street.js';

/** @typedef {import('../scene/street-scene.js').Scene} Scene */
/** @typedef {import('../layout/street.js').Rect} Rect */

/** @param {() => Scene|null} scene @param {() => string} mapId @param {() => import('../scene/paint-canvas.js').View} view @param {HTMLElement} pad @returns {() => void} takes it back */
export function exposeScene(scene, mapId, view, pad) {
  const toPage = (/** @type {number} */ x, /** @type {number} */ y) => {
    const box = pad.getBoundingClientRect();
    const { x: left, y: top, k } = view();
    return { x: box.left + left + x * k, y: box.top + top + y * k };
  };
  const middle = (/** @type {Rect} */ { x, y, w, h }) => toPage(x + w / 2, y + h / 2);
  const houses = () => [...(scene()?.layout.houses.values() ?? [])];
  const placed = (/** @type {Rect} */ box) => ({ ...box, middle: middle(box) });
  Object.defineProperty(window, '__flowmap', {
    configurable: true,
    value: Object.freeze({
      get map() { return mapId(); },
      /** Another value after every change. */
      get drawing() { return scene()?.parts ?? null; },
      tiles: () => [...(scene()?.layout.tiles.values() ?? [])].map(placed),
      ghosts: () => houses().flatMap((house) => house.ghosts.map(placed)),
      houses: () => houses().map((house) => ({ place: house.place, box: house.box, tiles: house.tiles.length, hosts: house.hosts.length, middle: middle(house.box) })),
      cells: () => houses().flatMap(({ matrix, place }) => (matrix ? scene()?.routes.cells.get(place) ?? [] : []).map(({ pair, lane, row, column }) =>
        ({ a: pair.a.id, b: pair.b.id, lane, middle: middle(cellAt(/** @type {import('../layout/street.js').Matrix} */ (matrix), row, column)) }))),
      arcs: () => [...(scene()?.routes.arcs.values() ?? [])].flat().map(({ pair, lane, curve }) => {
        const [x, y] = curve.points[Math.floor(curve.points.length / 2)] ?? [0, 0];
        return { a: pair.a.id, b: pair.b.id, lane, middle: toPage(x, y) };
      }),
      trunks: () => (scene()?.routes.trunks ?? []).map(({ from, to, lane, bytes }) => ({ from, to, lane, bytes })),
      turns: () => (scene()?.routes.turns ?? []).map(({ place, bytes, apex }) => ({ place, bytes, middle: toPage(apex[0], apex[1]) })),
      scale: () => view().k,
      middle: () => {
        const box = pad.getBoundingClientRect();
        const { x, y, k } = view();
        return { x: (box.width / 2 - x) / k, y: (box.height / 2 - y) / k };
      },
    }),
  });
  return () => { Reflect.deleteProperty(window, '__flowmap'); };
}
