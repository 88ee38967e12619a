// Answers that were asked for before anybody wanted them. Each is given once: who asks again wants a newer one.

/** @typedef {{ok: boolean, status: number, text: string, headers: Headers}} Answer */

/** @type {Map<string, Promise<Answer>>} by path below /api */
const asked = new Map();

/** @param {string} path below /api @param {RequestInit} [init] @returns {Promise<Answer>} with its whole text */
export async function answerOf(path, init) {
  const response = await fetch(`/api${path}`, init);
  return { ok: response.ok, status: response.status, text: await response.text(), headers: response.headers };
}

/** @param {string} path below /api @returns {Promise<Answer>} */
export function askAhead(path) {
  const answer = answerOf(path);
  answer.catch(() => {}); // it is told to who takes the answer
  asked.set(path, answer);
  return answer;
}

/** @param {string} path below /api @returns {Promise<Answer>|null} */
export function takeAnswer(path) {
  const answer = asked.get(path) ?? null;
  asked.delete(path);
  return answer;
}

/** From here on, every answer is a new one. */
export const forgetAnswers = () => asked.clear();
