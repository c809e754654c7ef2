import { randomInt } from "node:crypto";

/**
 * A port that nobody has, for what takes no 0 and for what comes back to where it was. It is below those that systems give out by
 * themselves, so none of the tests that run meanwhile gets it instead.
 */
export function freePort(): number {
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(10_000, 32_000);
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).stop(true);
      return port;
    } catch (thrown) {
      if (attempt === 20) throw thrown;
    }
  }
}
