// The right column: what is selected, or where to look first.

import { isBusy, shownOf } from '../app-state.js';
import { later } from '../later.js';
import { el, fill } from './element.js';
import { forgetOpened } from './more-list.js';
import { overviewPanel } from './overview-panel.js';
import { createSteady, keepingPlace } from './steady.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../document-types.js').MapStatus} MapStatus */
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
  /** @type {ReturnType<typeof import('./chosen-panels.js').createChosenPanels>|null} */
  let panels = null;
  let lost = ''; // why the panels did not come
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
    if (moved) {
      forgetOpened();
      lost = ''; // another try
    }
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
    const { model, map, selection } = state;
    if (!model || !map) return [];
    const shown = shownOf(model, state.filters);
    panels?.keepOnly(selection);
    if (selection === null) return overviewPanel(model, shown, select);
    return panelsHere()?.render(selection, state, model, map, shown) ?? [el('p', { class: 'muted', role: 'status' }, lost || 'Loading …')];
  }

  /** The panels; null while their modules are on their way, which is followed by another rendering. */
  function panelsHere() {
    const { here, come } = later.chosen;
    if (here) return (panels ??= here.createChosenPanels(session, actions, answered));
    if (lost === '') come().catch((error) => { lost = error.message; }).then(answered);
    return null;
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

/** Lets the statements of a map at rest be corrected, and says while it is judged again. @param {HTMLElement} panel @param {MapStatus|null} map */
function enableCorrections(panel, map) {
  const wait = panel.querySelector('#corrections-wait');
  if (wait instanceof HTMLElement) wait.textContent = waitText(map);
  for (const fields of panel.querySelectorAll('fieldset')) fields.disabled = isBusy(map);
}

/** @param {MapStatus|null} map */
function waitText(map) {
  if (!isBusy(map)) return '';
  return map?.state === 'live' ? 'Stop the capture to correct' : 'Judging again …';
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
