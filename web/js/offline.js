// A map saved as one file is this same page without a server (flowmap/export/html_page.py): what then is different.

/** @returns {boolean} whether the page is such a file */
export function isOffline() {
  return 'offline' in document.documentElement.dataset;
}

/** @returns {string} JSON of the document in the page */
export function documentText() {
  return document.getElementById('flowmap-document')?.textContent ?? '';
}
