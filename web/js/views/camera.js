// Zoom and pan of the map: by wheel, drag, pinch, keys and buttons, and from the address.

import d3 from '../d3.js';
import { shiftInto } from '../layout/measures.js';

/** @typedef {import('../url-state.js').Camera} Camera */
/** @typedef {import('../layout/street.js').Rect} Rect */

/** A map that fits is not blown up beyond this. */
const LARGEST_FIT = 1.3;
const SLACK = 2;

/**
 * @param {HTMLElement} pad
 * @param {{
 *   moved: () => void,
 *   settled: (camera: Camera|null) => void,
 *   room: () => {width: number, height: number, whole: number},
 * }} map settled: the user has chosen a view; room: pixels that the map may fill, and the height of the window it lies in
 */
export function mountCamera(pad, { moved, settled, room }) {
  let view = d3.zoomIdentity;
  let touched = false; // the user has zoomed: growth must not move the view
  const zoom = /** @type {import('d3').ZoomBehavior<HTMLElement, unknown>} */ (d3.zoom())
    .scaleExtent([0.04, 6])
    .clickDistance(4)
    .on('zoom', (event) => {
      view = event.transform;
      if (event.sourceEvent) touched = true;
      moved();
    })
    .on('end', (event) => {
      if (event.sourceEvent && event.sourceEvent.type !== 'click') settle();
    });
  const padSelection = d3.select(pad);
  padSelection.call(zoom).on('dblclick.zoom', null);

  function settle() {
    if (touched) settled(current());
  }

  /** @returns {Camera} the middle of the window in map units */
  function current() {
    const { width, whole } = room();
    const [x, y] = view.invert([width / 2, whole / 2]);
    return { x: Math.round(x), y: Math.round(y), k: Math.round(view.k * 1000) / 1000 };
  }

  /** @param {Rect} bounds @returns {boolean} whether a part of the map is out of sight */
  function outgrown({ x, y, w, h }) {
    const { width, height } = room();
    return view.applyX(x) < -SLACK || view.applyY(y) < -SLACK || view.applyX(x + w) > width + SLACK || view.applyY(y + h) > height + SLACK;
  }

  /** Shows everything. @param {Rect} bounds */
  function fit(bounds) {
    const { width, height } = room();
    const k = Math.min(width / bounds.w, height / bounds.h, LARGEST_FIT);
    const x = (width - bounds.w * k) / 2 - bounds.x * k;
    const y = Math.max(0, (height - bounds.h * k) / 2) - bounds.y * k + 2;
    touched = false;
    padSelection.call(zoom.transform, d3.zoomIdentity.translate(x, y).scale(k));
  }

  return {
    view: () => view,
    isTouched: () => touched,
    outgrown,
    fit,

    /** As a link or Back says; everything, when nothing of the map would be in sight. @param {Camera} camera @param {Rect} bounds */
    restore({ x, y, k }, bounds) {
      const { width, whole } = room();
      const [halfWidth, halfHeight] = [width / 2 / k, whole / 2 / k];
      if (x + halfWidth < bounds.x || x - halfWidth > bounds.x + bounds.w || y + halfHeight < bounds.y || y - halfHeight > bounds.y + bounds.h) {
        fit(bounds);
        return;
      }
      touched = true;
      padSelection.call(zoom.transform, d3.zoomIdentity.translate(width / 2 - x * k, whole / 2 - y * k).scale(k));
    },

    /** @param {Camera} camera @returns {boolean} whether this is what is seen already */
    isAt(camera) {
      const { x, y, k } = current();
      return Math.abs(x - camera.x) <= 1 && Math.abs(y - camera.y) <= 1 && Math.abs(k - camera.k) <= 0.001;
    },

    /** Brings something into sight, with air around it, and no farther than that takes. @param {Rect} box */
    reveal({ x, y, w, h }) {
      const { width, height } = room();
      const dx = shiftInto(view.applyX(x), w * view.k, width);
      const dy = shiftInto(view.applyY(y), h * view.k, height);
      if (dx === 0 && dy === 0) return;
      touched = true;
      padSelection.call(zoom.translateBy, dx / view.k, dy / view.k);
      settle();
    },

    /** @param {number} factor */
    zoomBy(factor) {
      touched = true;
      padSelection.call(zoom.scaleBy, factor);
      settle();
    },
  };
}
