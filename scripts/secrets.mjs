// Looks for secrets in what was printed and logged.

/** What a secret of ours looks like, whoever made it. */
const forms = /\bhwt_[A-Za-z0-9]{20,}|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}/g;

/**
 * One sentence for each secret that stands where it must not, without the secret.
 * @param {string} secrets one on each line @param {Record<string, string>} texts by what was done with them: printed, logged
 */
export function found(secrets, texts) {
  const known = new Set(secrets.split("\n").filter((secret) => secret !== ""));
  const words = [...known].filter((secret) => /^[A-Za-z0-9]+$/.test(secret));
  const phrases = [...known].filter((secret) => !/^[A-Za-z0-9]+$/.test(secret));
  const single = new Set(words);
  return Object.entries(texts).flatMap(([done, text]) => {
    const hits = new Set([
      ...Array.from(text.matchAll(/[A-Za-z0-9]{16,}/g), ([word]) => word).filter((word) => single.has(word)),
      ...phrases.filter((phrase) => text.includes(phrase)),
      ...Array.from(text.matchAll(forms), ([form]) => form),
    ]);
    return [...hits].map((secret) => {
      const at = text.indexOf(secret);
      const start = text.lastIndexOf("\n", at) + 1;
      const end = text.indexOf("\n", at);
      const line = text.slice(start, end === -1 ? undefined : end).replaceAll(secret, "…");
      return `${secret.slice(0, 4)}… was ${done}: ${line.slice(0, 300)}`;
    });
  });
}
