// The frame of the page: links that skip to a part, and the filters as a drawer where the window is narrow.

import { isFiltering } from '../model/filters.js';
import { byId, el } from './element.js';

/** @typedef {import('../app-state.js').Store} Store */

const OPEN = 'shows-filters';

/** @param {Store} store */
export function mountPageFrame(store) {
  const button = byId('filters-button');
  const filters = byId('filters');
  const details = byId('details');
  const close = el('button', { type: 'button', class: 'button button--small filter-column__close', onclick: () => show(false) }, 'Close');
  filters.prepend(close);
  // where the details stand below the map, a selection on the map would go unseen
  const toDetails = el('button', { type: 'button', class: 'button button--primary to-details', id: 'to-details', hidden: true, onclick: () => {
    details.scrollIntoView();
    details.focus({ preventScroll: true });
  } }, 'Details ↓');
  details.before(toDetails);

  // the hash of the address is the state of the page: a link must not replace it
  for (const link of document.querySelectorAll('.skip-link')) {
    link.addEventListener('click', (event) => {
      event.preventDefault();
      const part = byId((link.getAttribute('href') ?? '').slice(1));
      if (part === filters && !filters.checkVisibility()) show(true);
      else focusPart(part);
    });
  }

  /** @param {boolean} open */
  function show(open) {
    document.body.classList.toggle(OPEN, open);
    button.setAttribute('aria-expanded', String(open));
    if (open) close.focus();
    else if (filters.contains(document.activeElement)) button.focus();
  }
  button.addEventListener('click', () => show(!document.body.classList.contains(OPEN)));
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !document.body.classList.contains(OPEN) || document.querySelector('dialog[open], [popover]:popover-open')) return;
    event.preventDefault();
    show(false);
  });
  // a tap beside the drawer closes it
  byId('main').addEventListener('pointerdown', () => document.body.classList.contains(OPEN) && show(false));

  /** @param {import('../app-state.js').AppState} state */
  function render(state) {
    button.hidden = !state.model;
    toDetails.hidden = !state.model || state.selection === null;
    button.classList.toggle('is-on', isFiltering(state.filters));
    button.setAttribute('aria-label', isFiltering(state.filters) ? 'Filters, some are on' : 'Filters');
  }
  render(store.get());
  store.subscribe(render);
}

/** The part itself, or what takes the keys in it. @param {HTMLElement} part */
function focusPart(part) {
  const inner = /** @type {HTMLElement|null} */ (part.querySelector('[role="tree"], [role="grid"], [role="region"][tabindex="0"]'));
  (inner ?? part).focus();
}
