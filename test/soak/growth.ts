/** What was measured over time, and whether it grows. Pure. */

export interface Sample {
  /** In seconds since the start. */
  readonly at: number;
  /** MB */
  readonly rss: number;
  readonly handles: number;
  /** The longest that an answer took since the last sample, in ms. */
  readonly lag: number;
}

/** What each may grow by, from the second quarter of the time to the last: a part of it, and besides so much that is noise. */
const allowed = {
  rss: { part: 0.1, noise: 16, unit: "MB" },
  handles: { part: 0.1, noise: 20, unit: "" },
  lag: { part: 1, noise: 100, unit: "ms" },
} as const;

/** One sentence for each figure that grows. */
export function growth(samples: readonly Sample[]): string[] {
  const quarter = Math.floor(samples.length / 4);
  if (quarter === 0) return ["there are too few samples to tell"];
  return (["rss", "handles", "lag"] as const).flatMap((name) => {
    const middle = (from: number, to?: number): number => median(samples.slice(from, to).map((sample) => sample[name]));
    const early = middle(quarter, 2 * quarter);
    const late = middle(-quarter);
    const { part, noise, unit } = allowed[name];
    if (late <= early * (1 + part) + noise) return [];
    return [`${name} grows: ${early.toFixed(0)} ${unit} in the second quarter, ${late.toFixed(0)} ${unit} in the last`];
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
