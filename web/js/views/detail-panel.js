// The right column: what is selected, or where to look first.

import { allOf, isBusy, shownOf } from '../app-state.js';
import { isCluster } from '../model/clusters.js';
import { UNPLACED, isHouse, pairKey } from '../model/graph-model.js';
import { rangeText } from '../model/headline.js';
import { chosenPairs } from '../scene/street-scene.js';
import { enableCorrections, waitText } from './corrections.js';
import { el, fill } from './element.js';
import { hostPanel } from './host-panel.js';
import { forgetOpened } from './more-list.js';
import { createNodePanel } from './node-panel.js';
import { overviewPanel } from './overview-panel.js';
import { createPairPanel } from './pair-panel.js';
import { createSteady, keepingPlace } from './steady.js';
import { placePanel, trunkPanel } from './place-panel.js';
import { pointPanel } from './point-panel.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../url-state.js').Selection} Selection */

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {import('../session.js').Session} session
 * @param {{select: (selection: Selection|null) => void, setFilters: (filters: import('../model/filters.js').Filters) => void}} actions
 */
export function mountDetailPanel(element, store, session, actions) {
  const { select } = actions;
  const steady = createSteady(element);
  const answered = () => steady.render(() => render(false));
  const pairPanel = createPairPanel(session, actions, answered);
  const nodePanel = createNodePanel(session, actions, answered);
  let submitted = ''; // id of the button that sent a form: it is disabled meanwhile, and so loses the focus
  /** @type {import('../model/graph-model.js').GraphModel|null} */
  let rendered = null;
  element.addEventListener('submit', (event) => { submitted = event.submitter?.id ?? ''; });

  /** @param {boolean} moved the selection has changed */
  function render(moved) {
    const state = store.get();
    const { model, map, selection } = state;
    if (!model || !map) {
      fill(element);
      return;
    }
    if (moved) forgetOpened();
    const typed = !moved && model === rendered ? typedIn(element) : [];
    rendered = model;
    const scrolled = element.scrollTop;
    const inside = element.contains(document.activeElement);
    const build = () => fill(element, selection && head(titleOf(selection), waitText(map)), content(state));
    if (moved) build();
    else keepingPlace(element, build);
    for (const [id, value] of typed) typeInto(document.getElementById(id), value);
    element.scrollTop = moved ? 0 : scrolled;
    if (inside && document.activeElement === document.body) element.focus({ preventScroll: true }); // what had the focus is gone
  }

  /** @param {AppState} state @returns {Node[]} */
  function content(state) {
    const { model, map, selection, health } = state;
    if (!model || !map) return [];
    const shown = shownOf(model, state.filters);
    if (selection?.type !== 'pair') pairPanel.forget();
    if (selection?.type !== 'node') nodePanel.forget();
    if (selection === null) return overviewPanel(model, shown, select);
    const gone = [el('p', { class: 'muted' }, 'This is no longer in the map, or not in this one.')];
    if (selection.type === 'pair') {
      const pair = chosenPairs(model, shown, selection)[0];
      if (!pair && state.whole?.pairByKey.has(pairKey(selection.a, selection.b))) return [el('p', { class: 'muted', id: 'silent' }, `This pair has no traffic in ${rangeText(model) ?? 'this view'}; the timeline shows when it had.`)];
      return pair ? pairPanel.render(pair, map, model, state) : gone;
    }
    if (selection.type === 'node') {
      const node = model.nodes.get(selection.id);
      return node ? nodePanel.render(node, map, model, state) : gone;
    }
    if (selection.type === 'point') {
      const point = model.facts.points.find(({ id }) => id === selection.id);
      return point ? pointPanel(point, model, map, health, session) : gone;
    }
    if (selection.type === 'trunk') return trunkPanel(selection, model, chosenPairs(model, allOf(model), selection), chosenPairs(model, shown, selection), select);
    const { place } = selection;
    const all = chosenPairs(model, allOf(model), selection);
    const pairs = chosenPairs(model, shown, selection);
    if (!model.places.has(place) && !model.facts.points.some((point) => point.host === place)) return gone;
    if (isHouse(place) && place !== UNPLACED && !isCluster(place)) return hostPanel(place, model, map, all, pairs, state, session, actions);
    return placePanel(place, model, all, pairs, select);
  }

  /** @param {string} title @param {string} wait */
  function head(title, wait) {
    return el('div', { class: 'detail-panel__head' }, el('h3', {}, title), el('p', { class: 'detail-panel__wait', id: 'corrections-wait', role: 'status' }, wait),
      el('button', { type: 'button', class: 'detail-panel__close', 'aria-label': 'Clear the selection', 'data-key': 'clear', onclick: () => select(null) }, '✕'));
  }

  render(true);
  return store.subscribe((state, before) => {
    const moved = state.selection !== before.selection;
    if (isBusy(state.map) !== isBusy(before.map)) {
      enableCorrections(element, state.map);
      if (!isBusy(state.map) && document.activeElement === document.body) document.getElementById(submitted)?.focus({ preventScroll: true });
    }
    const asked = moved || state.filters !== before.filters || state.map?.id !== before.map?.id;
    if (asked || state.model !== before.model) steady.render(() => render(moved), asked);
  });
}

/** What somebody has changed in the fields of the panel, so that a filter that changes does not undo typing. @param {HTMLElement} element @returns {[string, string|boolean][]} */
function typedIn(element) {
  return [...element.querySelectorAll('input, select')].flatMap(changedIn);
}

/** @param {Element} field @returns {[string, string|boolean][]} */
function changedIn(field) {
  if (field instanceof HTMLSelectElement) return [...field.options].some((option) => option.selected !== option.defaultSelected) ? [[field.id, field.value]] : [];
  if (!(field instanceof HTMLInputElement)) return [];
  if (field.type === 'checkbox') return field.checked === field.defaultChecked ? [] : [[field.id, field.checked]];
  return field.value === field.defaultValue ? [] : [[field.id, field.value]];
}

/** @param {HTMLElement|null} field @param {string|boolean} value */
function typeInto(field, value) {
  if (field instanceof HTMLInputElement && typeof value === 'boolean') field.checked = value;
  else if ((field instanceof HTMLInputElement || field instanceof HTMLSelectElement) && typeof value === 'string') field.value = value;
}

/** @param {Selection} selection */
function titleOf(selection) {
  return { pair: 'Selected pair', node: 'Selected endpoint', place: 'Selected place', trunk: 'Between two places', point: 'Capture point' }[selection.type];
}
