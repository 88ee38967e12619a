// The street map on screen: canvas, camera, pointing, and the tree that keyboards and screen readers use.

import { shownOf } from '../app-state.js';
import { isFiltering } from '../model/filters.js';
import { isGrouped } from '../model/clusters.js';
import { streetScene } from '../scene/street-scene.js';
import { mountCamera } from './camera.js';
import { el } from './element.js';
import { exposeScene } from './expose-scene.js';
import { mountMapTree } from './map-tree.js';
import { offerPicture } from './picture-source.js';
import { mountStreetCanvas } from './street-canvas.js';
import { mountStreetFoot } from './street-foot.js';
import { createPlaces } from './street-places.js';
import { mountTip } from './street-tip.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../scene/items.js').Detail} Detail */
/** @typedef {import('../scene/items.js').Hit} Hit */
/** @typedef {import('../scene/street-scene.js').Scene} Scene */
/** @typedef {import('../url-state.js').Selection} Selection */
/** @typedef {import('../layout/street.js').Rect} Rect */
/**
 * @typedef {object} MapActions
 * @property {(selection: Selection|null) => void} select
 * @property {(camera: import('../url-state.js').Camera|null) => void} setCamera
 * @property {(patch: {grouping?: import('../model/clusters.js').Grouping, unfolded?: string[]}) => void} group
 */

/** What belongs to a new map, such as its banners, may come a moment later and change the window. */
const SETTLING_MS = 1500;
/** Farther away than this names in tiles cannot be read: houses are drawn as chips then. */
const FAR_ZOOM = 0.42;
/** Nearer than this everything is drawn. */
const NEAR_ZOOM = 0.8;

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {MapActions} actions
 * @returns {() => void} unmount
 */
export function mountStreetView(element, store, { select, setCamera, group }) {
  const canvas = el('canvas', { 'aria-hidden': 'true' });
  const pad = el('div', { class: 'street__pad', id: 'map-pad' });
  const focus = el('div', { class: 'street__focus', hidden: true });
  const foot = mountStreetFoot({ tidy, zoomBy: (factor) => camera.zoomBy(factor), fit: fitAsked, group });
  const street = el('div', { class: 'street' }, canvas, pad, focus, foot.element);
  element.append(street);
  const tip = mountTip(street);

  /** @type {Scene|null} */
  let scene = null;
  let mapId = '';
  let size = { width: 0, height: 0 };
  let plannedAt = -Infinity; // when the map was laid out afresh
  /** What the keyboard is on, in map units. @type {Rect|null} */
  let focusBox = null;

  const camera = mountCamera(pad, {
    room: () => ({ ...room(), whole: size.height }),
    settled: setCamera,
    moved: () => {
      tip.hide();
      picture.move();
    },
  });
  const picture = mountStreetCanvas(canvas, {
    parts: () => scene?.parts(detail()) ?? [],
    view: camera.view,
    drawn: () => {
      placeFocus();
      foot.setNote(scene?.notDrawn(detail()) ?? '');
    },
  });
  const places = createPlaces({ room, hint: foot.suggestTidy });
  const tree = mountMapTree(pad, {
    select, unfold, scene: () => scene, state: () => store.get(), zoomBy: camera.zoomBy, fit: fitAsked,
    focusOn: (box, went) => {
      focusBox = box;
      if (box && went) camera.reveal(box);
      placeFocus();
    },
  });
  const endScene = exposeScene(() => scene, () => mapId, camera.view, pad);

  /** @returns {Detail} */
  function detail() {
    const { k } = camera.view();
    return k < FAR_ZOOM ? 'far' : k < NEAR_ZOOM ? 'middle' : 'near';
  }

  /** What the map may fill: above its caption. */
  function room() {
    return { width: size.width, height: Math.max(120, size.height - foot.element.offsetHeight - 18) };
  }

  function placeFocus() {
    focus.hidden = focusBox === null;
    if (focusBox === null) return;
    const { x, y, w, h } = focusBox;
    const view = camera.view();
    Object.assign(focus.style, {
      left: `${view.applyX(x) - 5}px`, top: `${view.applyY(y) - 5}px`, width: `${w * view.k + 10}px`, height: `${h * view.k + 10}px`,
    });
  }

  /** @param {AppState} state */
  function rebuild(state) {
    const { whole, model, map } = state;
    if (!whole || !model || !map || size.width === 0) {
      scene = null;
      picture.draw();
      return;
    }
    const opened = map.id !== mapId;
    mapId = map.id;
    const { layout, fresh } = places.arrange(state, whole);
    const grouped = isGrouped(whole, state.grouping);
    scene = streetScene(layout, model, shownOf(model, state.filters), state.selection, { filtering: isFiltering(state.filters), grouped });
    foot.update(state);
    if (fresh) plannedAt = performance.now();
    if (opened && state.camera) camera.restore(state.camera, layout.bounds);
    else if (opened || fresh || (!camera.isTouched() && camera.outgrown(layout.bounds))) showAll();
    tree.update(scene, model);
    picture.draw();
  }

  function showAll() {
    if (!scene || size.width === 0) return;
    camera.fit(scene.layout.bounds);
    if (store.get().camera) setCamera(null);
  }

  function fitAsked() {
    showAll();
    places.hintLater();
  }

  function tidy() {
    places.forget();
    rebuild(store.get());
  }

  /** @param {string} name of a cluster */
  function unfold(name) {
    group({ unfolded: [...store.get().unfolded.filter((one) => one !== name), name] });
  }

  /** @param {string} name of a cluster */
  function fold(name) {
    group({ unfolded: store.get().unfolded.filter((one) => one !== name) });
  }

  function resize() {
    const box = street.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) return;
    const first = size.width === 0;
    size = { width: box.width, height: box.height };
    picture.resize(box.width, box.height);
    if (first) rebuild(store.get());
    else if (!camera.isTouched()) {
      // a map that has just been laid out takes the window as it turns out to be; later only the view is fitted
      if (performance.now() - plannedAt < SETTLING_MS) tidy();
      else fitAsked();
    }
    picture.draw();
  }

  /** @param {PointerEvent|MouseEvent} event @returns {Hit|null} */
  function hitAt(event) {
    const box = pad.getBoundingClientRect();
    const view = camera.view();
    const [x, y] = view.invert([event.clientX - box.left, event.clientY - box.top]);
    return scene?.hits(detail()).at(x, y, Math.max(1, 1 / view.k)) ?? null;
  }

  pad.addEventListener('pointermove', (event) => {
    if (event.buttons) return;
    const hit = hitAt(event);
    pad.classList.toggle('is-over', hit !== null);
    if (hit && event.pointerType !== 'touch') tip.soon(hit.words, event);
    else tip.hide();
  });
  pad.addEventListener('pointerleave', tip.hide);
  pad.addEventListener('click', (event) => {
    tip.hide();
    const hit = hitAt(event);
    if (hit?.turn) 'unfold' in hit.turn ? unfold(hit.turn.unfold) : fold(hit.turn.fold);
    else select(hit?.selection ?? null);
  });

  const endPicture = offerPicture(() => scene && { items: scene.items, bounds: scene.layout.bounds, title: 'Street map' });
  const observer = new ResizeObserver(resize);
  observer.observe(street);
  const unsubscribe = store.subscribe((state, before) => {
    const changed = /** @type {(keyof AppState)[]} */ (['whole', 'model', 'filters', 'selection', 'grouping', 'unfolded']).some((key) => state[key] !== before[key]);
    if (changed || state.map?.id !== before.map?.id) rebuild(state);
    if (!scene || state.camera === before.camera || state.map?.id !== before.map?.id) return;
    if (state.camera && !camera.isAt(state.camera)) camera.restore(state.camera, scene.layout.bounds);
    else if (!state.camera && camera.isTouched()) camera.fit(scene.layout.bounds);
  });
  resize();

  return () => {
    observer.disconnect();
    endPicture();
    endScene();
    unsubscribe();
    tree.unmount();
    tip.hide();
    places.unmount();
    picture.unmount();
    street.remove();
  };
}
