// The bar at the top: which map, live chip, search, views, theme, report, exports.

import { bytes, count, dateOf, plural, timeOfDay, visibleText, zoneOf } from '../format.js';
import { later } from '../later.js';
import { nodeMatches } from '../model/filters.js';
import { captureSummary } from '../model/health.js';
import { droppedText, interfaceText, leftText, lossSentences } from '../model/live.js';
import { paceOf, withMark } from '../model/pace.js';
import { isOffline } from '../offline.js';
import { byId, el, fill } from './element.js';
import { toggleTheme } from './theme.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../document-types.js').MapStatus} MapStatus */

const SEARCH_DELAY_MS = 150;

/**
 * @param {Store} store
 * @param {import('../session.js').Session} session
 * @param {{setView: (view: import('../url-state.js').View) => void, setSearch: (text: string) => void, select: (selection: import('../url-state.js').Selection|null) => void, openIntake: () => void, openLive: () => void, undo: () => void, copyLink: () => void}} actions
 */
export function mountHeader(store, session, actions) {
  const search = /** @type {HTMLInputElement} */ (byId('search'));
  const live = byId('live-chip');
  const liveText = byId('live-text');
  const stop = /** @type {HTMLButtonElement} */ (byId('live-stop'));
  const reportLink = /** @type {HTMLAnchorElement} */ (byId('report-link'));
  const viewButtons = /** @type {HTMLButtonElement[]} */ ([...byId('view-switch').querySelectorAll('button')]);

  byId('maps-button').toggleAttribute('inert', isOffline()); // a name only: there is no other map
  byId('theme-button').addEventListener('click', toggleTheme);
  byId('add-button').addEventListener('click', actions.openIntake);
  const undoButton = /** @type {HTMLButtonElement} */ (byId('undo-button'));
  undoButton.addEventListener('click', actions.undo);
  byId('link-button').addEventListener('click', actions.copyLink);
  byId('live-button').addEventListener('click', actions.openLive);
  stop.addEventListener('click', () => session.stopLive());
  for (const button of viewButtons) button.addEventListener('click', () => actions.setView(/** @type {import('../url-state.js').View} */ (button.dataset.view)));

  let timer = 0;
  search.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => actions.setSearch(search.value), SEARCH_DELAY_MS);
  });
  search.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    actions.setSearch(search.value);
    const wanted = search.value.trim().toLowerCase();
    const found = wanted ? [...(store.get().model?.nodes.values() ?? [])].find((node) => nodeMatches(node, wanted)) : undefined;
    if (found) actions.select({ type: 'node', id: found.id });
  });

  mountMenu('maps-menu', 'maps-button', () => fill(byId('maps-menu'), mapRows(store, session)));
  mountMenu('export-menu', 'export-button', () => fillExports(byId('export-menu'), store, session));

  /** @type {import('../model/pace.js').Mark[]} */
  let arrived = [];

  /** @param {AppState} state */
  function render(state) {
    const { map, model } = state;
    byId('maps-button').hidden = state.maps.length === 0;
    byId('source-text').textContent = map ? sourceText(map, model) : 'Maps';
    for (const id of ['export-button', 'undo-button', 'link-button']) byId(id).hidden = !model;
    undoButton.disabled = state.past.length === 0;
    reportLink.hidden = !map || !model;
    if (map) reportLink.href = `report.html?map=${encodeURIComponent(map.id)}`;
    byId('view-switch').hidden = !model;
    search.parentElement?.toggleAttribute('hidden', !model);
    if (document.activeElement !== search) search.value = state.filters.search;
    for (const button of viewButtons) button.setAttribute('aria-pressed', String(button.dataset.view === state.view));
    live.hidden = map?.state !== 'live';
    if (map?.state === 'live' && map.live) {
      const packets = map.progress?.packets ?? 0;
      arrived = withMark(arrived, { atMs: performance.now(), done: packets });
      const { perSecond } = paceOf(arrived, null);
      const speed = perSecond === null ? '' : `, ${count(perSecond)}/s`;
      const dropped = map.live.dropped_packets === null ? '' : ` · ${droppedText(map.live, true)}`;
      const rest = leftText(map);
      // what matters most first: where there is little room, the end is cut off
      liveText.textContent = `LIVE ${interfaceText(map.live)}${dropped}${rest && ` · ${rest}`} · ${count(packets)} pkt${speed}`;
      live.title = [visibleText(map.live.interface), map.live.filter && `filter: ${visibleText(map.live.filter)}`, droppedText(map.live, true)].filter(Boolean).join(' · ');
      live.classList.toggle('header__live--off', lossSentences(map).length > 0);
    }
    document.title = map ? `${visibleText(map.name)} – FlowMap` : 'FlowMap';
  }
  render(store.get());
  return store.subscribe(render);
}

/** @param {MapStatus} map @param {import('../model/graph-model.js').GraphModel|null} model */
function sourceText(map, model) {
  const own = visibleText(map.name);
  if (!model) return own;
  const summary = captureSummary(model.facts);
  return summary.startsWith(own) ? summary : `${own} · ${summary}`;
}

/** Fills a popover when it opens and puts it under its button. @param {string} menuId @param {string} buttonId @param {() => void} fillIt */
function mountMenu(menuId, buttonId, fillIt) {
  const menu = byId(menuId);
  menu.addEventListener('beforetoggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'open') return;
    fillIt();
    const box = byId(buttonId).getBoundingClientRect();
    menu.style.top = `${box.bottom + 6}px`;
    menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - 430))}px`;
  });
  menu.addEventListener('click', (event) => {
    if (event.target instanceof Element && event.target.closest('a, button')) menu.hidePopover();
  });
}

/** @param {HTMLElement} menu @param {Store} store @param {import('../session.js').Session} session */
function fillExports(menu, store, session) {
  const { here, come } = later.exports;
  const say = (/** @type {string} */ text) => fill(menu, el('p', { class: 'menu__wait', role: 'status' }, text));
  if (here) return fill(menu, here.exportRows(store.get(), session.notify));
  say('Loading …');
  come().then((module) => fill(menu, module.exportRows(store.get(), session.notify)), (error) => say(error.message));
}

/** @param {Store} store @param {import('../session.js').Session} session */
function mapRows(store, session) {
  const { maps, map } = store.get();
  return maps.map((one) => el('div', { class: 'menu__row' },
    el('button', { type: 'button', class: 'menu__item', 'aria-current': one.id === map?.id ? 'true' : null, onclick: () => session.open(one.id) },
      el('bdi', { class: 'hostile' }, visibleText(one.name)),
      el('small', {}, mapCaption(one))),
    el('button', { type: 'button', class: 'button button--small', 'aria-label': `Delete ${visibleText(one.name)}`, onclick: () => {
      if (confirm(`Delete the map “${visibleText(one.name)}” with its captures on this machine?`)) session.remove(one.id);
    } }, '✕')));
}

/** @param {MapStatus} map */
function mapCaption(map) {
  const size = map.captures.reduce((sum, capture) => sum + capture.size_bytes, 0);
  const at = Date.parse(map.created_at);
  const made = Number.isNaN(at) ? '' : ` · ${dateOf(at)} ${timeOfDay(at, 'minutes')} (${zoneOf(at)})`;
  return `${map.state} · ${plural(map.captures.length, 'capture')}${size ? `, ${bytes(size)}` : ''}${made}`;
}
