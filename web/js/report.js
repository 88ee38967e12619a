// The report page: asks for the report of the map in the address and shows it.

import { ApiError, api } from './api.js';
import { byId, el, fill } from './views/element.js';
import { reportElements } from './views/report-view.js';
import { restoreTheme } from './views/theme.js';

restoreTheme();
const id = new URL(location.href).searchParams.get('map') ?? '';
const place = byId('report');

/** @param {string} link @param {string} address */
function offer(link, address) {
  const anchor = /** @type {HTMLAnchorElement} */ (byId(link));
  anchor.href = address;
  anchor.hidden = false;
}

/** @param {string} heading @param {string} text */
function say(heading, text) {
  fill(place, el('h1', {}, heading), el('p', { class: 'hostile' }, text));
  byId('report-state').textContent = `${heading}. ${text}`;
}

async function show() {
  if (id === '') {
    say('No map is named', 'Open a map and follow its link to the report.');
    return;
  }
  /** @type {HTMLAnchorElement} */ (byId('map-link')).href = `./?map=${encodeURIComponent(id)}`;
  try {
    const report = await api.report(id);
    fill(place, reportElements(report));
    byId('report-state').textContent = `${report.title} is shown.`; // not all of it at once
    document.title = `${report.title} – FlowMap`;
    offer('markdown-link', api.reportAddress(id, 'md'));
    offer('html-link', api.reportAddress(id, 'html'));
    byId('print-button').hidden = false;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(error.status === 401 ? 'This page needs its key' : 'There is no report yet', error.message);
  }
}

byId('print-button').addEventListener('click', () => print());
await show();
document.documentElement.dataset.started = ''; // for those who drive the page
