// The middle of the page: the map, the table, or what to do when there is neither.

import { isBusy } from '../app-state.js';
import { bytes, duration, visibleText } from '../format.js';
import { later } from '../later.js';
import { el, fill, icon } from './element.js';
import { mountStreetView } from './street-view.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {import('./street-view.js').MapActions & {setSort: (sort: string) => void, setMatrix: (patch: Partial<AppState>) => void, chooseFiles: () => void, openSample: () => void, openLive: () => void}} actions
 */
export function mountStage(element, store, actions) {
  let showing = '';
  /** @type {(() => void)|null} */
  let unmount = null;
  /** A view that did not come, and why. @type {{view: string, why: string}|null} */
  let lost = null;

  /** @param {AppState} state @returns {string} */
  function wanted(state) {
    if (state.phase === 'loading') return 'loading';
    if (state.phase === 'locked') return 'locked';
    if (state.model) return state.view === lost?.view ? 'lost' : state.view;
    if (state.map && (isBusy(state.map) || state.work)) return state.map.state === 'live' ? 'listening' : 'working';
    if (state.map && state.map.revision > 0) return 'loading';
    if (state.map?.error) return `failed ${state.map.error}`;
    return 'empty';
  }

  /** Whether the view that is wanted is still on its way: what is there stays until then. @param {string} next */
  function isComing(next) {
    if ((next !== 'matrix' && next !== 'table') || later[next].here) return false;
    later[next].come().catch((error) => { lost = { view: next, why: error.message }; }).then(() => render(store.get()));
    return true;
  }

  /** @param {AppState} state */
  function render(state) {
    if (state.view !== lost?.view) lost = null; // who comes back to it tries again
    const next = wanted(state);
    document.body.classList.toggle('is-empty', !state.model);
    if (next === showing || isComing(next)) return;
    unmount?.();
    unmount = null;
    fill(element);
    showing = next;
    element.setAttribute('aria-label', next === 'table' ? 'Table of pairs' : next === 'matrix' ? 'Matrix by host' : 'Map');
    if (next === 'map') unmount = mountStreetView(element, store, actions);
    else if (next === 'matrix' && later.matrix.here) unmount = later.matrix.here.mountMatrixView(element, store, actions);
    else if (next === 'table' && later.table.here) unmount = later.table.here.mountPairTable(element, store, actions);
    else element.append(el('div', { class: 'empty' }, card(next, state)));
  }

  /** @param {string} what @param {AppState} state */
  function card(what, state) {
    if (what === 'loading') return el('p', { class: 'muted' }, 'Loading …');
    if (what === 'working') return el('div', { class: 'empty__card' }, icon('stayed', 72, 60), el('h1', {}, 'Reading the capture'), el('p', {}, 'The map appears as soon as there is one.'));
    if (what === 'listening') return el('div', { class: 'empty__card' }, icon('stayed', 72, 60), el('h1', {}, 'Listening'), el('p', {}, 'The map grows with the first packets.'));
    if (what === 'locked') {
      return el('div', { class: 'empty__card' }, icon('logo', 54, 54), el('h1', {}, 'This page needs its key'),
        el('p', {}, 'Open the address that flowmap serve printed: it carries a token that works once. Start the server again for a new one.'), el('p', { class: 'hostile empty__legal' }, state.lockedText));
    }
    if (what === 'lost') {
      return el('div', { class: 'empty__card' }, icon('warn', 54, 51), el('h1', {}, 'This view is not here'), el('p', { id: 'lost' }, lost?.why),
        el('button', { type: 'button', class: 'button button--primary', onclick: () => location.reload() }, 'Load this page again'));
    }
    return dropCard(state, what.startsWith('failed'));
  }

  /** @param {AppState} state @param {boolean} failed */
  function dropCard(state, failed) {
    const { limits, map } = state;
    const kept = limits?.keep_captures_s ? `Captures are kept there for ${duration(limits.keep_captures_s * 1000)}, ${bytes(limits.keep_captures_bytes)} at most.` : 'Captures are deleted after the analysis.';
    return el('div', { class: 'empty__card' },
      icon('logo', 54, 54),
      el('h1', {}, failed ? 'This capture could not be read' : 'Drop a capture here'),
      failed ? el('p', { class: 'hostile', id: 'failure' }, visibleText(map?.error ?? '')) : el('p', {}, 'pcap or pcapng from a vSwitch mirror, also gzipped; several at once, with an inventory (CSV, JSON, YAML, XML) and a points file if you have them.'),
      el('div', { class: 'empty__actions' },
        el('button', { type: 'button', class: 'button button--primary', onclick: actions.chooseFiles }, failed ? 'Choose another file' : 'Choose files'),
        el('button', { type: 'button', class: 'button', id: 'sample-button', onclick: actions.openSample }, 'Try the sample'),
        el('button', { type: 'button', class: 'button', onclick: actions.openLive }, 'Live capture')),
      el('ol', { class: 'empty__steps' },
        el('li', {}, el('b', {}, 'What stayed'), 'VM-to-VM traffic that never left its host, invisible to every firewall outside'),
        el('li', {}, el('b', {}, 'What left, and turned back'), 'pairs across the physical network, and hairpins that return to the same host'),
        el('li', {}, el('b', {}, 'What cannot be told'), 'and which capture or inventory would settle it')),
      el('p', { class: 'empty__legal' }, `Nothing leaves this machine: files go to the FlowMap server that sent this page, to nobody else. ${kept}`));
  }

  render(store.get());
  return store.subscribe(render);
}
