/** @typedef {import('../document-types.js').MapStatus} MapStatus */

/**
 * The map that the page opens with: the wanted one, else the newest that has a result.
 * @param {MapStatus[]} maps newest first
 * @param {string|null} wanted id
 * @returns {MapStatus|null}
 */
export const mapToOpen = (maps, wanted) => maps.find(({ id }) => id === wanted) ?? maps.find(({ revision }) => revision > 0) ?? maps[0] ?? null;
