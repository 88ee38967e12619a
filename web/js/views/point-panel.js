// A capture point with those of the same host and role: what each is and how that is known, and where to correct it.

import { isBusy } from '../app-state.js';
import { count, msOfNs, percent, timeSpan, visibleText } from '../format.js';
import { healthOf, hostStatements } from '../model/health.js';
import { withPoint, withUplinks } from '../model/point-statements.js';
import { ROLES } from '../verdicts.js';
import { el } from './element.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').MapStatus} MapStatus */
/** @typedef {import('../document-types.js').Point} Point */
/** @typedef {import('../session.js').Session} Session */

const PROTOCOLS = { lldp: 'LLDP', cdp: 'CDP', stp: 'spanning tree' };
const LEFT_TO_FLOWMAP = 'leave it to FlowMap';

/**
 * @param {Point} point
 * @param {GraphModel} model
 * @param {MapStatus} map
 * @param {import('../document-types.js').Health|null} health
 * @param {Session} session
 * @returns {Node[]}
 */
export function pointPanel(point, model, map, health, session) {
  const { points, captures } = model.facts;
  const group = points.filter((one) => one.host === point.host && one.role === point.role);
  const chosen = [point, ...group.filter((one) => one !== point)];
  const hosts = hostStatements(model.facts, health);
  const state = healthOf(group, hosts);
  const uplinks = point.host === null ? undefined : hosts[point.host];
  const capture = captures.find((one) => one.file === point.file);
  return [
    el('h2', { class: 'hostile' }, state.title),
    el('p', { class: 'detail-panel__sub hostile' }, visibleText([...new Set(group.map((one) => one.file))].join(', '))),
    el('p', { class: 'detail-panel__sub', id: 'points-wait', hidden: !isBusy(map) }, map.state === 'live' ? 'Stop the capture to correct its points.' : 'The map is being worked on; its points can be corrected afterwards.'),
    hostNames(model),
    chosen.length > 1 && groupForm(chosen, model, map, session),
    chosen.some((one) => one.host_how?.startsWith('inferred') || one.role_how?.startsWith(`inferred from its traffic`)) && el('p', { class: 'detail-panel__sub' }, 'An inferred host, and a role inferred from traffic, decide nothing until they are stated.'),
    ...chosen.map((one, place) => pointSection(one, place, model, map, session)),
    point.host !== null && uplinkForm(point.host, uplinks ?? {}, map, session),
    el('section', {}, el('h3', {}, 'What it means'), el('ul', { class: 'evidence' }, state.facts.map((fact_) =>
      el('li', {}, el('span', { class: fact_.off ? 'against' : 'for', 'aria-hidden': 'true' }, fact_.off ? '!' : '✓'), el('span', {}, fact_.text))))),
    capture !== undefined && capture.warnings.length > 0 && el('section', {}, el('h3', {}, 'Warnings of this capture'), el('ul', { class: 'evidence' }, capture.warnings.map((warning) =>
      el('li', {}, el('span', { class: 'against', 'aria-hidden': 'true' }, '!'), el('span', { class: 'hostile' }, visibleText(warning.text)))))),
  ].filter((node) => node !== false);
}

/** Lets the points of a map at rest be corrected. @param {HTMLElement} panel @param {MapStatus|null} map */
export function enableCorrections(panel, map) {
  const wait = panel.querySelector('#points-wait');
  if (wait instanceof HTMLElement) wait.hidden = !isBusy(map);
  for (const fields of panel.querySelectorAll('fieldset')) fields.disabled = isBusy(map);
}

/** What the field for the host offers. @param {GraphModel} model */
function hostNames(model) {
  const known = [...model.facts.points.map((one) => one.host), ...[...model.nodes.values()].map((node) => node.host)];
  const names = [...new Set(known.filter((host) => host !== null))].sort();
  return el('datalist', { id: 'known-hosts' }, names.map((name) => el('option', { value: name })));
}

/**
 * @param {Point} point
 * @param {number} place in the panel: ids stay the same when the panel is made again, so that the focus finds its way back
 * @param {GraphModel} model
 * @param {MapStatus} map
 * @param {Session} session
 */
function pointSection(point, place, model, map, session) {
  const share = (/** @type {number|null} */ value) => (value === null ? '–' : percent(value, 1));
  return el('section', { class: 'point', 'aria-labelledby': `point-${place}` },
    el('h3', { class: 'hostile', id: `point-${place}` }, visibleText(point.id)),
    el('dl', { class: 'facts' },
      fact('Role', `${ROLES[point.role] ?? point.role}`), how(point.role_how),
      fact('Host', visibleText(point.host ?? 'not known')), how(point.host_how),
      (point.neighbors ?? []).flatMap((one) => fact(`${PROTOCOLS[one.protocol]} heard`, visibleText(`${one.name}${one.port ? ` port ${one.port}` : ''}${one.platform ? `, ${one.platform}` : ''}, frame ${one.frame}`))),
      point.covers ? fact('Covers', visibleText(point.covers)) : [],
      (point.sampled ?? 1) > 1 ? fact('Sampled', `one packet in ${count(point.sampled ?? 1)}`) : [],
      fact('Packets', count(point.packets)),
      fact('Span', timeSpan(msOfNs(point.first_seen_ns), msOfNs(point.last_seen_ns))),
      fact('Copies per packet', point.copies_per_packet === null ? '–' : point.copies_per_packet.toFixed(2)),
      fact('One-way conversations', share(point.one_way_share)),
      fact('Frames cut short', share(point.truncated_share)),
      fact('Dropped', point.dropped_packets === null ? 'not reported' : count(point.dropped_packets))),
    pointForm(point, place, model, map, session));
}

/** @param {string} term @param {string} value */
function fact(term, value) {
  return [el('dt', {}, term), el('dd', { class: 'hostile' }, value)];
}

/** How the fact above is known. @param {string|undefined} text */
function how(text) {
  return [el('dt', { class: 'visually-hidden' }, 'Known from'), el('dd', { class: 'hostile facts__how' }, visibleText(text || 'nothing said or found'))];
}

/** @param {Point} point @param {number} place @param {GraphModel} model @param {MapStatus} map @param {Session} session */
function pointForm(point, place, model, map, session) {
  const { points } = model.facts;
  const { role, host } = statedOf(point);
  const fields = answerFields(`point-${place}`, role, host, LEFT_TO_FLOWMAP);
  return correction(map, `point-${place}-save`, `State what ${visibleText(point.id)} is`, session,
    (document) => withPoint(document, point, points, { role: fields.role.value, host: fields.host.value }), ...fields.nodes);
}

/** One answer for all points of the panel; what is left empty stays as it is for each. @param {Point[]} group @param {GraphModel} model @param {MapStatus} map @param {Session} session */
function groupForm(group, model, map, session) {
  const { points } = model.facts;
  const fields = answerFields('group', '', '', 'as each is');
  return el('section', { class: 'point', 'aria-labelledby': 'group-title' },
    el('h3', { id: 'group-title' }, `All ${group.length} points`),
    correction(map, 'group-save', `State what all ${group.length} points are`, session,
      (document) => group.reduce((said, one) => {
        const own = statedOf(one);
        return withPoint(said, one, points, { role: fields.role.value || own.role, host: fields.host.value.trim() || own.host });
      }, document), ...fields.nodes));
}

/** What the user has stated of a point, "" for nothing. @param {Point} point */
function statedOf(point) {
  return { role: point.role_how === 'stated' ? point.role : '', host: (point.host_how === 'stated' && point.host) || '' };
}

/** @param {string} prefix of their ids @param {string} stated role @param {string} name stated host @param {string} otherwise what an empty answer means */
function answerFields(prefix, stated, name, otherwise) {
  const role = el('select', { id: `${prefix}-role`, name: 'role' }, el('option', { value: '' }, otherwise),
    Object.entries(ROLES).map(([value, words]) => el('option', { value, selected: value === stated }, words)));
  const host = el('input', {
    id: `${prefix}-host`, name: 'host', type: 'text', list: 'known-hosts', maxlength: 253, autocomplete: 'off', spellcheck: 'false', placeholder: otherwise, value: name || null,
  });
  return { role, host, nodes: [el('label', { for: role.id }, 'Role'), role, el('label', { for: host.id }, 'Host'), host] };
}

/** @param {string} host @param {import('../document-types.js').HostStatement} known @param {MapStatus} map @param {Session} session */
function uplinkForm(host, known, map, session) {
  const listed = (known.uplinks ?? []).join(', ');
  const uplinks = el('input', {
    id: 'host-uplinks', name: 'uplinks', type: 'text', maxlength: 2000, autocomplete: 'off', spellcheck: 'false',
    placeholder: 'vmnic0, vmnic1', value: listed || null,
  });
  const complete = el('input', { id: 'host-complete', name: 'complete', type: 'checkbox', checked: known.uplinks_complete === true });
  return el('section', { class: 'point', 'aria-labelledby': 'host-title' },
    el('h3', { class: 'hostile', id: 'host-title' }, visibleText(`Uplinks of ${host}`)),
    el('p', { class: 'muted' }, `${visibleText(listed) || 'None is listed'}; ${known.uplinks_complete ? 'stated complete' : 'not known to be complete'}. Only with all of them captured does silence on them prove that traffic stayed.`),
    correction(map, 'host-save', `State the uplinks of ${visibleText(host)}`, session,
      (document) => withUplinks(document, host, { uplinks: uplinks.value, complete: complete.checked }),
      el('label', { for: uplinks.id }, 'Interfaces'), uplinks,
      el('label', { for: complete.id }, 'All'), el('span', { class: 'point__check' }, complete, ' the host has no other uplink')));
}

/**
 * A form that changes what is stated, and has the map judged again.
 * @param {MapStatus} map
 * @param {string} id of its button
 * @param {string} name for those who do not see where the button stands
 * @param {Session} session
 * @param {(document: import('../model/point-statements.js').PointsDocument) => import('../model/point-statements.js').PointsDocument} change
 * @param {...Node} fields
 */
function correction(map, id, name, session, change, ...fields) {
  const save = el('button', { type: 'submit', class: 'button button--small', id, 'aria-label': `${name}: State and judge again` }, 'State and judge again');
  const group = el('fieldset', { class: 'point__form', 'aria-label': name, disabled: isBusy(map) }, fields, save);
  const form = el('form', {}, group);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    group.disabled = true; // until the map is at rest again: what is typed meanwhile would be lost with the old panel
    if (!(await session.statePoints(change))) group.disabled = false;
  });
  return form;
}
