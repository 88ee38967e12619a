// The right column: what is selected, or where to look first.

import { isBusy, shownOf } from '../app-state.js';
import { chosenPairs } from '../scene/street-scene.js';
import { el, fill } from './element.js';
import { nodePanel } from './node-panel.js';
import { overviewPanel } from './overview-panel.js';
import { createPairPanel } from './pair-panel.js';
import { placePanel, trunkPanel } from './place-panel.js';
import { enableCorrections, pointPanel } from './point-panel.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../url-state.js').Selection} Selection */

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {import('../session.js').Session} session
 * @param {(selection: Selection|null) => void} select
 */
export function mountDetailPanel(element, store, session, select) {
  const pairPanel = createPairPanel(session, select);
  let submitted = ''; // id of the button that sent a form: it is disabled meanwhile, and so loses the focus
  element.addEventListener('submit', (event) => { submitted = event.submitter?.id ?? ''; });

  /** @param {AppState} state @param {boolean} moved the selection has changed */
  function render(state, moved) {
    const { model, map, selection } = state;
    if (!model || !map) {
      fill(element);
      return;
    }
    const scrolled = element.scrollTop;
    const inside = element.contains(document.activeElement);
    const focused = inside ? document.activeElement?.id : '';
    fill(element, selection && head(titleOf(selection)), content(state));
    element.scrollTop = moved ? 0 : scrolled;
    if (focused && !moved) document.getElementById(focused)?.focus({ preventScroll: true });
    if (inside && document.activeElement === document.body) element.focus({ preventScroll: true }); // what had the focus is gone
  }

  /** @param {AppState} state @returns {Node[]} */
  function content(state) {
    const { model, map, selection, health } = state;
    if (!model || !map) return [];
    const shown = shownOf(model, state.filters);
    if (selection === null) return overviewPanel(model, shown, select);
    const gone = [el('p', { class: 'muted' }, 'This is no longer in the map, or not in this one.')];
    if (selection.type === 'pair') {
      const pair = chosenPairs(model, shown, selection)[0];
      return pair ? pairPanel.render(pair, map, model) : gone;
    }
    if (selection.type === 'node') {
      const node = model.nodes.get(selection.id);
      return node ? nodePanel(node, model, select) : gone;
    }
    if (selection.type === 'point') {
      const point = model.facts.points.find(({ id }) => id === selection.id);
      return point ? pointPanel(point, model, map, health, session) : gone;
    }
    if (selection.type === 'trunk') return trunkPanel(selection, chosenPairs(model, shown, selection), select);
    return placePanel(selection.place, model, chosenPairs(model, shown, selection), select);
  }

  /** @param {string} title */
  function head(title) {
    return el('div', { class: 'detail-panel__head' }, el('h3', {}, title),
      el('button', { type: 'button', class: 'detail-panel__close', 'aria-label': 'Clear the selection', onclick: () => select(null) }, '✕'));
  }

  render(store.get(), true);
  return store.subscribe((state, before) => {
    const moved = state.selection !== before.selection;
    if (isBusy(state.map) !== isBusy(before.map)) {
      enableCorrections(element, state.map);
      if (!isBusy(state.map) && document.activeElement === document.body) document.getElementById(submitted)?.focus({ preventScroll: true });
    }
    if (moved || state.model !== before.model || state.filters !== before.filters || state.map?.id !== before.map?.id) render(state, moved);
  });
}

/** @param {Selection} selection */
function titleOf(selection) {
  return { pair: 'Selected pair', node: 'Selected endpoint', place: 'Selected place', trunk: 'Between two places', point: 'Capture point' }[selection.type];
}
