// The street map on screen: canvas, zoom, pointing, and the tree that keyboards and screen readers use.

import d3 from '../d3.js';
import { isBusy, shownOf } from '../app-state.js';
import { isFiltering } from '../model/filters.js';
import { OUTSIDE, ROUTERS } from '../model/graph-model.js';
import { distanceTo } from '../layout/curves.js';
import { planFrame } from '../layout/frame.js';
import { assignSlots, sameHouses } from '../layout/slots.js';
import { layOut } from '../layout/street.js';
import { FAR_TRUNKS } from '../scene/overview-items.js';
import { streetScene } from '../scene/street-scene.js';
import { CanvasPainter } from '../scene/paint-canvas.js';
import { el, fill } from './element.js';
import { mountMapTree } from './map-tree.js';
import { offerPicture } from './picture-source.js';
import { onThemeChange, readColours } from './theme.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../scene/items.js').Hit} Hit */
/** @typedef {import('../scene/street-scene.js').Scene} Scene */
/** @typedef {import('../url-state.js').Selection} Selection */
/** @typedef {import('../layout/street.js').Layout} Layout */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */

const TIP_DELAY_MS = 150;
/** What belongs to a new map, such as its banners, may come a moment later. */
const SETTLING_MS = 1500;
/** Farther away than this names in tiles cannot be read: houses are drawn as chips then. */
const OVERVIEW_ZOOM = 0.42;
const CAPTION_TEXT = 'Cards count all traffic of their endpoints, so bytes between two hosts stand on both; the headline counts every byte once. ';

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {(selection: Selection|null) => void} select
 * @returns {() => void} unmount
 */
export function mountStreetView(element, store, select) {
  const canvas = el('canvas', { 'aria-hidden': 'true' });
  const pad = el('div', { class: 'street__pad', id: 'map-pad' });
  const focus = el('div', { class: 'street__focus', hidden: true });
  const tip = el('div', { class: 'street__tip', role: 'tooltip', hidden: true });
  const controls = el('div', { class: 'street__controls' });
  const farNote = el('b');
  const caption = el('p', { class: 'street__caption' }, farNote, CAPTION_TEXT, el('b', {}, '+ − 0'), ' zoom · arrows, ', el('b', {}, 'Enter'), ', ',
    el('b', {}, 'e'), ' for the next pair, ', el('b', {}, 'Esc'), ' · nothing moves until you press ', el('b', {}, 'Tidy'));
  const foot = el('div', { class: 'street__foot' }, caption, controls);
  const street = el('div', { class: 'street' }, canvas, pad, focus, foot, tip);
  element.append(street);

  const painter = new CanvasPainter(canvas, getComputedStyle(document.body).fontFamily);
  painter.setColours(readColours());

  /** @type {Scene|null} */
  let scene = null;
  /** @type {import('../layout/slots.js').Slots|null} */
  let slots = null;
  /** @type {import('../layout/frame.js').Frame|null} */
  let frame = null;
  /** @type {Layout|null} */
  let layout = null;
  /** @type {GraphModel|null} model that the layout was made for */
  let laidOut = null;
  let mapId = '';
  let view = d3.zoomIdentity;
  let touched = false; // the user has zoomed: growth must not move the view
  let drawing = 0;
  let size = { width: 0, height: 0 };
  let planned = ''; // the window that the map was laid out for
  let plannedAt = 0;

  const zoom = /** @type {import('d3').ZoomBehavior<HTMLElement, unknown>} */ (d3.zoom())
    .scaleExtent([0.08, 6])
    .clickDistance(4)
    .on('zoom', (event) => {
      view = event.transform;
      if (event.sourceEvent) touched = true;
      hideTip();
      draw();
    });
  const padSelection = d3.select(/** @type {HTMLElement} */ (pad));
  padSelection.call(zoom).on('dblclick.zoom', null);

  const tree = mountMapTree(pad, {
    select,
    scene: () => scene,
    state: () => store.get(),
    focusOn: (box) => showFocus(box),
    zoomBy: (factor) => zoomBy(factor),
    fit: () => fit(true),
  });

  /** What the keyboard is on, in map units. @type {import('../layout/street.js').Rect|null} */
  let focusBox = null;

  /** @param {import('../layout/street.js').Rect|null} box */
  function showFocus(box) {
    focusBox = box;
    placeFocus();
  }

  function placeFocus() {
    focus.hidden = focusBox === null;
    if (focusBox === null) return;
    const { x, y, w, h } = focusBox;
    Object.assign(focus.style, {
      left: `${view.applyX(x) - 5}px`, top: `${view.applyY(y) - 5}px`, width: `${w * view.k + 10}px`, height: `${h * view.k + 10}px`,
    });
  }

  function draw() {
    if (drawing) return;
    drawing = requestAnimationFrame(() => {
      drawing = 0;
      placeFocus();
      farNote.textContent = scene ? farText(scene) : '';
      if (scene) painter.paint(isFar() ? scene.overview : scene.items, view, devicePixelRatio || 1);
    });
  }

  /** Every cap is announced. @param {Scene} shown */
  function farText({ routes }) {
    if (!isFar()) return '';
    return routes.trunks.length > FAR_TRUNKS ? `From afar only the ${FAR_TRUNKS} largest of ${routes.trunks.length} trunks are drawn: zoom in for the rest. ` : 'Zoom in to see the VMs. ';
  }

  function isFar() {
    return view.k < OVERVIEW_ZOOM;
  }

  /** @param {AppState} state */
  function rebuild(state) {
    const { model, map } = state;
    if (!model || !map) {
      scene = null;
      slots = null;
      draw();
      return;
    }
    if (map.id !== mapId) [slots, mapId, touched] = [null, map.id, false];
    const kept = arrange(model, map.state === 'live');
    scene = streetScene(/** @type {Layout} */ (layout), model, shownOf(model, state.filters), state.selection, isFiltering(state.filters));
    showControls(scene.layout);
    if (!kept || (!touched && outgrown(scene.layout.bounds))) fit(false);
    tree.update(scene, model);
    exposeScene(scene, map, () => view);
    draw();
  }

  /**
   * Gives everybody a place: the old one wherever that is possible.
   * @param {GraphModel} model
   * @param {boolean} growing
   * @returns {boolean} whether the old places were kept
   */
  function arrange(model, growing) {
    const keep = slots !== null && frame !== null && sameHouses(model, slots) && (frame.growing || !growing);
    if (keep && layout !== null && model === laidOut) return true;
    slots = assignSlots(model, keep ? slots : null);
    if (!keep || frame === null) {
      frame = plan(slots, growing, model.places.has(OUTSIDE) || model.places.has(ROUTERS));
      plannedAt = performance.now();
    }
    layout = layOut(slots, frame);
    laidOut = model;
    return keep;
  }

  /** @param {import('../layout/street.js').Rect} bounds @returns {boolean} whether a part of the map is out of sight */
  function outgrown({ x, y, w, h }) {
    const slack = 2;
    return view.applyX(x) < -slack || view.applyY(y) < -slack || view.applyX(x + w) > size.width + slack || view.applyY(y + h) > room() + slack;
  }

  /** Height that the map may fill above its caption. */
  function room() {
    return Math.max(120, size.height - foot.offsetHeight - 18);
  }

  /** @param {import('../layout/slots.js').Slots} given @param {boolean} growing @param {boolean} gates */
  function plan(given, growing, gates) {
    const sizes = new Map(given.houses.map((place) => [place, given.tiles[place]?.length ?? 0]));
    return planFrame(sizes, { width: size.width, height: room() }, { growing, gates });
  }

  /** @param {Layout} shown */
  function showControls(shown) {
    const folded = [...shown.houses.values()].reduce((sum, house) => sum + house.folded, 0);
    fill(controls,
      folded > 0 && el('span', { class: 'button button--small' }, `${folded} without a tile: see table`),
      el('button', { type: 'button', class: 'button button--small', onclick: tidy, title: 'Lay the map out afresh for this window' }, 'Tidy'),
      el('button', { type: 'button', class: 'button button--small', 'aria-label': 'Zoom out', onclick: () => zoomBy(1 / 1.3) }, '−'),
      el('button', { type: 'button', class: 'button button--small', 'aria-label': 'Zoom in', onclick: () => zoomBy(1.3) }, '+'),
      el('button', { type: 'button', class: 'button button--small', onclick: () => fit(true) }, 'Fit'));
  }

  function tidy() {
    [slots, frame, touched] = [null, null, false];
    rebuild(store.get());
  }

  /** @param {number} factor */
  function zoomBy(factor) {
    touched = true;
    padSelection.call(zoom.scaleBy, factor);
  }

  /** Shows everything. @param {boolean} asked */
  function fit(asked) {
    if (!scene || size.width === 0) return;
    if (asked) touched = false;
    const { bounds } = scene.layout;
    const k = Math.min(size.width / bounds.w, room() / bounds.h, 1.3);
    const x = (size.width - bounds.w * k) / 2 - bounds.x * k;
    const y = Math.max(0, (room() - bounds.h * k) / 2) - bounds.y * k + 2;
    padSelection.call(zoom.transform, d3.zoomIdentity.translate(x, y).scale(k));
  }

  function resize() {
    const box = street.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) return;
    size = { width: box.width, height: box.height };
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(box.width * ratio);
    canvas.height = Math.round(box.height * ratio);
    canvas.style.width = `${box.width}px`;
    canvas.style.height = `${box.height}px`;
    // a banner above the map is no reason to move anything, another window is
    const windowSize = `${innerWidth}x${innerHeight}`;
    if (windowSize !== planned && !touched && (planned === '' || !isBusy(store.get().map))) {
      [frame, slots, planned] = [null, null, windowSize];
      rebuild(store.get());
    } else if (!touched && performance.now() - plannedAt < SETTLING_MS) fit(false);
    draw();
  }

  /** @param {PointerEvent|MouseEvent} event @returns {Hit|null} */
  function hitAt(event) {
    if (!scene) return null;
    const box = pad.getBoundingClientRect();
    const [x, y] = view.invert([event.clientX - box.left, event.clientY - box.top]);
    const slack = Math.max(1, 1 / view.k);
    const hits = isFar() ? scene.overviewHits : scene.hits;
    /** @type {Hit|null} */
    let nearest = null;
    let least = Infinity;
    for (let i = hits.length - 1; i >= 0; i -= 1) {
      const hit = /** @type {Hit} */ (hits[i]);
      const { box: area, curve } = hit;
      if (area && x >= area.x && x <= area.x + area.w && y >= area.y && y <= area.y + area.h) return nearest ?? hit;
      const distance = curve ? distanceTo(curve, x, y) : Infinity;
      if (distance <= (hit.reach ?? 5) * slack && distance < least) [nearest, least] = [hit, distance];
    }
    return nearest;
  }

  let tipTimer = 0;
  function hideTip() {
    clearTimeout(tipTimer);
    tip.hidden = true;
  }

  /** @param {Hit} hit @param {PointerEvent} event */
  function showTip(hit, event) {
    fill(tip, el('b', {}, hit.tip), hit.detail);
    tip.hidden = false;
    const box = street.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left + 14, event.clientY - box.top + 16];
    tip.style.left = `${Math.max(4, Math.min(x, box.width - tip.offsetWidth - 8))}px`;
    tip.style.top = `${y + tip.offsetHeight > box.height ? y - tip.offsetHeight - 30 : y}px`;
  }

  pad.addEventListener('pointermove', (event) => {
    const hit = hitAt(event);
    pad.classList.toggle('is-over', hit !== null);
    hideTip();
    if (hit && event.pointerType !== 'touch') tipTimer = setTimeout(() => showTip(hit, event), TIP_DELAY_MS);
  });
  pad.addEventListener('pointerleave', hideTip);
  pad.addEventListener('click', (event) => {
    hideTip();
    select(hitAt(event)?.selection ?? null);
  });

  const endPicture = offerPicture(() => scene && { items: scene.items, bounds: scene.layout.bounds, title: 'Street map' });
  const observer = new ResizeObserver(resize);
  observer.observe(street);
  const endTheme = onThemeChange(() => {
    painter.setColours(readColours());
    draw();
  });
  const unsubscribe = store.subscribe((state, before) => {
    if (state.model !== before.model || state.filters !== before.filters || state.selection !== before.selection || state.map?.id !== before.map?.id) rebuild(state);
  });
  resize();

  return () => {
    observer.disconnect();
    endTheme();
    endPicture();
    unsubscribe();
    tree.unmount();
    hideTip();
    cancelAnimationFrame(drawing);
    street.remove();
  };
}

/** Read-only geometry in CSS pixels of the page, for tests. @param {Scene} scene @param {import('../document-types.js').MapStatus} map @param {() => import('d3').ZoomTransform} view */
function exposeScene(scene, map, view) {
  const toPage = (/** @type {number} */ x, /** @type {number} */ y) => {
    const box = document.getElementById('map-pad')?.getBoundingClientRect() ?? { left: 0, top: 0 };
    return { x: box.left + view().applyX(x), y: box.top + view().applyY(y) };
  };
  Object.defineProperty(window, '__flowmap', {
    configurable: true,
    value: Object.freeze({
      map: map.id,
      tiles: () => [...scene.layout.tiles.values()].map((tile) => ({ ...tile, middle: toPage(tile.x + tile.w / 2, tile.y + tile.h / 2) })),
      houses: () => [...scene.layout.houses.values()].map((house) => ({ place: house.place, box: house.box, tiles: house.tiles.length })),
      arcs: () => scene.routes.arcs.map(({ pair, lane, curve }) => {
        const [x, y] = curve.points[Math.floor(curve.points.length / 2)] ?? [0, 0];
        return { a: pair.a.id, b: pair.b.id, lane, middle: toPage(x, y) };
      }),
      trunks: () => scene.routes.trunks.map(({ from, to, lane, bytes }) => ({ from, to, lane, bytes })),
      turns: () => scene.routes.turns.map(({ place, bytes, apex }) => ({ place, bytes, middle: toPage(apex[0], apex[1]) })),
      scale: () => view().k,
    }),
  });
}
