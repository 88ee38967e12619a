// Where a user says on which host an endpoint stands and what it is, and takes that back.

import { api } from '../api.js';
import { createAsking } from '../asking.js';
import { isBusy } from '../app-state.js';
import { visibleText } from '../format.js';
import { HAND_FILE, HAND_KINDS, handAnswer, readHandDocument, withHand, withoutHand } from '../model/placed-by-hand.js';
import { correction, hostField, hostNames } from './corrections.js';
import { el } from './element.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */
/** @typedef {import('../document-types.js').MapStatus} MapStatus */
/** @typedef {import('../document-types.js').Placement} Placement */

const EFFECT = 'Your word outranks the inventory, allows “likely” at most, and never overrules packets.';

/** @typedef {{placement: Placement|null, text: string}} Told what the server knows of one endpoint in one result; text: of the file */

/** @param {import('../session.js').Session} session @param {() => void} answered the server has told more: the panel can be made again */
export function createNodeCorrection(session, answered) {
  const asking = createAsking(load, answered);

  /** @param {DocumentNode} node @param {MapStatus} map what was told of an older result stays until there is newer */
  function known(node, map) {
    return asking.of(JSON.stringify([map.id, node.id]), map.revision, { node: node.id, map });
  }

  /** @param {DocumentNode} node @param {MapStatus} map @param {GraphModel} model @param {Told} told */
  function section(node, map, model, told) {
    return correctionSection(node, map, model, handAnswer(readHandDocument(told.text), node));
  }

  /** @param {DocumentNode} node @param {MapStatus} map @param {GraphModel} model @param {{host: string, kind: string}|null} said */
  function correctionSection(node, map, model, said) {
    const present = said?.kind ?? (node.kind === 'router' || node.kind === 'hypervisor' ? node.kind : 'vm');
    const host = hostField('node-host', said?.host ?? '', node.host ?? 'name of the host');
    const kind = el('select', { id: 'node-kind', name: 'kind' }, Object.entries(HAND_KINDS).map(([value, words]) => el('option', { value, selected: value === present }, words)));
    const requireHost = () => { host.required = kind.value !== 'router'; };
    kind.addEventListener('change', requireHost);
    requireHost();
    // folded where the map already knows better than most users
    return el('details', { class: 'point', 'data-key': 'correction', open: said !== null || node.host === null },
      el('summary', {}, said ? 'Placed by hand' : 'Correct host and kind'),
      el('p', { class: 'muted' }, EFFECT),
      hostNames(model),
      correction(map, 'node-save', `State where ${visibleText(node.label)} is`,
        () => session.placeByHand((document) => withHand(document, node, model.nodes.values(), { host: host.value, kind: kind.value })),
        el('label', { for: host.id }, 'Host'), host, el('label', { for: kind.id }, 'This is'), kind),
      said && removal(node, map));
  }

  /** @param {DocumentNode} node @param {MapStatus} map */
  function removal(node, map) {
    const button = el('button', { type: 'submit', class: 'button button--small', id: 'node-remove' }, 'Remove my correction');
    const group = el('fieldset', { class: 'point__removal', disabled: isBusy(map) }, button);
    const form = el('form', {}, group);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      group.disabled = true;
      if (!(await session.placeByHand((document) => withoutHand(document, node)))) group.disabled = false;
    });
    return form;
  }

  return { known, section, forget: asking.forget };
}

/** @param {{node: string, map: MapStatus}} what @param {AbortSignal} signal @returns {Promise<Told>} */
async function load({ node, map }, signal) {
  const exists = map.inventory.some(({ name }) => name === HAND_FILE);
  const [{ placement }, text] = await Promise.all([api.placement(map.id, node, signal), exists ? api.inventoryText(map.id, HAND_FILE, signal) : '']);
  return { placement, text };
}
