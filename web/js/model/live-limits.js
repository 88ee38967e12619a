// When a live capture ends by itself: in the units that people type. Pure.

/** @typedef {import('../document-types.js').LiveLimits} LiveLimits */

/** @type {{key: keyof LiveLimits, unit: string, each: number}[]} */
export const LIMITS = [
  { key: 'seconds', unit: 'minutes', each: 60 },
  { key: 'bytes', unit: 'MB captured', each: 1e6 },
  { key: 'packets', unit: 'packets', each: 1 },
];

/**
 * @param {(key: string) => string} typed what stands in a field
 * @returns {Partial<LiveLimits>} fields that are empty, or no number, are left to the server
 */
export function limitsOf(typed) {
  return Object.fromEntries(LIMITS.flatMap(({ key, each }) => {
    const value = Math.round(Number(typed(key)) * each);
    return value >= 1 ? [[key, value]] : [];
  }));
}
