// A points file, JSON or YAML, as the JSON that the server takes. Pure.

import { parseYaml } from './yaml-subset.js';

/** What is wrong with a points file, as a sentence for the user. */
class PointsFileError extends Error {
  name = 'PointsFileError';
}

/**
 * @param {string} name of the file
 * @param {string} text
 * @returns {unknown}
 * @throws {PointsFileError} with a sentence that names the file and the place
 */
export function readPoints(name, text) {
  const json = /\.json$/i.test(name);
  try {
    return json ? JSON.parse(text) : parseYaml(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new PointsFileError(json ? `${name} is not valid JSON: ${why}` : `${name} cannot be read: ${why}. The same as JSON works, too.`);
  }
}
