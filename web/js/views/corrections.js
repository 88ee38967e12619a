// Forms that change what is stated, and have the map judged again: shared by the panels of points, hosts and endpoints.

import { isBusy } from '../app-state.js';
import { shortName, visibleText } from '../format.js';
import { withUplinks } from '../model/point-statements.js';
import { uplinksText } from '../model/host-facts.js';
import { el } from './element.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').MapStatus} MapStatus */
/** @typedef {import('../session.js').Session} Session */

/** What fields for a host offer. @param {GraphModel} model */
export function hostNames(model) {
  const known = [...model.facts.points.map((one) => one.host), ...[...model.nodes.values()].map((node) => node.host)];
  const names = [...new Set(known.filter((host) => host !== null))].sort();
  return el('datalist', { id: 'known-hosts' }, names.map((name) => el('option', { value: name })));
}

/** @param {string} id @param {string} value @param {string} placeholder */
export function hostField(id, value, placeholder) {
  return el('input', {
    id, name: 'host', type: 'text', list: 'known-hosts', maxlength: 253, autocomplete: 'off', spellcheck: 'false', placeholder, value: value || null,
  });
}

/**
 * @param {MapStatus} map
 * @param {string} id of its button
 * @param {string} name for those who do not see where the button stands
 * @param {() => Promise<boolean>} send gives whether the map is being judged again
 * @param {...Node} fields
 */
export function correction(map, id, name, send, ...fields) {
  const save = el('button', { type: 'submit', class: 'button button--small', id, 'aria-label': `${name}: State and judge again` }, 'State and judge again');
  const group = el('fieldset', { class: 'point__form', 'aria-label': name, disabled: isBusy(map) }, fields, save);
  const form = el('form', { class: 'needs-server' }, group);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    group.disabled = true; // until the map is at rest again: what is typed meanwhile would be lost with the old panel
    if (!(await send())) group.disabled = false;
  });
  return form;
}

/** @param {string} host @param {import('../document-types.js').HostStatement} known @param {MapStatus} map @param {Session} session */
export function uplinkForm(host, known, map, session) {
  const listed = (known.uplinks ?? []).join(', ');
  const uplinks = el('input', {
    id: 'host-uplinks', name: 'uplinks', type: 'text', maxlength: 2000, autocomplete: 'off', spellcheck: 'false',
    placeholder: 'vmnic0, vmnic1', value: listed || null,
  });
  const complete = el('input', { id: 'host-complete', name: 'complete', type: 'checkbox', checked: known.uplinks_complete === true });
  return el('section', { class: 'point', 'aria-labelledby': 'host-title' },
    el('h3', { class: 'hostile', id: 'host-title' }, `Uplinks of ${shortName(host)}`),
    el('p', { class: 'muted hostile' }, `${visibleText(uplinksText(known))} Only with all of them captured does silence on them prove that traffic stayed.`),
    correction(map, 'host-save', `State the uplinks of ${visibleText(host)}`,
      () => session.statePoints((document) => withUplinks(document, host, { uplinks: uplinks.value, complete: complete.checked })),
      el('label', { for: uplinks.id }, 'Interfaces'), uplinks,
      el('label', { for: complete.id }, 'All'), el('span', { class: 'point__check' }, complete, ' the host has no other uplink')));
}
