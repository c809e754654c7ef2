import { afterEach } from "bun:test";

/** `open`, whatever it is opened for one test with: what it answers ends with that test. */
export function endedAfterEach<Given extends unknown[], Opened>(
  open: (...given: Given) => Promise<Opened>,
  end: (opened: Opened) => Promise<void>,
): (...given: Given) => Promise<Opened> {
  const opened: Opened[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0)) await end(one);
  });
  return async (...given) => {
    const one = await open(...given);
    opened.push(one);
    return one;
  };
}
