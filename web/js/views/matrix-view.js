// The matrix on screen: canvas, zoom, folding, pointing; the keys are in matrix-keys.js.

import d3 from '../d3.js';
import { shownOf } from '../app-state.js';
import { MATRIX, startFolded } from '../layout/matrix.js';
import { bandsAt, fitView, paneOf, planBands, under } from '../layout/matrix-frame.js';
import { assignSlots, worthKeeping } from '../layout/slots.js';
import { matrixScene } from '../scene/matrix-items.js';
import { matrixPicture } from '../scene/matrix-picture.js';
import { MatrixPainter } from '../scene/paint-matrix.js';
import { el, fill } from './element.js';
import { createHover } from './matrix-hover.js';
import { HOST, LABEL, mountMatrixKeys } from './matrix-keys.js';
import { exposeMatrix } from './matrix-probe.js';
import { blockTip, cellSelection, cellTip, foldTexts, gridName, lineTip } from './matrix-words.js';
import { loadPlaces } from './kept-places.js';
import { offerPicture } from './picture-source.js';
import { onThemeChange, readColours } from './theme.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../url-state.js').Selection} Selection */
/** @typedef {import('../scene/matrix-picture.js').Picture} Picture */
/** @typedef {import('../layout/matrix-frame.js').Under} Under */
/** @typedef {import('../layout/street.js').Rect} Rect */
/** @typedef {import('./matrix-keys.js').Spot} Spot */

/** Unfolding a host from afar comes this close to it. */
const CLOSE_CELL_PX = 13;

/** A zoom goes into the address when it has come to rest for so long. */
const REST_MS = 200;

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {{select: (selection: Selection|null) => void, setMatrix: (patch: Partial<Pick<AppState, 'matrixFolds'|'matrixCamera'>>) => void}} actions
 * @returns {() => void} unmount
 */
export function mountMatrixView(element, store, { select, setMatrix }) {
  const canvas = el('canvas', { 'aria-hidden': 'true' });
  const pad = el('div', { class: 'matrix__pad', id: 'matrix-pad' });
  const focus = el('div', { class: 'street__focus', hidden: true });
  const controls = el('div', { class: 'street__controls' });
  const folds = el('b', { class: 'matrix__folds', id: 'matrix-folds' });
  const others = el('span');
  const caption = el('p', { class: 'street__caption' }, folds, 'Framed blocks on the diagonal are hosts: blue in them never left; the stronger, the more bytes (logarithm). Cells too narrow for it show their largest part alone. ', others,
    el('span', { class: 'street__hints' }, el('b', {}, 'Arrows'), ' go to the next traffic (', el('b', {}, 'Shift'), ': next cell), ', el('b', {}, 'Enter'), ' selects, ', el('b', {}, 'f'), ' folds the host, ', el('b', {}, 'Esc'), ' · ', el('b', {}, '+ − 0'), ' zoom'));
  const foot = el('div', { class: 'street__foot' }, caption, controls);
  const frame = el('div', { class: 'matrix' }, canvas, pad);
  const hover = createHover(frame, {
    boxOf,
    isFilled: (row, column) => picture?.cells.at(row, column) !== undefined,
    end: () => ({ x: view.applyX(picture?.axis.length ?? 0), y: view.applyY(picture?.axis.length ?? 0) }),
    pane: () => pane(),
    bands: () => bands(),
  });
  frame.append(focus, foot);
  element.append(frame);

  const painter = new MatrixPainter(canvas, getComputedStyle(document.body).fontFamily);
  painter.setColours(readColours());

  /** @type {Picture|null} */
  let picture = null;
  /** @type {import('../layout/slots.js').Slots|null} */
  let slots = null;
  /** @type {import('../model/graph-model.js').GraphModel|null} model that the slots were made for */
  let placed = null;
  /** @type {Set<string>|null} */
  let folded = null;
  let planned = { left: { hosts: 0, names: 0 }, top: { hosts: 0, names: 0 } };
  let mapId = '';
  let view = d3.zoomIdentity;
  let touched = false; // the user has zoomed: growth must not move the view
  let controlled = ''; // the hosts that the buttons below were made for
  let drawing = 0;
  let resting = 0;
  let size = { width: 0, height: 0 };
  /** @type {Spot|null} */
  let focused = null;

  const zoom = /** @type {import('d3').ZoomBehavior<HTMLElement, unknown>} */ (d3.zoom())
    .scaleExtent([0.02, 6])
    .clickDistance(4)
    .on('zoom', (event) => {
      view = event.transform;
      if (event.sourceEvent) touched = true;
      clearTimeout(resting);
      if (touched) resting = setTimeout(() => setMatrix({ matrixCamera: cameraNow() }), REST_MS);
      hover.leave();
      draw();
    });
  const padSelection = d3.select(/** @type {HTMLElement} */ (pad));
  padSelection.call(zoom).on('dblclick.zoom', null);

  const keys = mountMatrixKeys(pad, {
    picture: () => picture,
    model: () => store.get().model,
    choose,
    toggle,
    focusOn,
    zoomBy,
    fit: () => fit(true),
  });

  const room = () => ({ width: size.width, height: Math.max(120, size.height - foot.offsetHeight - 2) });
  const bands = () => bandsAt(planned, view.k);
  const pane = () => paneOf(view, bands(), room());

  function draw() {
    if (drawing) return;
    drawing = requestAnimationFrame(() => {
      drawing = 0;
      placeFocus();
      if (picture) painter.paint(picture, view, pane(), bands(), devicePixelRatio || 1);
      else painter.clear();
    });
  }

  /** @param {AppState} state */
  function rebuild(state) {
    const { model, map } = state;
    if (!model || !map || size.width === 0) return;
    const fresh = map.id !== mapId;
    if (fresh) [slots, placed, folded, mapId, touched] = [loadPlaces(map.id)?.slots ?? null, null, null, map.id, false];
    const whole = state.whole ?? model;
    const kept = arrange(whole);
    const before = picture;
    const shown = shownOf(model, state.filters);
    const given = /** @type {import('../layout/slots.js').Slots} */ (slots);
    folded = state.matrixFolds ? new Set(state.matrixFolds) : folded ?? startFolded(given, whole, Math.min(size.width, room().height) - 180);
    picture = matrixPicture(whole, model, shown, given, folded, state.selection);
    const texts = foldTexts(picture, model, shown);
    [folds.textContent, others.textContent] = [texts.hosts, texts.others];
    pad.setAttribute('aria-label', gridName(picture, model));
    showControls(picture);
    if (before?.axis !== picture.axis) {
      planLabels(picture);
      hover.leave(); // another pair may be under the pointer now
    }
    if (fresh && state.matrixCamera) goTo(state.matrixCamera);
    else if (!before || !kept || (!touched && outgrown(picture))) fit(!kept);
    keys.update(before, picture);
    exposeMatrix(map.id, picture, () => ({ view, pane: pane(), bands: bands() }));
    draw();
  }

  /** @param {Picture} shown @returns {boolean} whether a part of it is out of sight */
  function outgrown({ axis }) {
    const { left, top, right, bottom } = pane();
    return view.x < left || view.y < top || view.applyX(axis.length) > right || view.applyY(axis.length) > bottom;
  }

  /** @param {Picture} shown */
  function planLabels({ axis, names }) {
    planned = planBands(axis, names.reduce((most, name) => Math.max(most, name.length), 0), room());
  }

  /** Keeps the old order where that is possible. @param {import('../model/graph-model.js').GraphModel} model @returns {boolean} whether it was */
  function arrange(model) {
    if (model === placed && slots) return true;
    const keep = slots !== null && worthKeeping(model, slots);
    slots = assignSlots(model, keep ? slots : null);
    placed = model;
    return keep;
  }

  /** @param {Picture} shown */
  function showControls({ axis }) {
    const hosts = axis.blocks.filter((block) => !block.gate);
    const said = JSON.stringify(hosts.map(({ place, folded: whole }) => [place, whole]));
    if (said === controlled) return; // a button that is made anew loses the press that has begun on it
    controlled = said;
    const small = 'button button--small';
    const active = document.activeElement instanceof HTMLElement && controls.contains(document.activeElement) ? document.activeElement.id : '';
    fill(controls,
      hosts.some((block) => !block.folded) && hosts.length > 1 && el('button', { type: 'button', class: small, id: 'matrix-fold', onclick: () => foldTo(new Set(hosts.map((block) => block.place))) }, 'Fold all'),
      hosts.some((block) => block.folded) && el('button', { type: 'button', class: small, id: 'matrix-unfold', onclick: () => foldTo(new Set()) }, 'Unfold all'),
      el('button', { type: 'button', class: small, id: 'matrix-out', 'aria-label': 'Zoom out', onclick: () => zoomBy(1 / 1.3) }, '−'),
      el('button', { type: 'button', class: small, id: 'matrix-in', 'aria-label': 'Zoom in', onclick: () => zoomBy(1.3) }, '+'),
      el('button', { type: 'button', class: small, id: 'matrix-fit', onclick: () => fit(true) }, 'Fit'));
    if (active) (document.getElementById(active) ?? controls.querySelector('button'))?.focus();
  }

  /** @param {Set<string>} next */
  function foldTo(next) {
    setMatrix({ matrixFolds: [...next] });
    fit(true);
  }

  /** Folds or unfolds one host, which stays where it is on the screen. @param {string} place */
  function toggle(place) {
    const block = picture?.axis.blockOf.get(place);
    if (!block || block.gate) return;
    const was = view.apply([block.start, block.start]);
    const next = new Set(folded);
    if (!next.delete(place)) next.add(place);
    touched = true;
    hover.leave();
    setMatrix({ matrixFolds: [...next] });
    const now = picture?.axis.blockOf.get(place);
    if (!now) return;
    const k = now.folded ? view.k : Math.max(view.k, CLOSE_CELL_PX / MATRIX.cell);
    const { left, top, right, bottom } = pane();
    const fits = k === view.k;
    const x = fits ? was[0] : Math.min(Math.max(was[0], left), left + (right - left) * 0.2);
    const y = fits ? was[1] : Math.min(Math.max(was[1], top), top + (bottom - top) * 0.2);
    padSelection.call(zoom.transform, d3.zoomIdentity.translate(x - now.start * k, y - now.start * k).scale(k));
  }

  /** @param {number} factor */
  function zoomBy(factor) {
    touched = true;
    const { left, top, right, bottom } = pane();
    padSelection.call(zoom.scaleBy, factor, [(left + right) / 2, (top + bottom) / 2]);
  }

  /** Shows everything. @param {boolean} asked */
  function fit(asked) {
    if (!picture || size.width === 0) return;
    if (asked) touched = false;
    if (!touched && store.get().matrixCamera) setMatrix({ matrixCamera: null });
    const { x, y, k } = fitView(picture.axis, planned, room());
    zoom.scaleExtent([Math.min(0.08, k * 0.7), 6]);
    padSelection.call(zoom.transform, d3.zoomIdentity.translate(x, y).scale(k));
  }

  /** What is in the middle of the window. @returns {import('../url-state.js').Camera} */
  function cameraNow() {
    const { width, height } = room();
    const [x, y] = view.invert([width / 2, height / 2]);
    return { x, y, k: view.k };
  }

  /** What is seen already: a camera that came from here, or one that the address has rounded. @param {import('../url-state.js').Camera} camera */
  function isAt({ x, y, k }) {
    const now = cameraNow();
    return Math.abs(now.x - x) <= 1 && Math.abs(now.y - y) <= 1 && Math.abs(now.k - k) <= 0.001;
  }

  /** @param {import('../url-state.js').Camera} camera */
  function goTo({ x, y, k }) {
    touched = true;
    zoom.scaleExtent([0.02, 6]);
    const { width, height } = room();
    padSelection.call(zoom.transform, d3.zoomIdentity.translate(width / 2 - x * k, height / 2 - y * k).scale(k));
  }

  function resize() {
    const box = frame.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) return;
    const first = size.width === 0;
    size = { width: box.width, height: box.height };
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(box.width * ratio);
    canvas.height = Math.round(box.height * ratio);
    canvas.style.width = `${box.width}px`;
    canvas.style.height = `${box.height}px`;
    if (first) rebuild(store.get());
    else if (picture) planLabels(picture);
    if (!touched) fit(false);
    draw();
  }

  /** On the screen. @param {Spot} at @returns {Rect} */
  function boxOf({ row, column }) {
    const shown = /** @type {Picture} */ (picture);
    const line = shown.axis.lines[row];
    const part = column === HOST ? shown.axis.blocks[line?.block ?? 0] : line;
    const { left } = pane();
    const [y, h] = [view.applyY(part?.start ?? 0), (part?.size ?? 0) * view.k];
    if (column === HOST || (column === LABEL && line?.whole)) {
      const wide = column === HOST ? bands().left.hosts : bands().left.hosts + bands().left.names;
      return { x: left - bands().left.hosts - bands().left.names, y, w: wide - 4, h };
    }
    if (column === LABEL) return { x: left - bands().left.names, y, w: bands().left.names, h };
    const along = shown.axis.lines[column];
    return { x: view.applyX(along?.start ?? 0), y, w: (along?.size ?? 0) * view.k, h };
  }

  /** @param {Spot|null} spot @param {boolean} [went] somebody went there: it must be in sight */
  function focusOn(spot, went = true) {
    focused = spot;
    if (went && spot && picture) bringIntoView(boxOf(spot), spot.column >= 0);
    placeFocus();
  }

  /** @param {Rect} box @param {boolean} sideways */
  function bringIntoView({ x, y, w, h }, sideways) {
    const { left, top, right, bottom } = pane();
    const dx = !sideways ? 0 : x < left ? left + 20 - x : x + w > right ? right - 20 - x - w : 0;
    const dy = y < top ? top + 20 - y : y + Math.min(h, bottom - top - 20) > bottom ? bottom - 20 - y - h : 0;
    if (dx === 0 && dy === 0) return;
    touched = true;
    padSelection.call(zoom.translateBy, dx / view.k, dy / view.k);
  }

  function placeFocus() {
    focus.hidden = focused === null || picture === null;
    if (focused === null || picture === null) return;
    const { x, y, w, h } = boxOf(focused);
    const { left, top, bottom } = pane();
    if (y + h < top || y > bottom || (focused.column >= 0 && x + w < left)) focus.hidden = true; // under the labels
    Object.assign(focus.style, { left: `${x - 4}px`, top: `${y - 4}px`, width: `${w + 8}px`, height: `${h + 8}px` });
  }

  /** @param {PointerEvent|MouseEvent} event @returns {Under|null} */
  function underPointer(event) {
    if (!picture) return null;
    const box = pad.getBoundingClientRect();
    return under(picture.axis, view, bands(), pane(), event.clientX - box.left, event.clientY - box.top);
  }

  /** What Enter does where the keyboard is. @param {Spot} spot */
  function choose({ row, column }) {
    const line = picture?.axis.lines[row];
    if (!picture || !line) return;
    if (column === HOST || (column === LABEL && line.whole)) chooseBlock(line.block);
    else if (column === LABEL) select(line.id === null ? null : { type: 'node', id: line.id });
    else {
      const cell = picture.cells.at(row, column);
      select(cell ? cellSelection(picture, cell) : null);
    }
  }

  /** Selects a host and unfolds it; chosen again, it folds. @param {number} index */
  function chooseBlock(index) {
    const block = picture?.axis.blocks[index];
    if (!block) return;
    const { selection } = store.get();
    const again = selection?.type === 'place' && selection.place === block.place;
    if (!again) select({ type: 'place', place: block.place });
    if (block.folded || again) toggle(block.place);
  }

  /** @param {Under|null} found */
  function click(found) {
    if (!found || !picture) select(null);
    else if (found.kind === 'cell') choose(found);
    else if (found.kind === 'line') choose({ row: found.line, column: LABEL });
    else {
      const block = picture.axis.blocks[found.block];
      if (block && found.onMark && !block.gate) toggle(block.place);
      else chooseBlock(found.block);
    }
  }

  /** @param {Under} found @returns {{tip: string, detail: string}|null} */
  function tipOf(found) {
    const { model } = store.get();
    if (!picture || !model) return null;
    if (found.kind === 'block') return blockTip(picture, found.block);
    if (found.kind === 'line') return lineTip(picture, model, found.line);
    const cell = picture.cells.at(found.row, found.column);
    return cell ? cellTip(picture, cell) : null;
  }

  pad.addEventListener('pointermove', (event) => {
    const found = underPointer(event);
    const words = found && tipOf(found);
    pad.classList.toggle('is-over', words !== null);
    hover.over(found, words, event);
  });
  pad.addEventListener('pointerleave', hover.leave);
  pad.addEventListener('click', (event) => {
    hover.leave();
    click(underPointer(event));
  });

  const endPicture = offerPicture(() => picture && { ...matrixScene(picture), title: 'Matrix by host' });
  const observer = new ResizeObserver(resize);
  observer.observe(frame);
  const endTheme = onThemeChange(() => {
    painter.setColours(readColours());
    draw();
  });
  const unsubscribe = store.subscribe((state, before) => {
    const changed = /** @type {(keyof AppState)[]} */ (['model', 'filters', 'selection', 'matrixFolds']).some((key) => state[key] !== before[key]);
    if (changed || state.map?.id !== before.map?.id) rebuild(state);
    if (!picture || state.matrixCamera === before.matrixCamera || state.map?.id !== before.map?.id) return;
    if (state.matrixCamera && !isAt(state.matrixCamera)) goTo(state.matrixCamera);
    else if (!state.matrixCamera && touched) fit(true);
  });
  resize();

  return () => {
    observer.disconnect();
    endTheme();
    endPicture();
    unsubscribe();
    keys.unmount();
    hover.leave();
    cancelAnimationFrame(drawing);
    clearTimeout(resting);
    frame.remove();
    Reflect.deleteProperty(window, '__flowmapMatrix');
  };
}
